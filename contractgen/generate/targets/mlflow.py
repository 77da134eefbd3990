"""MLflow: the contract as a `ModelSignature`, as far as one can hold it."""

from __future__ import annotations

from contractgen.contract import model
from contractgen.contract.model import Contract
from contractgen.generate.layout import Code, group, laid_out, literal
from contractgen.generate.signatures import dim_line, expr_line, safe, values_line
from contractgen.generate.targets.deployment import Deployment, Target
from contractgen.generate.targets.tensors import Leaf, input_leaves, output_leaves, sizes

STACK = "MLflow's signature"
FILE = "mlflow_signature.py"
TEXT = '''"""The contract of the model {title} as MLflow's model signature.

A signature holds names, dtypes and fixed sizes. `LOST` has what it cannot hold; the validator beside this file checks it.
"""

from __future__ import annotations

import numpy as np
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

CONTRACT = {fingerprint}
{lost}


def signature() -> ModelSignature:
    """The signature for `mlflow.pyfunc.log_model(..., signature=signature())`: tensors by their names in a request."""
{inputs}
{outputs}
    return ModelSignature(inputs=inputs, outputs=outputs)
'''


def render_mlflow(contract: Contract, _deployment: Deployment) -> dict[str, str]:
    """The signature, and the list of what it cannot hold."""
    inputs = input_leaves(contract, STACK)
    outputs = output_leaves(contract, STACK)
    lost: list[Code] = [literal(safe(line)) for line in losses(contract, inputs, outputs)]
    text = TEXT.format(
        title=safe(literal(contract.name)),
        fingerprint=literal(contract.fingerprint),
        lost=laid_out(group("(", lost, ")"), before="LOST: tuple[str, ...] = "),
        inputs=_schema("inputs", inputs, contract),
        outputs=_schema("outputs", outputs, contract),
    )
    return {FILE: text}


def losses(contract: Contract, inputs: list[Leaf], outputs: list[Leaf]) -> list[str]:
    """Each claim of the contract that a signature cannot hold, in one line."""
    lines = []
    for tensor, required in (*inputs, *outputs):
        if not required:
            lines.append(f"{tensor.wire_name} may be absent")
        if tensor.values is not None:
            lines.append(f"{tensor.wire_name}: {values_line(tensor.values).removeprefix(', ')}")
        if tensor.dtype == "bfloat16":
            lines.append(f"{tensor.wire_name} is bfloat16; its bits are uint16")
    for name, dim in contract.dims.items():
        uses = sum(tensor.shape.count(name) for tensor, _ in (*inputs, *outputs))
        if uses > 1:
            lines.append(f"{name} is the same size in all {uses} places")
        lines.append(f"{name}: {dim_line(dim)}")
    lines += [expr_line(relation) for relation in contract.relations]
    nested = [part.name for part in contract.inputs if not isinstance(part.node, model.Tensor)]
    return lines + [f"the structure of the argument {name}" for name in nested]


def _schema(name: str, tensors: list[Leaf], contract: Contract) -> str:
    specs: list[Code] = [_spec(tensor, contract) for tensor, _ in tensors]
    return laid_out(group("Schema(", [group("[", specs, "]")], ")"), 1, f"{name} = ")


def _spec(tensor: model.Tensor, contract: Contract) -> Code:
    dtype = "uint16" if tensor.dtype == "bfloat16" else tensor.dtype
    return group(
        "TensorSpec(", [f"np.dtype({literal(dtype)})", literal(sizes(contract, tensor)), literal(tensor.wire_name)], ")"
    )


MLFLOW = Target("mlflow", "the contract as MLflow's ModelSignature", render_mlflow)
