from __future__ import annotations

import pytest

from contractgen.infer.bounds import last_accepted
from contractgen.infer.forked import Outcome


def within(low: int, high: int, *, small: int | None = None) -> object:
    """A model that takes numbers from ``low`` to ``high``, on a machine that has no room for those above ``small``."""

    def accepts(value: int) -> Outcome:
        if small is not None and value > small:
            return Outcome("error", error_type="MemoryError")
        return Outcome("ok") if low <= value <= high else Outcome("error", message="no")

    return accepts


@pytest.mark.parametrize("high", [0, 1, 2, 3, 7, 300, 4095])
def test_the_last_number_before_a_refusal_is_found(high: int) -> None:
    assert last_accepted(within(0, high), lambda outcome: outcome.ok, 0, [4096]) == high  # type: ignore[arg-type]


def test_a_lower_bound_is_found_downwards() -> None:
    assert last_accepted(within(-9, 5), lambda outcome: outcome.ok, 0, [-4096]) == -9  # type: ignore[arg-type]


def test_what_takes_all_numbers_has_no_bound() -> None:
    assert last_accepted(within(-9, 5000), lambda outcome: outcome.ok, 0, [4096]) is None  # type: ignore[arg-type]


def test_a_machine_without_room_is_no_bound() -> None:
    accepts = within(0, 10_000, small=100)
    assert last_accepted(accepts, lambda outcome: outcome.ok, 0, [4096]) is None  # type: ignore[arg-type]
