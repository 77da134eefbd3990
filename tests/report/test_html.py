"""The page of a contract."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from contractgen.contract.model import Contract, Parameter, Tensor
from contractgen.report.html import page
from tests.report.contracts import EVERYTHING


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


def read(contract: Contract) -> Page:
    parser = Page()
    parser.feed(page(contract))
    assert parser.open == []
    return parser


def test_the_page_says_all_that_the_contract_says() -> None:
    text = read(EVERYTHING).text
    for words in (
        "batch['ids']",
        "0 to 999",
        "= height // 16",
        "seq <= height",
        "position.weight has 512 rows",
        "sha256:00",
    ):
        assert words in text
    assert text.index("int32 ran too") < text.index("Inputs")


def test_the_page_needs_nothing_from_elsewhere() -> None:
    seen = read(EVERYTHING)
    assert seen.links == []
    assert "script" not in seen.tags
    assert "url(" not in page(EVERYTHING)
    assert "@import" not in page(EVERYTHING)


def test_names_from_a_model_are_text() -> None:
    hostile = "</td><script>alert(1)</script>"
    contract = replace(EVERYTHING, name=hostile, inputs=(Parameter(hostile, Tensor(hostile, "int64", ())),))
    seen = read(contract)
    assert "script" not in seen.tags
    assert hostile in seen.text
