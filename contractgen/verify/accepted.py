"""Soundness: running accepted inputs in every runtime and comparing the results. All of this happens in a child."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from contractgen.contract.model import Contract, Tensor
from contractgen.infer.state import StateGuard
from contractgen.load.arguments import to_numpy
from contractgen.verify.compare import Gap, noise_of, output_problem, widest
from contractgen.verify.exact import InFloat64
from contractgen.verify.fill import Array, from_bits
from contractgen.verify.recipe import Recipe
from contractgen.verify.runtimes.base import Runtime, give_back
from contractgen.verify.runtimes.eager import Eager
from contractgen.verify.sizes import sizes_of_inputs
from contractgen.verify.trees import OutputMismatch, frozen, output_tensors

Args = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Accepted:
    """What one accepted input came to."""

    error: str = ""
    """Why the model failed, or empty."""
    output: tuple[str, str] | None = None
    """An output's wire name and how it differs from the contract."""
    tree: Any = None
    """The result, numpy arrays."""
    gaps: Mapping[str, Gap] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    """Why other runtimes failed, by name."""
    varies: bool = False
    """A second run of the same input gave something else."""
    spoilt: str = ""
    """An output that a NaN of the input made not finite."""
    changed: bool = False
    """The run changed the model's state."""


@dataclass(frozen=True)
class Accepting:
    """A job for a runner: run one accepted input in every runtime and compare."""

    contract: Contract
    eager: Eager
    others: tuple[Runtime, ...]
    args: Args
    twice: bool
    values: bool
    recipe: Recipe

    def __call__(self, _module: torch.nn.Module) -> Accepted:
        """What the input came to. Its arrays are as a validator reads them: nothing may write to them."""
        args, kwargs = self.args
        return run_accepted(
            self.contract, self.eager, self.others, (frozen(args), frozen(kwargs)),
            twice=self.twice, values=self.values, recipe=self.recipe,
        )  # fmt: skip


def run_accepted(
    contract: Contract,
    eager: Eager,
    others: Sequence[Runtime],
    args: Args,
    *,
    twice: bool,
    values: bool,
    recipe: Recipe,
) -> Accepted:
    """Run one accepted input. ``twice`` repeats it in eager; without ``values`` only shapes and dtypes are compared."""
    guard = StateGuard(eager.module) if twice else None
    try:
        tree, outputs = eager.run(*args)
    except OutputMismatch as error:
        return Accepted(output=("", str(error)))
    except Exception as error:
        return Accepted(error=" ".join(f"{type(error).__name__}: {error}".split())[:1000])
    changed = guard is not None and not guard.unchanged()
    named = output_tensors(contract, tree)
    tensors = {name: tensor for name, (tensor, _) in named.items()}
    problem = output_problem(named, sizes_of_inputs(contract, recipe.sizes))
    varies = False
    if twice:
        varies = _varies(eager, args, outputs, tensors)
    spoilt = _spoilt(named) if _has_nan(args) else ""
    gaps: dict[str, Gap] = {}
    failures: dict[str, str] = {}
    noise: dict[str, float] | None = None
    for runtime in others:
        if not runtime.applies(recipe):
            continue
        try:
            _, got = runtime.run(*args)
        except Exception as error:
            failures[runtime.name] = _short(error)
            continue
        gap = widest(outputs, got, tensors, values=values and not varies)
        if gap.ratio > 1 and not gap.message and values and not varies:
            noise = measured_noise(eager, args, outputs, tensors) if noise is None else noise
            gap = widest(outputs, got, tensors, noise)
        gaps[runtime.name] = gap
    return Accepted("", problem[:2] if problem else None, tree, gaps, failures, varies, spoilt, changed)


def _spoilt(named: Mapping[str, tuple[Tensor, Array]]) -> str:
    """The first output that holds a NaN."""
    for name, (tensor, array) in named.items():
        numbers = from_bits(array) if tensor.dtype == "bfloat16" else array
        if numbers.dtype.kind in "fc" and bool(np.isnan(numbers).any()):
            return name
    return ""


def _has_nan(tree: Any) -> bool:
    if isinstance(tree, np.ndarray):
        return tree.dtype.kind in "fc" and bool(np.isnan(tree).any())
    if isinstance(tree, dict):
        return any(_has_nan(value) for value in tree.values())
    return isinstance(tree, (list, tuple)) and any(_has_nan(value) for value in tree)


def _short(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300] if lines else ''}"


def _varies(eager: Eager, args: Args, outputs: Mapping[str, Array], tensors: Mapping[str, Tensor]) -> bool:
    """Whether a second run of the same input differs by more than rounding."""
    try:
        _, again = eager.run(*args)
    except Exception:
        return True
    return widest(outputs, again, tensors).ratio > 1


def measured_noise(
    eager: Eager, args: Args, outputs: Mapping[str, Array], tensors: Mapping[str, Tensor]
) -> dict[str, float]:
    """How far eager's own result moves, by output: with its float inputs changed in the last bit, and in float64."""
    runs: list[Mapping[str, Array]] = []
    for seed in range(3) if _has_float(args) else ():
        chooser = np.random.default_rng(seed)
        moved = (tuple(_moved(arg, chooser) for arg in args[0]), {k: _moved(v, chooser) for k, v in args[1].items()})
        try:
            runs.append(eager.run(*moved)[1])
        except Exception:
            break
    try:
        with InFloat64():
            result = eager.call(*args)
        runs.append({name: value for name, (_, value) in output_tensors(eager.contract, to_numpy(result)).items()})
    except Exception:  # noqa: S110
        pass  # the model has no float64 form: what the perturbed runs say stands alone
    give_back()
    return noise_of(outputs, runs, tensors)


def _has_float(tree: Any) -> bool:
    if isinstance(tree, np.ndarray):
        return bool(tree.dtype.kind == "f")
    if isinstance(tree, dict):
        return any(_has_float(value) for value in tree.values())
    return isinstance(tree, (list, tuple)) and any(_has_float(value) for value in tree)


def _moved(value: Any, chooser: np.random.Generator) -> Any:
    """A tree with each float moved by up to one unit in its last place."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        eps = float(np.finfo(value.dtype).eps)
        with np.errstate(invalid="ignore", over="ignore"):
            moved: Array = (value * (1 + chooser.choice([-eps, 0.0, eps], value.shape))).astype(value.dtype)
        return np.where(np.isfinite(moved), moved, value).astype(value.dtype)
    if isinstance(value, dict):
        return {key: _moved(item, chooser) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_moved(item, chooser) for item in value)
    return value


def is_gap(gap: Gap) -> bool:
    """Whether a gap is a disagreement."""
    return gap.ratio > 1 or math.isnan(gap.ratio)
