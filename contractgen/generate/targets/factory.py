"""What a generated file has to know to load the model: the artifact, and the code that builds its module.

It comes from the user's settings and, where those are silent, from the contract's member ``x-model``: export writes it for
targets that load the model, with the arguments that were solved from the weights, so that `generate` writes the same files.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from contractgen.contract.model import Contract
from contractgen.errors import UsageError
from contractgen.generate.identifiers import is_plain
from contractgen.generate.targets.deployment import Deployment

MEMBER = "x-model"
"""``{"artifact": "../../model.pth", "factory": "../../train.py:MyModel", "arguments": ["input_size=20"]}``.

Paths start from the contract's folder; the arguments are as --arg has them.
"""

MODEL_FN = "model_fn"
OWN_MODULES = frozenset({"validator", "client", "contract_model", "inference", "deployment", "model_repository"})


@dataclass(frozen=True)
class Factory:
    """What builds the module: an attribute of a module that can be imported where the model is served."""

    module: str
    attribute: str
    arguments: Mapping[str, object]
    source: Path | None
    """The file or package folder that has to travel along; None for an installed package."""


def kept(deployment: Deployment, folder: Path) -> dict[str, object]:
    """The member that keeps a deployment for a later `generate`: paths, and the arguments that text can hold."""
    member: dict[str, object] = {}
    if deployment.artifact is not None:
        member["artifact"] = seen_from(folder, deployment.artifact)
    if deployment.factory is not None:
        member["factory"] = _moved(deployment.factory, lambda path: seen_from(folder, path))
    texts = [f"{name}={value!r}" for name, value in deployment.arguments.items() if is_literal(value)]
    return member | ({"arguments": texts} if texts else {})


def remembered(deployment: Deployment, contract: Contract, folder: Path) -> Deployment:
    """The deployment with what the contract in ``folder`` keeps of it, wherever the user says nothing else."""
    member = contract.extensions.get(MEMBER)
    if not isinstance(member, dict):
        return deployment
    artifact, factory, texts = (member.get(key) for key in ("artifact", "factory", "arguments"))
    if not (_is(str, artifact) and _is(str, factory) and _is(list, texts)):
        raise UsageError(f"the contract's {MEMBER} is not as export writes it", hint="Run contractgen export again.")
    return replace(
        deployment,
        artifact=deployment.artifact or (folder / artifact if artifact else None),
        factory=deployment.factory or (_moved(factory, lambda path: str(folder / path)) if factory else None),
        arguments={**dict(map(_parted, texts or [])), **deployment.arguments},
    )


def factory_of(deployment: Deployment) -> Factory | None:
    """What builds the module, or None where nobody said. Raises UsageError for what no import can name."""
    reference = deployment.factory
    if reference is None:
        return None
    for name, value in deployment.arguments.items():
        if not (is_plain(name) and is_literal(value)):
            raise UsageError(
                f"the argument {name} cannot be written into generated code",
                hint="Name a function without arguments that builds the model: --model train.py:build.",
            )
    place, attribute = _split(reference)
    module, source = _imported(Path(place), place) if place.endswith(".py") else (place, None)
    if not (is_plain(attribute) and all(map(is_plain, module.split(".")))):
        raise UsageError(f"{reference} cannot be imported where the model is served", hint="Use plain names.")
    if module in OWN_MODULES:
        raise UsageError(
            f"{place} has the name of a generated file, {module}.py", hint="Rename it, or put it into a package."
        )
    return Factory(module, attribute, deployment.arguments, source)


def seen_from(folder: Path, path: Path) -> str:
    """A path as a file in ``folder`` writes it."""
    return Path(os.path.relpath(path, folder)).as_posix()


def _split(reference: str) -> tuple[str, str]:
    place, colon, attribute = reference.rpartition(":")
    return (place, attribute) if colon else (reference, MODEL_FN)


def _moved(reference: str, move: Callable[[Path], str]) -> str:
    """A reference with the path in it, if it has one, seen from elsewhere."""
    place, attribute = _split(reference)
    return f"{move(Path(place))}:{attribute}" if place.endswith(".py") else reference


def _is(kind: type, value: object) -> bool:
    return value is None or isinstance(value, kind)


def _imported(path: Path, place: str) -> tuple[str, Path]:
    """The name under which a file is imported once it lies, with its packages, in the folder of the served code."""
    parts, top = [path.stem], path
    while (top.parent / "__init__.py").is_file():
        top = top.parent
        parts.insert(0, top.resolve().name)
    if not all(map(is_plain, parts)):
        raise UsageError(f"{place} cannot be imported: its name is no identifier", hint="Rename the file.")
    return ".".join(parts), top


def _parted(text: object) -> tuple[str, object]:
    name, _, value = str(text).partition("=")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError) as error:
        raise UsageError(f'{MEMBER}: "{text}" is no NAME=VALUE', hint="Values are Python literals.") from error


def is_literal(value: object) -> bool:
    """Whether a value is what its `repr` says, so that code can hold it."""
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
