"""Our random cases and our shrinking beside Hypothesis's, on the same contracts and the same failures."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, find, given, seed, settings

from contractgen.testing import valid_inputs
from contractgen.verify.cases.plan import plan
from contractgen.verify.recipe import Recipe, arguments
from contractgen.verify.shrink import shrunk
from tests.verify.subjects import FRAMES, ORDERED, TEXT, UNET, Subject

QUIET = settings(database=None, deadline=None, max_examples=2000, suppress_health_check=list(HealthCheck))
Fails = Callable[[Mapping[str, int], Mapping[str, Any]], bool]
FAILURES: dict[str, tuple[Subject, Fails]] = {
    "two sizes": (TEXT, lambda s, a: s["batch"] > 2 and s["seq"] > 3),
    "equal sizes": (UNET, lambda s, a: s["height"] == s["width"] > 4),
    "a difference": (ORDERED, lambda s, a: s["source"] - s["target"] == 3),
    "one above the other": (UNET, lambda s, a: s["height"] > s["width"] + 2),
    "an optional input": (TEXT, lambda s, a: a.get("mask") is not None and bool(a["mask"].any()) and s["seq"] > 3),
    "a list": (FRAMES, lambda s, a: s["count"] > 2 and s["time"] > 7),
    "a product": (TEXT, lambda s, a: s["batch"] * s["seq"] > 20),
    "the greatest id": (TEXT, lambda s, a: a["ids"].max() == 49 and s["batch"] > 1),
}


def table() -> None:
    """Print what both come to."""
    print(f"{'failing where':<22}{'sum of sizes, runs, ms: ours':>32}{'Hypothesis':>24}")
    for name, (subject, fails) in FAILURES.items():
        ours, theirs = _ours(subject, fails), _theirs(subject, fails)
        print(f"{name:<22}{_text(ours):>32}{_text(theirs):>24}", flush=True)
    count = 1000
    for subject in (TEXT, FRAMES, UNET):
        start = time.monotonic()
        mine = list(plan(subject.contract).random(count))
        middle = time.monotonic()
        other = drawn(subject, count)
        end = time.monotonic()
        print(
            f"{subject.contract.name}: {count} random inputs, ours {1000 * (middle - start) / count:.2f} ms each, "
            f"{distinct([case.recipe for case in mine])} kinds of sizes and switches; "
            f"Hypothesis {1000 * (end - middle) / count:.2f} ms, {distinct(other)}"
        )
    alone, beside = _in_a_process(""), _in_a_process("LIMITS = [100003, 6007, 5, 42, 7001, 9]")
    print(
        f"a module with numbers in it is imported: Hypothesis's inputs of one seed are {'the same' if alone == beside else 'others'}"
    )


def _text(found: tuple[Recipe, int, float]) -> str:
    recipe, runs, seconds = found
    return f"{sum(recipe.sizes.values())}, {runs}, {1000 * seconds:.0f}"


def _ours(subject: Subject, fails: Fails) -> tuple[Recipe, int, float]:
    cases, runs = plan(subject.contract), 0

    def failing(recipes: Any) -> list[bool]:
        nonlocal runs
        runs += len(recipes)
        return [bool(fails(recipe.sizes, arguments(subject.contract, recipe))) for recipe in recipes]

    first = next(case.recipe for case in cases.random(2000) if failing([case.recipe])[0])
    start, runs = time.monotonic(), 0
    return shrunk(cases.ground, first, failing, start + 60), runs, time.monotonic() - start


def _theirs(subject: Subject, fails: Fails) -> tuple[Recipe, int, float]:
    runs, since = 0, 0.0

    def failing(one: Any) -> bool:
        nonlocal runs, since
        failed = bool(fails(one.recipe.sizes, one.arguments))
        if failed and not runs:
            since = time.monotonic()  # the search before it is not shrinking
        runs += bool(since)
        return failed

    found = find(valid_inputs(subject.contract), failing, settings=QUIET, random=random.Random(0))
    return found.recipe, runs, time.monotonic() - since


def drawn(subject: Subject, count: int) -> list[Recipe]:
    """What Hypothesis draws with seed 0."""
    recipes: list[Recipe] = []

    @seed(0)
    @settings(QUIET, max_examples=count, phases=[Phase.generate])
    @given(valid_inputs(subject.contract))
    def keep(one: Any) -> None:
        recipes.append(one.recipe)

    keep()
    return recipes


def distinct(recipes: list[Recipe]) -> int:
    return len({repr((sorted(recipe.sizes.items()), sorted(recipe.on))) for recipe in recipes})


def _in_a_process(module: str) -> str:
    """The cases of one seed in a project that has this module."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "users_module.py").write_text(module)
        program = (
            "import users_module\n"
            "from benchmarks.verify.hypothesis_beside import drawn\nfrom tests.verify.subjects import TEXT\n"
            "print([(sorted(r.sizes.items()), sorted(r.fills.items()), r.seed) for r in drawn(TEXT, 200)])"
        )
        path = os.pathsep.join([folder, str(Path.cwd())])
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=folder, env={**os.environ, "PYTHONPATH": path}, text=True,
            capture_output=True, check=True,
        )  # fmt: skip
        return done.stdout
