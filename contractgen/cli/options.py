"""The options that several commands share, and the small grammars of their values."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from contractgen.config import Declarations, Settings, anchored, check_artifacts, check_dims, check_name, check_tensors
from contractgen.errors import UsageError


class Format(str, Enum):
    """How findings are printed."""

    text = "text"
    json = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How results are printed on stdout.")]
Traceback = Annotated[bool, typer.Option("--traceback", help="Show Python's traceback with an error.")]
ModelFactory = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODULE:CALLABLE",
        help="What builds the nn.Module for a state_dict: package.module:callable or path/to/file.py:Class.",
    ),
]
Arguments = Annotated[
    list[str] | None,
    typer.Option("--arg", metavar="NAME=VALUE", help="An argument for --model; repeat for several."),
]
Example = Annotated[
    str | None,
    typer.Option(
        "--example",
        metavar="FILE.npz|MODULE:FUNCTION",
        help="A first input: arrays by input name, or a function that returns args or (args, kwargs).",
    ),
]
Trust = Annotated[
    bool,
    typer.Option("--trust", help="Allow an artifact that runs code when it is loaded (a pickled module)."),
]
Budget = Annotated[
    float | None,
    typer.Option("--budget", metavar="SECONDS", min=1.0, help="Give up the search for a first input after this time."),
]
DimOption = Annotated[
    list[str] | None,
    typer.Option(
        "--dim",
        metavar="DIM.KEY=VALUE",
        help="Declare a dim: batch.max=64, height.multiple_of=32, dim_0.name=rows; repeat for several.",
    ),
]
TensorOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tensor",
        metavar="NAME.KEY=VALUE",
        help="Declare a tensor: ids.dtype=int32, ids.max=999, x.shape=batch,20; repeat for several.",
    ),
]


TargetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--target", metavar="NAME", help="Write what a serving stack needs too (see docs/targets); repeat for several."
    ),
]
EntryPoint = Annotated[
    Path | None,
    typer.Option("--entry-point", metavar="FILE", help="Your own inference.py, for the targets that wrap or test it."),
]


def model_settings(
    *,
    model: str | None,
    arguments: Sequence[str] | None,
    example: str | None,
    budget: float | None,
    dims: Sequence[str] | None,
    tensors: Sequence[str] | None,
    name: str | None = None,
    out: Path | None = None,
    artifacts: Sequence[str] = (),
    targets: Sequence[str] = (),
    entry_point: Path | None = None,
) -> Settings:
    """The command line's part of the settings; paths start from the current folder."""
    here = Path.cwd()
    return Settings(
        model=None if model is None else anchored(model, here),
        arguments=pairs(arguments or (), "--arg"),
        example=None if example is None else anchored(example, here),
        name=None if name is None else check_name(name, "--name"),
        out=out,
        artifacts=check_artifacts(list(artifacts), "--artifact"),
        targets=tuple(targets),
        entry_point=entry_point,
        budget=budget,
        dims=check_dims(_declared(dims or (), "--dim", lambda _key, text: literal(text)), "--dim"),
        tensors=check_tensors(_declared(tensors or (), "--tensor", _tensor_member), "--tensor"),
    )


def pairs(texts: Sequence[str], option: str) -> Mapping[str, object]:
    """``NAME=VALUE`` texts as a mapping. Raises UsageError for one without ``=``."""
    return {name: literal(value) for name, value in (_split(text, option) for text in texts)}


def literal(text: str) -> object:
    """A Python literal where ``text`` is one (``20``, ``0.5``, ``[1, 2]``, ``None``), ``true``/``false``, else the text itself."""
    if text in {"true", "false"}:
        return text == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def _tensor_member(key: str, text: str) -> object:
    if key in {"shape", "one_of"} and not text.startswith("["):
        return [literal(entry.strip()) for entry in text.split(",")]
    return literal(text)


def _declared(texts: Sequence[str], option: str, read: Callable[[str, str], object]) -> Declarations:
    declared: dict[str, dict[str, object]] = {}
    for text in texts:
        subject, value = _split(text, option)
        name, dot, key = subject.rpartition(".")
        if not dot:
            raise UsageError(f"{option} {text}: expected NAME.KEY=VALUE", hint=f"For example {option} batch.max=64.")
        declared.setdefault(name, {})[key] = read(key, value)
    return declared


def _split(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name):
        raise UsageError(f"{option} {text}: expected NAME=VALUE")
    return name.strip(), value.strip()
