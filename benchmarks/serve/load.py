"""wrk with a script that checks every answer.

wrk is packaged by Debian, needs a tenth of the processor time of load generators in Python or node, so that it takes less
from the server on the same machine, and gives a script the bytes of each answer, so that values can be compared.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Shot:
    """A request, and what has to come back."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int = 200
    numbers: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Load:
    """What came of a load."""

    answered: int
    right: int
    wrong_status: int
    wrong_values: int
    busy: int
    seconds: float
    socket_errors: int
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        """Right answers per second."""
        return self.right / self.seconds if self.seconds else 0.0


def run(
    port: int, shots: list[Shot], folder: Path, *, connections: int, seconds: int, quota: int | None = None
) -> Load:
    """Send the shots in turn on each connection, for so long, or so many in all."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is needed: apt-get install wrk")
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for number, shot in enumerate(shots):
        file = folder / f"body-{number}"
        file.write_bytes(shot.body)
        headers = ", ".join(f"[{quoted(name)}] = {quoted(value)}" for name, value in shot.headers.items())
        numbers = "nil" if shot.numbers is None else "{" + ", ".join(map(repr, shot.numbers)) + "}"
        entries.append(
            f'{{method = "POST", path = {quoted(shot.path)}, headers = {{{headers}}}, body = {quoted(str(file))}, '
            f"status = {shot.status}, numbers = {numbers}}}"
        )
    plan = folder / "plan.lua"
    listed = ",\n".join(entries)
    limit = "nil" if quota is None else str(quota)
    plan.write_text(f"return {{quota = {limit}, threads = {connections}, requests = {{{listed}}}}}\n")
    command = [
        "wrk", f"-t{connections}", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "--latency",
        "-s", str(SCRIPT), f"http://127.0.0.1:{port}", "--", str(plan),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 120)
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise RuntimeError(f"wrk failed\n{done.stdout}\n{done.stderr}")
    return Load(**json.loads(line.removeprefix("RESULT ")))


def quoted(text: str) -> str:
    """A Lua string."""
    return json.dumps(text)
