"""`compare`: what changed from one contract to another, what that breaks, and for which direction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from contractgen.contract.compare.align import aligned
from contractgen.contract.compare.message import Witness, message_json
from contractgen.contract.compare.root import key_step
from contractgen.contract.compare.rules import CALL, RULES, UNDECIDED, Rule
from contractgen.contract.compare.search import Search
from contractgen.contract.model import Contract, Parameter

Mode: TypeAlias = Literal["backward", "forward", "full"]
"""Which direction has to keep working.

``backward``: old clients with a new server. ``forward``: new clients with an old server. ``full``: both.
"""

Direction: TypeAlias = Literal["backward", "forward"]
Step: TypeAlias = Literal["major", "minor", "patch", "none"]


@dataclass(frozen=True)
class Finding:
    """One change that breaks a direction. ``severity`` is ``info`` where the mode does not ask for that direction."""

    rule: Rule
    breaks: Direction
    severity: Literal["error", "warning", "info"]
    about: str
    """The place, dim or relation in words: ``dim seq at inputs.ids axis 1``."""
    old: str
    new: str
    witness: Witness | None
    """None where the finding is that nothing was found out."""
    note: str = ""

    @property
    def subject(self) -> str:
        """What it is about, without the place where that was met: ``dim seq``."""
        return _subject(self.about)

    def to_json(self) -> dict[str, object]:
        """The finding as plain data."""
        shown: dict[str, object] = {
            "rule": self.rule.id,
            "breaks": self.breaks,
            "severity": self.severity,
            "about": self.about,
            "old": self.old,
            "new": self.new,
            "why": self.rule.why,
            "affects": self.rule.whom,
        }
        if self.witness is not None:
            witness: dict[str, object] = {"request": message_json(self.witness.request)}
            if self.witness.has_response:
                witness["response"] = message_json(self.witness.response)
            if self.witness.call is not None:
                witness = {"call": self.witness.call}
            shown["witness"] = witness
        if self.note:
            shown["note"] = self.note
        return shown


@dataclass(frozen=True)
class Comparison:
    """What came of comparing two contracts."""

    old: Contract
    new: Contract
    mode: Mode
    findings: tuple[Finding, ...]

    @property
    def breaking(self) -> tuple[Finding, ...]:
        """The findings that the mode does not forgive: breaks, and what was not found out."""
        return tuple(finding for finding in self.findings if finding.severity != "info")

    @property
    def step(self) -> Step:
        """The semver step that the change asks for.

        Major where old clients break (or may break), minor where something else can be told apart, patch where only
        words changed, none where nothing did.
        """
        if any(finding.breaks == "backward" for finding in self.findings):
            return "major"
        if self.findings or self.old.fingerprint != self.new.fingerprint:
            return "minor"
        return "none" if self.old == self.new else "patch"


def compare(old: Contract, new: Contract, mode: Mode = "backward") -> Comparison:
    """Compare two sealed contracts. Findings of the directions that ``mode`` does not name are there as ``info``."""
    findings: list[Finding] = []
    if old.fingerprint != new.fingerprint or not old.fingerprint:
        pair = aligned(old, new)
        findings += _direction(*pair, "backward", mode)
        findings += _direction(*pair, "forward", mode)
    rank = {"error": 0, "warning": 1, "info": 2}
    return Comparison(old, new, mode, tuple(sorted(findings, key=lambda finding: rank[finding.severity])))


def _direction(old: Contract, new: Contract, direction: Direction, mode: Mode) -> Iterator[Finding]:
    """Requests go from the one side's clients to the other's server, responses come back."""
    asked = mode in (direction, "full")
    client, server = (old, new) if direction == "backward" else (new, old)
    searches = (Search(client, server, "input"), Search(server, client, "output"))
    for search in searches:
        seen: set[tuple[str, str]] = set()
        given_is_old = search.given is old
        for question in search.questions():
            key = (question.rule, _subject(question.about))
            if key in seen:
                continue
            answer = search.answer(question)
            if answer == "none":
                continue
            old_text, new_text = (question.given, question.judge) if given_is_old else (question.judge, question.given)
            about = _named(question.about, new)
            if answer == "unknown":
                note = f"it was not found out whether this breaks {question.side}-{question.rule}"
                rule = UNDECIDED[search.side]
                severity: Literal["warning", "info"] = "warning" if asked else "info"
                yield Finding(rule, direction, severity, about, old_text, new_text, None, note)
                continue
            seen.add(key)
            note = (
                "no request is allowed by both contracts, so responses were compared alone" if search.is_alone else ""
            )
            rule = RULES[f"{question.side}-{question.rule}"]
            yield Finding(rule, direction, "error" if asked else "info", about, old_text, new_text, answer, note)
    yield from _calls(client, server, direction, asked, old)


def _named(about: str, contract: Contract) -> str:
    """The text with outputs by their names, as `show` says them."""
    outputs = contract.outputs
    if len(outputs) == 1:
        return re.sub(r"\boutputs\b", lambda _: f"outputs{key_step(outputs[0].name)}", about)

    def name(match: re.Match[str]) -> str:
        index = int(match[1])
        return f"outputs{key_step(outputs[index].name)}" if index < len(outputs) else match[0]

    return re.sub(r"\boutputs\[([0-9]+)\]", name, about)


def _subject(about: str) -> str:
    """What a finding is about, without the place where that is met: one finding for each dim is enough."""
    return about.split(" at ", maxsplit=1)[0] if about.startswith("dim ") else about


def _calls(client: Contract, server: Contract, direction: Direction, asked: bool, old: Contract) -> Iterator[Finding]:
    theirs = {part.name: part for part in server.inputs}
    ours = [part for part in client.inputs if part.name in theirs]
    places = _places(server.inputs)
    for index, part in enumerate(part for part in ours if part.kind != "keyword"):
        if places.get(part.name) == (index, part.kind):
            continue
        said = (_said(index, part.kind), _said(*places.get(part.name, (0, "keyword"))))
        old_text, new_text = said if client is old else (said[1], said[0])
        names = [each.name for each in client.inputs if each.kind != "keyword"][: index + 1]
        witness = Witness(None, call=f"serialize({', '.join(names)})")
        severity: Literal["error", "info"] = "error" if asked else "info"
        yield Finding(CALL, direction, severity, f"inputs.{part.name}", old_text, new_text, witness)
        return


def _places(parameters: Sequence[Parameter]) -> dict[str, tuple[int, str]]:
    positional = [part for part in parameters if part.kind != "keyword"]
    return {part.name: (index, part.kind) for index, part in enumerate(positional)}


def _said(index: int, kind: str) -> str:
    return "by name only" if kind == "keyword" else f"{kind}, number {index + 1}"
