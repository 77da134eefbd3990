"""What a contract accepts, asked of the validator that is generated from it, as a server would ask it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from types import ModuleType

import torch
from torch import Tensor

from benchmarks.inference.case import Call
from contractgen.contract.model import Contract
from contractgen.generate.render import render_validator

MODULE = "benchmarks_generated_validator"


def as_validator_takes(tree: object) -> object:
    """Torch trees as the validator has them: numpy arrays, bfloat16 as its bits, dataclasses and NamedTuples as dicts.

    What is no tensor stays what it is, so that a raw Python list arrives as one.
    """
    if isinstance(tree, Tensor):
        detached = tree.detach()
        return (detached.view(torch.uint16) if detached.dtype == torch.bfloat16 else detached).numpy()
    if isinstance(tree, Mapping):
        return {key: as_validator_takes(value) for key, value in tree.items()}
    if isinstance(tree, tuple):
        names = getattr(tree, "_fields", None)
        items = tuple(as_validator_takes(value) for value in tree)
        return items if names is None else dict(zip(names, items, strict=True))
    if isinstance(tree, list):
        return [as_validator_takes(value) for value in tree]
    if is_dataclass(tree) and not isinstance(tree, type):
        return {member.name: as_validator_takes(getattr(tree, member.name)) for member in fields(tree)}
    return tree


def load_validator(contract: Contract) -> ModuleType:
    """The generated validator as a module."""
    module = ModuleType(MODULE)
    sys.modules[MODULE] = module  # dataclasses look their module up
    exec(compile(render_validator(contract), "validator.py", "exec"), module.__dict__)
    return module


def refusal_of(validator: ModuleType) -> Callable[[Call], str | None]:
    """A function that says why the validator refuses a call, or None where it accepts it.

    Only ContractViolation and Python's own TypeError are refusals; any other exception is a defect and passes through.
    """

    def refusal(call: Call) -> str | None:
        args = tuple(as_validator_takes(value) for value in call.args)
        kwargs = {name: as_validator_takes(value) for name, value in call.kwargs.items()}
        try:
            validator.validate(*args, **kwargs)
        except validator.ContractViolation as error:
            return "; ".join(str(violation.message) for violation in error.violations) or str(error)
        except TypeError as error:
            return f"TypeError: {error}"
        return None

    return refusal
