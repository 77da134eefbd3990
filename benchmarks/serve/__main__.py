"""`contractgen serve` under load, and side by side with other servers: `python -m benchmarks.serve [--seconds N] [SERVER ...]`.

Every server runs the same ONNX file with two workers of one thread, gets the same arrays in the format that it takes most
cheaply, and has every answer compared. The servers are run one after the other, twice, so that what else the machine does
meets all of them; the better of the two runs counts. Those that cannot be installed are left out and named.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.serve import processor
from benchmarks.serve.load import run
from benchmarks.serve.servers import OTHERS, OWN, SERVERS, Running
from benchmarks.serve.subjects import Subject, invalid_shots, subject
from tests.integration.servers import ask

CONNECTIONS = {"linear": 64, "image": 16}
"""The pictures of 64 requests would fill memory rather than show anything more."""
INPUTS = {"linear": 90, "image": 4}
REQUESTS = 10_000


def correctness(folder: Path) -> bool:
    """10,000 requests at concurrency 64, one in ten invalid."""
    of = subject("linear", folder / "linear")
    with SERVERS[OWN](of, made(folder / "correctness"), INPUTS["linear"]) as server:
        bad = invalid_shots(of, "/invocations")
        shots = [shot for number, valid in enumerate(server.shots) for shot in
                 ((valid, bad[number // 9 % len(bad)]) if number % 9 == 8 else (valid,))]  # fmt: skip
        found = run(server.port, shots, folder / "shots", connections=64, seconds=30, quota=REQUESTS)
    lost = REQUESTS - found.answered
    invalid = sum(shot.status != 200 for shot in shots) / len(shots)
    print(
        f"{REQUESTS} requests at concurrency 64, {invalid:.0%} invalid: {lost} lost, {found.socket_errors} socket errors, "
        f"{found.wrong_status} of another status than they should have, {found.wrong_values} with wrong values; "
        f"{found.answered / found.seconds:.0f} per second, p50 {found.p50_ms:.1f} ms, p99 {found.p99_ms:.1f} ms"
    )
    return found.right == REQUESTS


def measured(name: str, of: Subject, folder: Path, seconds: int) -> dict[str, float] | str:
    """The figures of one server, or why there are none."""
    try:
        with SERVERS[name](of, made(folder), INPUTS[of.name]) as server:
            connections = CONNECTIONS[of.name]
            first_answers(server)
            run(server.port, server.shots, folder / "shots", connections=connections, seconds=2)
            before = processor.seconds(server.process.pid)
            found = run(server.port, server.shots, folder / "shots", connections=connections, seconds=seconds)
            used = processor.seconds(server.process.pid) - before
    except (RuntimeError, SystemExit, AssertionError, OSError, subprocess.SubprocessError) as error:
        return str(error).strip().splitlines()[0]
    return {
        "per_second": found.per_second, "p50_ms": found.p50_ms, "p99_ms": found.p99_ms,
        "wrong": found.answered - found.right, "lost": found.socket_errors, "cpu_ms": 1000 * used / max(found.answered, 1),
    }  # fmt: skip


def first_answers(server: Running) -> None:
    """Wait until the workers answer: some servers say that they are ready before."""
    for shot in server.shots:
        answer = ask(server.port, "POST", shot.path, shot.body, shot.headers, seconds=120)
        if answer.status != 200:
            raise RuntimeError(f"status {answer.status}: {answer.body[:200]!r}")


def model_ms(of: Subject) -> float:
    """Processor time of the model alone for one request."""
    inputs = of.inputs(INPUTS[of.name])
    for x in inputs:
        of.predict(x)
    count, started, began = 0, time.process_time(), time.monotonic()
    while time.monotonic() - began < 2:
        for x in inputs:
            of.predict(x)
        count += len(inputs)
    return 1000 * (time.process_time() - started) / count


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def table(of: Subject, rows: dict[str, dict[str, float] | str], alone: float) -> None:
    """Print what was found."""
    print(
        f"\n{of.name} {list(of.shape)}, {CONNECTIONS[of.name]} connections; the model alone takes {alone:.3f} ms of processor"
    )
    print(
        f"{'server':<32}{'per second':>11}{'p50 ms':>9}{'p99 ms':>9}{'cpu ms':>9}{'not model':>11}{'wrong':>7}{'lost':>6}"
    )
    for name, row in rows.items():
        if isinstance(row, str):
            print(f"{name:<32} left out: {row}")
            continue
        share = 1 - min(1.0, alone / row["cpu_ms"]) if row["cpu_ms"] else 0.0
        print(
            f"{name:<32}{row['per_second']:>11.0f}{row['p50_ms']:>9.1f}{row['p99_ms']:>9.1f}{row['cpu_ms']:>9.3f}"
            f"{share:>11.0%}{row['wrong']:>7.0f}{row['lost']:>6.0f}"
        )


def better(first: dict[str, float] | str, second: dict[str, float] | str) -> dict[str, float] | str:
    if isinstance(first, str) or isinstance(second, str):
        return second if isinstance(first, str) else first
    return max(first, second, key=lambda row: row["per_second"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "servers", nargs="*", metavar="SERVER", help=f"of {', '.join(map(repr, SERVERS))}; all unless given"
    )
    parser.add_argument("--seconds", type=int, default=8, help="how long each run of each server takes")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=["linear", "image", "correctness"])
    parser.add_argument("--json", type=Path, help="write the figures to a file, too")
    options = parser.parse_args()
    servers = options.servers or list(SERVERS)
    if unknown := set(servers) - set(SERVERS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    ok = True
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as name:
        folder = Path(name)
        if options.only in (None, "correctness"):
            ok = correctness(folder)
        for which, wanted in (("linear", 1.5), ("image", 1.0)):
            if options.only not in (None, which):
                continue
            of = subject(which, folder / which)
            rows: dict[str, dict[str, float] | str] = {}
            for number in range(options.rounds):
                for server in servers:
                    row = measured(
                        server, of, folder / f"{which}-{number}-{list(SERVERS).index(server)}", options.seconds
                    )
                    rows[server] = row if server not in rows else better(rows[server], row)
            alone = model_ms(of)
            table(of, rows, alone)
            figures[which] = {"model_ms": alone, "servers": rows}
            best = max((row["per_second"] for other in OTHERS if isinstance(row := rows.get(other), dict)), default=0.0)
            own = rows.get(OWN)
            if best and isinstance(own, dict):
                ratio = own["per_second"] / best
                print(f"{OWN}: {ratio:.2f} times the best of the others (wanted: {wanted})")
                ok = ok and ratio >= wanted
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
