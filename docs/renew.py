"""Write the pages that are generated from the code: `python -m docs.renew`."""

from __future__ import annotations

from pathlib import Path

from contractgen.report import explanations, rule_pages
from docs import commands_page, python_page

PAGES = {
    "commands.md": commands_page.page,
    "errors.md": explanations.page,
    "python.md": python_page.page,
    "rules.md": rule_pages.page,
}


def main() -> None:
    """Write them all."""
    for name, page in PAGES.items():
        (Path(__file__).parent / name).write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
