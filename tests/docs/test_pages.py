"""Pages that are generated from the code are as the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contractgen.contract.compare.rules import RULES
from docs.renew import PAGES

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_fresh(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "renew it: python -m docs.renew"


def test_each_rule_has_its_section() -> None:
    sections = set(re.findall(r"^## (\S+)$", (DOCS / "rules.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert sections == set(RULES)


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).is_file(), target
