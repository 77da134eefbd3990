"""Cases per second from 100 to 10,000 cases, the time that each sample takes, and Hypothesis beside it: `make bench-verify`.

Exits 1 where growth is not linear, or where a sample takes more than 10 seconds.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

from benchmarks.verify import hypothesis_beside, samples
from benchmarks.verify.clock import cpu_seconds
from contractgen.generate.render import render
from contractgen.verify import verify
from tests.verify.subjects import SUBJECTS

PARTS = ["growth", "samples", "hypothesis"]


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--counts", type=int, nargs="*", default=[100, 1000, 10000])
    options.add_argument("--subjects", nargs="*", default=["linear", "text"], choices=SUBJECTS)
    options.add_argument("--parts", nargs="*", default=PARTS, choices=PARTS)
    chosen = options.parse_args()
    good = True
    if "growth" in chosen.parts:
        good = growth(chosen.subjects, chosen.counts)
    if "samples" in chosen.parts:
        good = samples.table() and good
    if "hypothesis" in chosen.parts:
        hypothesis_beside.table()
    return 0 if good else 1


def growth(subjects: list[str], counts: list[int]) -> bool:
    """Print cases per second for each subject; whether the cost of a case stays the same."""
    print(f"{'model':<12}{'cases':>8}{'seconds':>10}{'cases/s':>10}{'CPU ms/case':>13}{'peak MB':>10}")
    linear = True
    for name in subjects:
        measured(name, 1, show=False)  # first imports
        costs = [measured(name, count) for count in counts]
        linear = linear and costs[-1] < 1.5 * min(costs)
    print("growth is linear" if linear else "growth is NOT linear")
    return linear


def measured(name: str, count: int, *, show: bool = True) -> float:
    """CPU seconds per case to verify a subject with ``count`` random cases, in eager.

    Time of the processor, children included, does not depend on what else the machine does.
    """
    subject = SUBJECTS[name]
    sources = render(subject.contract)
    loaded = subject.loaded()
    start, busy = time.monotonic(), cpu_seconds()
    result = verify(
        subject.contract,
        loaded,  # type: ignore[arg-type]
        client_source=sources["client.py"],
        validator_source=sources["validator.py"],
        runtimes=(),
        max_cases=count,
        budget=3600.0,
    )
    seconds, busy = time.monotonic() - start, cpu_seconds() - busy
    if not result.ok:
        raise SystemExit(f"{name}: {result.findings[0].message}")
    total = result.soundness.cases + result.refused_by_client.cases
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if show:
        row = f"{name:<12}{total:>8}{seconds:>10.2f}{total / seconds:>10.0f}{1000 * busy / total:>13.2f}{peak:>10.0f}"
        print(row, flush=True)
    return busy / total


if __name__ == "__main__":
    sys.exit(main())
