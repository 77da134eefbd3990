"""Every dependency has its reason in ARCHITECTURE.md."""

from __future__ import annotations

import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent.parent


def test_every_dependency_has_a_reason_and_no_reason_is_left_over() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {re.split(r"[\[<>=;~!]", one)[0].strip() for one in wanted} - {"contractgen"}
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", page[page.index("## Dependencies") :], re.MULTILINE)
    given = {
        name.strip() for first, why in rows[1:] if why.strip() for name in re.sub(r"\(.*?\)", "", first).split(",")
    }
    assert given == names
