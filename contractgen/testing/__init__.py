"""Testing your own inference code on the inputs that its contract allows, and on those that it must refuse.

``valid_inputs(contract)`` and ``violations(contract)`` are Hypothesis strategies; the pytest plugin gives the same cases
one by one to tests marked ``@pytest.mark.contract("contracts/ranker/contract.json")``. Neither needs torch. Install them
with ``pip install contractgen[testing]``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contractgen.testing.inference import InferenceScript
    from contractgen.testing.inputs import Input, Violation, broken_cases, valid_cases
    from contractgen.testing.strategies import valid_inputs, violations

__all__ = ["InferenceScript", "Input", "Violation", "broken_cases", "valid_cases", "valid_inputs", "violations"]

_HOMES = {"InferenceScript": "inference", "valid_inputs": "strategies", "violations": "strategies"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 (the type of the member that is asked for)
    """Import a member when it is asked for: pytest loads the plugin beside this in every run, also where nothing asks."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'inputs')}"), name)
