"""`make demo`: export the linear model, then send its contract requests that a server would choke on."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "contracts" / "model"

console = Console(highlight=False, soft_wrap=True)


def run(*command: str) -> None:
    console.print(f"\n[bold]$ {' '.join(command)}[/]")
    program = (
        [sys.executable, "-m", "contractgen.cli", *command[1:]]
        if command[0] == "contractgen"
        else [sys.executable, *command[1:]]
    )
    if subprocess.run(program, cwd=ROOT, check=False).returncode:  # noqa: S603 (our own commands)
        sys.exit(1)


def generated(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"demo_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def show(violation: Any) -> None:
    console.print(f"   [red]{violation.code:<10}[/] {escape(violation.message)}")
    if violation.hint:
        console.print(f"   [cyan]{'':<10} {escape(violation.hint)}[/]")


def refused(what: str, line: str, call: Callable[[], object], violation: type[Exception]) -> None:
    console.print(f"\n[bold]{what}[/]\n   [dim]{escape(line)}[/]")
    try:
        call()
    except violation as error:
        for each in error.violations:  # type: ignore[attr-defined]
            show(each)
    else:
        console.print("   [bold red]was let through[/]")
        sys.exit(1)


def main() -> None:
    run("python", "sample_models/linear/save.py")
    run("contractgen", "export", "model.pth")
    client, validator = generated("client"), generated("validator")

    console.rule("what the contract lets through")
    x = np.linspace(0, 1, 20, dtype=np.float32)[None]
    for line, good in (("np.linspace(0, 1, 20, dtype=np.float32)[None]", x), ("[[0.5] * 20]", [[0.5] * 20])):
        request = client.serialize(good)
        (arrived,), _ = validator.parse(request.body, request.headers)
        equal = "equal" if (arrived == np.asarray(good)).all() else "DIFFERENT"
        console.print(f"\n[bold]serialize({escape(line)})[/]")
        console.print(
            f"   {len(request.body)} bytes, arrived as {arrived.dtype} {escape(str(list(arrived.shape)))}: {equal}"
        )
    console.rule("what the client refuses to send")
    nan = np.full((1, 20), np.nan, np.float32)
    for what, line, value in (
        ("ten features instead of twenty", "serialize(np.zeros((1, 10), np.float32))", np.zeros((1, 10), np.float32)),
        ("int64 instead of float32", "serialize(np.zeros((1, 20), np.int64))", np.zeros((1, 20), np.int64)),
        ("a ragged list", "serialize([[0.5] * 20, [0.5] * 19])", [[0.5] * 20, [0.5] * 19]),
        ("no batch dimension", "serialize(np.zeros(20, np.float32))", np.zeros(20, np.float32)),
        ("float64", "serialize(np.zeros((1, 20)))", np.zeros((1, 20))),
        ("an empty batch", "serialize(np.zeros((0, 20), np.float32))", np.zeros((0, 20), np.float32)),
        ("NaN", "serialize(np.full((1, 20), np.nan, np.float32))", nan),
    ):
        refused(what, line, lambda value=value: client.serialize(value), client.ContractViolation)  # type: ignore[misc]

    console.rule("what the validator refuses from clients of another make")
    headers = {"content-type": "application/json"}
    for what, body in (
        ("nineteen features", b"[[" + b",".join([b"0.5"] * 19) + b"]]"),
        ("a string among numbers", b"[[" + b",".join([b'"7"'] + [b"0.5"] * 19) + b"]]"),
        ("a misspelt name, and ten features", b'{"X": ' + b"[[" + b",".join([b"0.5"] * 10) + b"]]}"),
        ("no JSON at all", b"x=1&y=2"),
    ):
        shown = body.decode() if len(body) < 40 else body.decode()[:40] + "..."
        refused(what, f"POST {shown}", lambda body=body: validator.parse(body, headers), validator.ContractViolation)  # type: ignore[misc]


if __name__ == "__main__":
    main()
