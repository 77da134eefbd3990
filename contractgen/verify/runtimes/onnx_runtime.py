"""The model as an ONNX file in ONNX Runtime, its inputs, outputs and dims named as in the contract."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
import torch.utils._pytree as pytree

from contractgen.contract.expression import render
from contractgen.contract.model import Contract, Parameter, Tensor
from contractgen.load.arguments import bind, to_numpy, to_torch
from contractgen.verify.encode import tensors_of
from contractgen.verify.fill import Array
from contractgen.verify.places import Leaf, places
from contractgen.verify.recipe import Recipe
from contractgen.verify.runtimes.base import NotAvailable, Runtime
from contractgen.verify.runtimes.example import GraphInput, wire_names
from contractgen.verify.runtimes.exported import first_line, place
from contractgen.verify.trees import named, output_tensors

FINGERPRINT = "contractgen.fingerprint"
DIMS = "contractgen.dims"
LARGE = 64 << 20
"""Bytes of weights above which they lie in a file beside the graph, as torch's exporter does for all: they are written and
read without a copy in memory, and a file cannot hold more than two gigabytes."""


def write_onnx(
    program: torch.export.ExportedProgram, module: torch.nn.Module, contract: Contract, given: GraphInput, path: Path
) -> None:
    """Convert an exported program and give it the contract's names. Raises `NotAvailable` with the reason."""
    outputs = list(output_names(module, contract, given))
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            size = sum(t.nbytes for t in program.state_dict.values() if isinstance(t, torch.Tensor))
            result = torch.onnx.export(
                program, f=None, input_names=wire_names(contract, given), output_names=outputs, dynamo=True,
                verbose=False, external_data=size > LARGE,
            )  # fmt: skip
            assert result is not None
            result.save(str(path), external_data=size > LARGE)
        model = onnx.load(str(path), load_external_data=False)
        name_dims(model, contract)
        onnx.save(model, str(path))
    except Exception as error:
        raise NotAvailable(f"torch.onnx.export: {first_line(error)}") from error


def output_names(module: torch.nn.Module, contract: Contract, given: GraphInput) -> list[str]:
    """The wire names of the outputs in the order in which torch flattens the model's own result."""
    args, kwargs = bind(module, *to_torch(contract.inputs, given.args, given.kwargs))
    with torch.no_grad():
        result = module(*args, **kwargs)
    leaves = [leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, torch.Tensor)]
    order: list[str] = []
    left = output_tensors(contract, to_numpy(result))
    for leaf in leaves:
        found = next(
            (name for name, (_, value) in left.items() if value.shape == tuple(leaf.shape) and _equal(value, leaf)),
            None,
        )
        if found is None:
            order.append(f"unnamed_{len(order)}")
        else:
            order.append(found)
            del left[found]
    return order


def _equal(array: Array, tensor: torch.Tensor) -> bool:
    if tensor.dtype == torch.bfloat16:
        return bool(np.array_equal(array, tensor.detach().view(torch.uint16).numpy()))
    return bool(np.array_equal(array, tensor.detach().numpy(), equal_nan=tensor.dtype.is_floating_point))


def name_dims(model: onnx.ModelProto, contract: Contract) -> None:
    """Give the graph the contract's dims: fixed sizes are numbers, free ones bear their names.

    Ranges and the fingerprint go into the metadata.
    """
    declared = {leaf.name: leaf.tensor for leaf in places(contract).leaves}
    renamed: dict[str, str] = {}
    for value in model.graph.input:
        tensor = _declared(declared, value.name)
        if tensor is None:
            continue
        for proto, size in zip(value.type.tensor_type.shape.dim, tensor.shape, strict=False):
            if isinstance(size, str) and proto.HasField("dim_param"):
                renamed[proto.dim_param] = size
            _set(proto, size)
    results = {t.wire_name: t for t in _output_leaves(contract)}
    for value in model.graph.output:
        tensor = _declared(results, value.name)
        if tensor is not None:
            for proto, size in zip(value.type.tensor_type.shape.dim, tensor.shape, strict=False):
                _set(proto, size)
    for value in model.graph.value_info:
        for proto in value.type.tensor_type.shape.dim:
            if proto.HasField("dim_param"):
                proto.dim_param = re.sub(r"[A-Za-z_]\w*", lambda m: renamed.get(m[0], m[0]), proto.dim_param)
    kept = [entry for entry in model.metadata_props if entry.key not in (FINGERPRINT, DIMS)]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.helper.set_model_props(model, {e.key: e.value for e in kept} | {
        FINGERPRINT: contract.fingerprint, DIMS: json.dumps(dim_ranges(contract), sort_keys=True),
    })  # fmt: skip


def dim_ranges(contract: Contract) -> dict[str, object]:
    """What the graph itself cannot say of each dim."""
    return {
        name: {"equals": render(dim.equals)} if dim.equals is not None
        else {"min": dim.min, "max": dim.max, "multiple_of": dim.multiple_of}
        for name, dim in contract.dims.items()
    }  # fmt: skip


def _set(proto: onnx.TensorShapeProto.Dimension, size: int | str) -> None:
    if isinstance(size, int):
        proto.dim_value = size
    else:
        proto.dim_param = size


def _declared(tensors: Mapping[str, Tensor], name: str) -> Tensor | None:
    """The tensor that a name in the graph belongs to: list items carry an index for the ``*``."""
    if name in tensors:
        return tensors[name]
    for pattern, tensor in tensors.items():
        if "*" in pattern and re.fullmatch(re.escape(pattern).replace(r"\*", r"\d+"), name):
            return tensor
    return None


def _output_leaves(contract: Contract) -> list[Tensor]:
    outputs = tuple(Parameter(output.name, output.node) for output in contract.outputs)
    leaves: tuple[Leaf, ...] = places(Contract(contract.name, outputs, ())).leaves
    return [leaf.tensor for leaf in leaves]


class OnnxRuntime(Runtime):
    """Runs an ONNX file."""

    name = "onnx"

    def __init__(self, contract: Contract, path: Path, given: GraphInput) -> None:
        super().__init__(contract)
        self.path = path
        self.given = given
        self._session: Any = None

    def applies(self, recipe: Recipe) -> bool:
        """A graph has the inputs that it was made with."""
        return self.given.fits(self.contract, recipe)

    def call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """A session has names, no tree: see `run`."""
        raise NotImplementedError

    def run(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, dict[str, Array]]:
        """The session's results by wire name; the tree is the same mapping."""
        session = self._session
        tensors = {
            name: value for name, value, _ in tensors_of(self.contract, named(self.contract, (args, dict(kwargs))))
        }
        feeds = {i.name: _value(tensors[i.name], i.type) for i in session.get_inputs()}
        names = [output.name for output in session.get_outputs()]
        results = session.run_with_ort_values(names, feeds)
        found = {name: value.numpy() for name, value in zip(names, results, strict=True)}
        return found, found

    def open(self, model: torch.nn.Module) -> None:  # noqa: ARG002
        """Start a session that runs in the calling thread alone: one with threads of its own does not survive a fork."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 4
        if self._weights.exists():
            # Neither a second copy of large weights nor room for activations that is never given back.
            options.add_session_config_entry("session.disable_prepacking", "1")
            options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])

    def save(self, path: Path) -> None:
        """Write the file, and the weights beside it where they are too large for one."""
        if self._weights.exists():
            place(self._weights, path.with_name(self._weights.name))
        place(self.path, path)

    @property
    def _weights(self) -> Path:
        """Where the weights lie if they are too large for the graph's own file."""
        return self.path.with_name(f"{self.path.name}.data")


def _value(array: Array, kind: str) -> Any:
    contiguous = np.asarray(array, order="C")
    if kind == "tensor(bfloat16)":
        return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(contiguous, onnx.TensorProto.BFLOAT16)
    return onnxruntime.OrtValue.ortvalue_from_numpy(contiguous)
