"""The documentation of the rules of `contractgen diff`, from the rules themselves."""

from __future__ import annotations

from collections.abc import Iterator

from contractgen.contract.compare.rules import RULES, Rule

INTRODUCTION = """\
# Rules of `contractgen diff`

This page is generated from `contractgen/contract/compare/rules.py`; `python -m docs.renew` renews it, and a test holds it.
`contractgen explain RULE` prints a rule's section. Each rule has a folder with an old contract, a new one and the exact
findings below `tests/compare/rules`.

| rule | what changed | breaks |
|---|---|---|
"""


def page() -> str:
    """The page of all rules."""
    rows = "".join(f"| [`{rule.id}`](#{rule.id}) | {rule.what} | {rule.whom} |\n" for rule in RULES.values())
    return INTRODUCTION + rows + "".join(f"\n## {rule.id}\n\n{section(rule)}" for rule in RULES.values())


def section(rule: Rule) -> str:
    """What there is to say about one rule."""
    return "\n".join(_lines(rule)) + "\n"


def _lines(rule: Rule) -> Iterator[str]:
    yield f"- What changed: {rule.what}."
    yield f"- Why it breaks: {rule.why}."
    yield f"- For whom: {rule.whom}."
    yield f"- Instead: {rule.fix}."
    if rule.mirror is not None:
        yield f"- Mirror: `{rule.mirror}`."
    else:
        yield f"- No mirror: {rule.waiver}."
