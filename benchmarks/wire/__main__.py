"""Side by side in one process: the generated client and validator against what people would use instead.

`python -m benchmarks.wire [--rounds N] [LOAD ...]`. Calls take turns in short rounds, so that whatever else the machine
does meets all of them; the figures are medians over the rounds and ratios of medians. Rivals are measured where they are
installed (`pip install -r benchmarks/wire/requirements.txt`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.wire.loads import Load, loads
from benchmarks.wire.modules import Generated, generated
from benchmarks.wire.rivals import Calls, rivals

ROUND_SECONDS = 0.01


def medians(calls: Calls, rounds: int) -> dict[str, float]:
    """The median time of each call in microseconds, the calls taking turns."""
    repeats = {name: repeats_of(call) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(timed(call, repeats[name]))
    return {name: statistics.median(each) for name, each in times.items()}


def timed(call: Callable[[], Any], repeats: int) -> float:
    """Microseconds per call."""
    turns = range(repeats)
    start = time.perf_counter()
    for _ in turns:
        call()
    return (time.perf_counter() - start) / repeats * 1e6


def repeats_of(call: Callable[[], Any]) -> int:
    """How many calls fill a round."""
    for _ in range(3):
        call()
    return max(1, int(ROUND_SECONDS * 1e6 / max(timed(call, 3), 0.01)))


def our_calls(load: Load, model: Generated, label: str) -> Calls:
    """What the generated files do with a load."""
    client, validator = model.client, model.validator
    args = tuple(load.arguments.values())
    request = client.serialize(*args)
    body, headers = request.body, request.headers
    client.serialize(*args)
    if len(body) > validator.Limits().max_body_bytes:
        limits = validator.Limits(max_body_bytes=2 * len(body))
        parse = lambda: validator.parse(body, headers, limits=limits)
    else:
        parse = lambda: validator.parse(body, headers)
    parse()
    return {
        f"{label}serialize": lambda: client.serialize(*args),
        f"{label}serialize + body": lambda: client.serialize(*args).body,
        f"{label}parse + validate": parse,
        f"{label}validate": lambda: validator.validate(*args),
    }


def json_calls(load: Load, model: Generated) -> Calls:
    """Plain JSON of one tensor, against orjson and the standard library."""
    (array,) = load.tensors.values()
    client, validator = model.client, model.validator
    request = client.serialize(array, content_type=client.JSON)
    body, headers = request.body, request.headers
    calls: Calls = {
        "json: ours serialize": lambda: client.serialize(array, content_type=client.JSON).body,
        "json: ours parse": lambda: validator.parse(body, headers),
        "json: stdlib serialize": lambda: json.dumps(array.tolist(), separators=(",", ":")).encode(),
        "json: stdlib parse": lambda: np.asarray(json.loads(body), np.float32),
    }
    try:
        import orjson
    except ImportError:
        return calls
    calls["json: orjson serialize"] = lambda: orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)
    calls["json: orjson parse"] = lambda: np.asarray(orjson.loads(body), np.float32)
    return calls


def table(title: str, figures: dict[str, float], yardsticks: tuple[str, ...]) -> None:
    """Print figures with their ratios to the yardsticks that were measured."""
    there = [name for name in yardsticks if name in figures]
    print(f"\n{title}")
    print(f"  {'':36}{'median us':>12}" + "".join(f"{'/ ' + name:>22}" for name in there))
    for name, value in figures.items():
        print(f"  {name:36}{value:12.2f}" + "".join(f"{value / figures[one]:22.2f}" for one in there))


def bars(name: str, figures: dict[str, float]) -> list[tuple[str, float, float]]:
    """The bars that a load has: what, the ratio, and what it may be at most."""
    result: list[tuple[str, float, float]] = []

    def bar(ours: str, theirs: str | tuple[str, ...], limit: float) -> None:
        others = (theirs,) if isinstance(theirs, str) else theirs
        if ours in figures and all(one in figures for one in others):
            result.append(
                (f"{name}: {ours} / {' + '.join(others)}", figures[ours] / sum(figures[o] for o in others), limit)
            )

    if name == "[8,3,224,224]":
        bar("serialize", "memcpy", 0.2)
        bar("parse + validate", "memcpy", 0.2)
        bar("finite: serialize", "memcpy", 1.3)
        bar("finite: parse + validate", "memcpy", 1.3)
        bar("json: ours parse", "json: orjson parse", 1.2)
        bar("json: ours serialize", "json: orjson serialize", 1.2)
        bar("json: ours parse", "json: stdlib parse", 1.0)
        bar("json: ours serialize", "json: stdlib serialize", 1.0)
    if name == "[1,20]":
        for label in ("", "finite: "):
            bar(f"{label}serialize + body", "tritonclient build", 0.3)
            bar(f"{label}serialize + body", "safetensors save", 0.7)
            bar(f"{label}parse + validate", "tritonclient parse", 0.3)
            figures[f"{label}round trip"] = figures[f"{label}serialize + body"] + figures[f"{label}parse + validate"]
            for pair in (
                ("safetensors save", "safetensors load"),
                ("np.save", "np.load"),
                ("sagemaker numpy serialize", "sagemaker numpy deserialize"),
            ):
                bar(f"{label}round trip", pair, 1.0)
            bar(f"{label}validate", "handwritten check", 2.0)
            bar(f"{label}validate", "mlflow enforce", 1.0)
            bar(f"{label}validate", "bentoml validate", 1.0)
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("loads", nargs="*", help="names of loads; all by default")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", action="store_true", help="measure plain JSON too, which takes longer")
    options = parser.parse_args()
    held: list[tuple[str, float, float]] = []
    for plain, finite in zip(loads(finite=False), loads(finite=True), strict=True):
        if options.loads and plain.name not in options.loads:
            continue
        rounds = max(5, options.rounds // 6) if plain.name == "100 MB" else options.rounds
        calls = our_calls(plain, generated(plain.contract), "")
        calls.update(our_calls(finite, generated(finite.contract), "finite: "))
        calls.update(rivals(plain.tensors))
        figures = medians(calls, rounds)
        if plain.name == "[8,3,224,224]" and options.json:
            figures.update(medians(json_calls(plain, generated(plain.contract)), max(5, rounds // 6)))
        held += bars(plain.name, figures)
        table(plain.name, figures, ("memcpy", "tritonclient build", "tritonclient parse", "safetensors save"))
    print("\nbars")
    for name, ratio, limit in held:
        print(f"  {'ok  ' if ratio <= limit else 'MISS'} {name}: {ratio:.2f} (at most {limit})")


if __name__ == "__main__":
    main()
