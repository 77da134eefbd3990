"""Comparisons held against enumeration: `python -m tests.compare.brute FIRST COUNT`."""

from __future__ import annotations

import itertools
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from contractgen.contract.compare.admits import refusals
from contractgen.contract.compare.align import aligned
from contractgen.contract.compare.api import Comparison, compare
from contractgen.contract.compare.message import Value, Witness
from contractgen.contract.model import Contract
from tests.compare.pairs import pair
from tests.compare.universe import RESPONSE, joined, messages, takes

MOST_MESSAGES = int(os.environ.get("MESSAGES", "150"))
"""How many messages of each direction and side are looked at; the universe of a pair is often smaller."""


@dataclass
class Tally:
    """What came of some pairs."""

    pairs: int = 0
    messages: int = 0
    broken: int = 0
    findings: int = 0
    undecided: int = 0
    missed: list[str] = field(default_factory=list)
    false_alarms: list[str] = field(default_factory=list)
    rules: Counter[str] = field(default_factory=Counter)

    def text(self) -> str:
        return (
            f"{self.pairs} pairs, {self.messages} messages, {self.broken} directions and sides with a broken message, "
            f"{self.findings} findings, {self.undecided} undecided, {len(self.missed)} missed, "
            f"{len(self.false_alarms)} false alarms"
        )


def check(seed: int, tally: Tally) -> None:
    """Compare one pair in both directions, on both sides, and enumerate."""
    old, new = pair(seed)
    result = compare(old, new, "full")
    tally.pairs += 1
    for finding in result.findings:
        tally.findings += 1
        tally.rules[finding.rule.id] += 1
        tally.undecided += finding.witness is None
    for direction, side in itertools.product(("backward", "forward"), ("input", "output")):
        client, server = (old, new) if direction == "backward" else (new, old)
        given, judge = aligned(*((client, server) if side == "input" else (server, client)))
        _hold(seed, result, direction, side, given, judge, tally)


def _hold(
    seed: int, result: Comparison, direction: str, side: str, given: Contract, judge: Contract, tally: Tally
) -> None:
    with_outputs = side == "output"
    ours, theirs = (joined(one, with_outputs=with_outputs) for one in (given, judge))
    requests = joined(judge, with_outputs=False)
    found = [one for one in result.findings if (one.breaks, one.rule.side) == (direction, side)]
    where = f"seed {seed} {direction} {side}"
    for finding in found:
        if finding.witness is None or finding.witness.call is not None or finding.note:
            continue
        message = message_of(finding.witness)
        if not takes(ours, message):
            tally.false_alarms.append(f"{where} {finding.rule.id}: not allowed: {message}")
        if takes(theirs, message):
            tally.false_alarms.append(f"{where} {finding.rule.id}: not refused: {message}")
        if with_outputs and not takes(requests, {k: v for k, v in message.items() if k != RESPONSE}):
            tally.false_alarms.append(f"{where} {finding.rule.id}: the request is refused: {message}")
    names = {one.rule.id.split("-", 1)[1] for one in found}
    broken = False
    for message in itertools.islice(messages(ours), MOST_MESSAGES):
        tally.messages += 1
        if takes(theirs, message):
            continue
        request = {name: value for name, value in message.items() if name != RESPONSE}
        if with_outputs and not takes(requests, request):
            continue
        broken = True
        told = {one.rule for one in refusals(judge, request, message.get(RESPONSE), with_response=with_outputs)}
        if not told:
            tally.missed.append(f"{where}: refused by the oracle alone: {message}")
            break
        if not told & names and "undecided" not in names:
            tally.missed.append(f"{where}: {sorted(told)} not among {sorted(names)}: {message}")
            break
    tally.broken += broken


def message_of(witness: Witness) -> dict[str, Value]:
    assert isinstance(witness.request, dict)
    return {**witness.request, **({RESPONSE: witness.response} if witness.has_response else {})}


def run(first: int, count: int, say: Callable[[str], object]) -> Tally:
    """Check some pairs."""
    tally = Tally()
    for number in range(first, first + count):
        try:
            check(number, tally)
        except Exception as error:
            raise RuntimeError(f"seed {number}") from error
        if number % 200 == 199:
            say("\n".join([tally.text(), *tally.missed, *tally.false_alarms]))
    for line in (*tally.missed[:20], *tally.false_alarms[:20]):
        say(line)
    return tally


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    done = run(int(sys.argv[1]), int(sys.argv[2]), _say)
    _say(f"{done.text()}\n{dict(done.rules.most_common())}")
