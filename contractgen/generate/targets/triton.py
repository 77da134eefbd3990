"""Triton Inference Server: `config.pbtxt` and a model of the Python backend."""

from __future__ import annotations

from contractgen.contract import model
from contractgen.contract.model import Contract
from contractgen.errors import UsageError
from contractgen.generate.layout import Code, group, labelled, laid_out, literal
from contractgen.generate.signatures import safe
from contractgen.generate.targets.deployment import Deployment, Target
from contractgen.generate.targets.model_file import FILE, model_file
from contractgen.generate.targets.tensors import Leaf, batch_dim, input_leaves, output_places, sizes

STACK = "Triton's configuration"
CONFIG_FILE = "triton/config.pbtxt"
MODEL_FILE = "triton/1/model.py"
TYPES = {
    **{f"{sign}{bits}": f"TYPE_{sign.upper()}{bits}" for sign in ("int", "uint") for bits in (8, 16, 32, 64)},
    "bool": "TYPE_BOOL",
    "float16": "TYPE_FP16",
    "float32": "TYPE_FP32",
    "float64": "TYPE_FP64",
}
"""Triton's name for each dtype. It has none for complex numbers, and its Python backend no arrays of bfloat16."""

MODEL = '''"""The model {title} in Triton's Python backend: what breaks its contract is an invalid argument and never reaches it.

Triton itself checks what `config.pbtxt` can say; the validator checks the rest. Beside this file, in the folder of the
version, belong validator.py, contract_model.py, the model file and the model's own code.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import triton_python_backend_utils as pb_utils

import contract_model
import validator

LOG = logging.getLogger(__name__)
{inputs}


class TritonPythonModel:
    """What Triton makes one of per instance of the model."""

    def initialize(self, args: dict[str, str]) -> None:  # noqa: ARG002
        """Load the model from the folder of this file."""
        self.model = contract_model.load(str(Path(__file__).resolve().parent))

    def execute(self, requests: list[Any]) -> list[Any]:
        """The responses to requests, each on its own: one that breaks the contract does not fail the others."""
        return [self.response(request) for request in requests]

    def response(self, request: Any) -> Any:
        """The response to one request."""
        try:
            args, kwargs = validator.arguments_of(tensors_of(request))
            validator.validate(*args, **kwargs)
            result = contract_model.run(self.model, args, kwargs)
            found = outputs_of(result)
            return pb_utils.InferenceResponse([pb_utils.Tensor(name, array) for name, array in found.items()])
        except validator.ContractViolation as violation:
            text = validator.error_response(violation).body.decode()
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(text, pb_utils.TritonError.INVALID_ARG))
        except Exception:
            LOG.exception("the model failed on a request that keeps its contract")
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(json.dumps({{"error": "internal error"}})))


def tensors_of(request: Any) -> dict[str, Any]:
    """The tensors of a request by name, without those that it does not have."""
    given = {{name: pb_utils.get_input_tensor_by_name(request, name) for name in INPUTS}}
    return {{name: tensor.as_numpy() for name, tensor in given.items() if tensor is not None}}


def outputs_of(result: Any) -> dict[str, Any]:
    """The outputs of the model by the names that config.pbtxt has for them."""
{outputs}
'''


def render_triton(contract: Contract, deployment: Deployment) -> dict[str, str]:
    """The folder of a model repository, without its name, and what loads the model."""
    inputs = input_leaves(contract, STACK)
    names: list[Code] = [literal(tensor.wire_name) for tensor, _ in inputs]
    places = output_places(contract, STACK)
    outputs: list[Code] = [labelled(literal(tensor.wire_name), code) for code, tensor in places]
    text = MODEL.format(
        title=safe(literal(contract.name)),
        inputs=laid_out(group("(", names, ")"), before="INPUTS = "),
        outputs=laid_out(group("{", outputs, "}"), 1, "return "),
    )
    config = config_text(contract, inputs, [tensor for _, tensor in places])
    return {CONFIG_FILE: config, MODEL_FILE: text, FILE: model_file(contract, deployment)}


def config_text(contract: Contract, inputs: list[Leaf], outputs: list[model.Tensor]) -> str:
    """`config.pbtxt`. The model's name is that of its folder."""
    largest = largest_batch(contract, [tensor for tensor, _ in inputs], outputs)
    lines = ['backend: "python"', f"max_batch_size: {largest}"]
    for tensor, required in inputs:
        lines.append(_entry("input", tensor, contract, largest > 0, "" if required else " optional: true"))
    lines += [_entry("output", tensor, contract, largest > 0, "") for tensor in outputs]
    if largest > 0:
        lines.append("dynamic_batching {}")
    return "".join(f"{line}\n" for line in lines)


def largest_batch(contract: Contract, inputs: list[model.Tensor], outputs: list[model.Tensor]) -> int:
    """Triton's `max_batch_size`: 0 unless every tensor's first axis is the batch, proven and bounded by the contract.

    Triton wants a number, and one that the contract does not have would refuse what the contract allows.
    """
    batch = batch_dim(contract)
    if batch is None or any(tensor.shape[:1] != (batch,) for tensor in (*inputs, *outputs)):
        return 0
    return contract.dims[batch].max or 0


def _entry(kind: str, tensor: model.Tensor, contract: Contract, batched: bool, more: str) -> str:
    if tensor.dtype not in TYPES:
        raise UsageError(f"Triton's Python backend has no {tensor.dtype} ({tensor.wire_name})")
    shape = sizes(contract, tensor)[1 if batched else 0 :]
    dims = ", ".join(map(str, shape))
    # A scalar has no dims to Triton; it wants one of size 1 that it takes away again.
    scalar = " reshape { shape: [] }" if not shape else ""
    name = _quoted(tensor.wire_name)
    return f"{kind} {{ name: {name} data_type: {TYPES[tensor.dtype]} dims: [{dims or 1}]{scalar}{more} }}"


def _quoted(text: str) -> str:
    """A string of protobuf's text format, in ASCII."""
    plain = {*range(32, 127)} - {ord('"'), ord("\\")}
    return '"' + "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in text.encode()) + '"'


TRITON = Target("triton", "config.pbtxt and model.py for Triton's Python backend", render_triton, loads=True)
