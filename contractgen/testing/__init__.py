"""Testing your own inference code on the inputs that its contract allows, and on those that it must refuse.

``valid_inputs(contract)`` and ``violations(contract)`` are Hypothesis strategies; the pytest plugin gives the same cases
one by one to tests marked ``@pytest.mark.contract("contracts/ranker/contract.json")``. Neither needs torch.
"""

from __future__ import annotations

from contractgen.testing.inputs import Input, Violation, broken_cases, valid_cases
from contractgen.testing.strategies import valid_inputs, violations

__all__ = ["Input", "Violation", "broken_cases", "valid_cases", "valid_inputs", "violations"]
