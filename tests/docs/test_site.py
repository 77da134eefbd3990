"""The site is built without a warning, links lead somewhere, and no page fetches anything from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("docs") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target)],
        cwd=ROOT, capture_output=True, text=True, timeout=300, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return target


def test_every_page_is_there_and_no_script(site: Path) -> None:
    wanted = {page.relative_to(DOCS).with_suffix("").as_posix() for page in DOCS.rglob("*.md")}
    built = {page.parent.relative_to(site).as_posix() for page in site.rglob("index.html")}
    assert built == {"." if name == "index" else name.removesuffix("/index") for name in wanted}
    assert not list(site.rglob("*.py"))


def test_every_page_is_in_the_navigation(site: Path) -> None:
    home = (site / "index.html").read_text(encoding="utf-8")
    listed = set(re.findall(r'<a href="([^"#]*)" class="md-nav__link', home))
    pages = {f"{page.parent.relative_to(site).as_posix()}/" for page in site.rglob("index.html")} - {"./"}
    assert pages <= listed


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        fetched = re.findall(r'<(?:script|img|iframe|source)\b[^>]*\bsrc="([^"]+)"', text)
        fetched += re.findall(r'<link\b[^>]*\bhref="([^"]+)"', text)
        assert fetched
        assert [url for url in fetched if re.match(r"(?:https?:)?//", url)] == [], page


def test_the_format_is_the_readmes(site: Path) -> None:
    text = (site / "format/index.html").read_text(encoding="utf-8")
    assert "The fingerprint" in text
    assert 'id="what-a-contract-does-not-check"' in text
    assert "--8&lt;--" not in text
