"""A failing input is made as small, and as plain, as it can be while it still fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from contractgen.verify.cases.plan import plan
from contractgen.verify.recipe import Recipe, arguments
from contractgen.verify.shrink import shrunk
from tests.verify.subjects import FRAMES, ORDERED, TEXT, UNET, Subject

Given = Mapping[str, Any]
Fails = Callable[[Mapping[str, int], Given], bool]

FAILURES: dict[str, tuple[Subject, Fails, dict[str, int], set[str]]] = {
    "two sizes": (TEXT, lambda s, a: s["batch"] > 2 and s["seq"] > 3, {"batch": 3, "seq": 4}, set()),
    "equal sizes": (UNET, lambda s, a: s["height"] == s["width"] > 4, {"batch": 1, "height": 6, "width": 6}, set()),
    "a difference": (
        ORDERED, lambda s, a: s["source"] - s["target"] == 3, {"batch": 1, "source": 4, "target": 1}, set(),
    ),
    "one above the other": (
        UNET, lambda s, a: s["height"] > s["width"] + 2, {"batch": 1, "height": 6, "width": 2}, set(),
    ),
    "an optional input": (
        TEXT, lambda s, a: a.get("mask") is not None and s["seq"] > 3, {"batch": 1, "seq": 4}, {"mask", "mask?"},
    ),
    "a list": (
        FRAMES, lambda s, a: s["count"] > 2 and s["time"] > 7, {"batch": 1, "count": 3, "time": 8, "patches": 2}, set(),
    ),
    "a product": (TEXT, lambda s, a: s["batch"] * s["seq"] == 24, {"batch": 6, "seq": 4}, set()),
    "the greatest id": (TEXT, lambda s, a: a["ids"].max() == 49 and s["batch"] > 1, {"batch": 2, "seq": 1}, set()),
}  # fmt: skip


@pytest.mark.parametrize(("subject", "fails", "sizes", "on"), FAILURES.values(), ids=FAILURES)
def test_the_smallest_failing_input_is_found(
    subject: Subject, fails: Fails, sizes: dict[str, int], on: set[str]
) -> None:
    cases = plan(subject.contract)

    def failing(recipes: Sequence[Recipe]) -> list[bool]:
        return [bool(fails(recipe.sizes, arguments(subject.contract, recipe))) for recipe in recipes]

    first = next(case.recipe for case in cases.random(2000) if failing([case.recipe])[0])
    found = shrunk(cases.ground, first, failing, time.monotonic() + 3600)
    assert dict(found.sizes) == sizes
    assert found.on == on
    assert failing([found]) == [True]
    assert (found.fill, len(found.fills)) in (("zeros", 0), ("zeros", 1))


def test_nothing_is_tried_after_the_deadline() -> None:
    cases = plan(TEXT.contract)
    asked: list[int] = []
    recipe = next(cases.random(1)).recipe
    assert shrunk(cases.ground, recipe, lambda r: [bool(asked.append(len(r)))] * len(r), 0.0) == recipe  # type: ignore[func-returns-value]
    assert asked == []
