from __future__ import annotations

import os

from tests.compare.brute import Tally, check


def test_no_break_is_missed_and_none_is_invented_on_random_pairs() -> None:
    tally = Tally()
    for seed in range(int(os.environ.get("COMPARE_PAIRS", "60"))):
        check(seed, tally)
    assert tally.broken
    assert tally.findings > tally.pairs / 2
    assert (tally.missed, tally.false_alarms) == ([], [])
    assert tally.undecided <= tally.pairs / 50
