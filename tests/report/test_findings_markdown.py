"""What a name holds stays text in the table of a pull request."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from contractgen.report.findings_markdown import cell, code

NAMES = ["a", "`", "``", "a`b", "`a", "a`", "a``b`c", "a|b", "<b>", "[a](b)", "*a*", "\\", "_a_", "a\nb"]


def rendered(text: str) -> str:
    """The cell of a table, as HTML."""
    html = MarkdownIt("commonmark").enable("table").render(f"| x | y |\n|---|---|\n| {text} | z |\n")
    assert html.count("<td>") == 2, html
    return html.split("<td>")[1].split("</td>")[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_code_is_itself(name: str) -> None:
    shown = rendered(code(name)).removeprefix("<code>").removesuffix("</code>")
    assert shown.replace("&lt;", "<").replace("&gt;", ">") == name.replace("\n", " ")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_a_cell_is_itself(name: str) -> None:
    shown = rendered(cell(name))
    assert "<" not in shown
    assert shown.replace("&lt;", "<").replace("&gt;", ">") == name.replace("\n", " ")
