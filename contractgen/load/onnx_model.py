"""``.onnx`` files as modules that run ONNX Runtime."""

from __future__ import annotations

import ctypes
import inspect
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from contractgen.errors import LoadError
from contractgen.load.arguments import to_numpy
from contractgen.load.forked import failure_of
from contractgen.load.loaded import Opened, Request, said

_DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
}  # fmt: skip
"""``onnx.TensorProto.DataType`` by the contract's names. https://onnx.ai/onnx/intro/concepts.html#element-type"""


@dataclass(frozen=True)
class InputSpec:
    """What a graph declares of one input; ONNX Runtime may accept more, or less."""

    name: str
    """The name in the graph."""
    parameter: str
    """The same as an identifier: the parameter of ``forward``."""
    dtype: str
    shape: tuple[int | str | None, ...] | None
    """Sizes, names of free dims, None for a free dim without a name; None as a whole where the rank is open."""
    sequence: bool = False
    """A list of tensors rather than one."""


class DeclaredShape:
    """The annotation of a parameter: ``dtypes`` and ``dim_str`` as jaxtyping's annotations have them."""

    def __init__(self, spec: InputSpec) -> None:
        self.dtypes = [spec.dtype]
        free = re.compile(r"[A-Za-z_]\w*")
        sizes = (
            "?" if size is None or (isinstance(size, str) and not free.fullmatch(size)) else size
            for size in spec.shape or ()
        )
        self.dim_str = " ".join(map(str, sizes)) if spec.shape is not None else "..."

    def __repr__(self) -> str:
        return f"{self.dtypes[0]}[{self.dim_str}]"


@dataclass(frozen=True)
class _Opened:
    """A session, and the process that it was opened in: a handle, no state that a run leaves behind."""

    process: int
    session: Any


class OnnxModel(torch.nn.Module):
    """Runs an ONNX graph: tensors in by the names of its inputs, a dict of tensors out by the names of its outputs.

    The session is opened at the first call, once per process, since a session does not survive a fork.
    """

    def __init__(self, path: Path, input_specs: Sequence[InputSpec], weight_sizes: Sequence[int] = ()) -> None:
        super().__init__()
        self.path = path
        self.input_specs = tuple(input_specs)
        self.weight_sizes = tuple(weight_sizes)
        """The sizes of the graph's weights, each once."""
        self._session: _Opened | None = None
        self.forward = self._described_forward()

    def _described_forward(self) -> Any:
        """``forward`` with the graph's inputs as its parameters, for whoever reads its signature."""

        def forward(*args: Any, **kwargs: Any) -> dict[str, Any]:
            return self._run(args, kwargs)

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        annotations = {spec.parameter: _annotation(spec) for spec in self.input_specs}
        parameters = [inspect.Parameter(name, kind, annotation=each) for name, each in annotations.items()]
        forward.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        forward.__annotations__ = dict(annotations)
        return forward

    def _run(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        feeds: dict[str, Any] = {}
        named = {
            **{spec.name: spec for spec in self.input_specs},
            **{spec.parameter: spec for spec in self.input_specs},
        }
        if len(args) > len(self.input_specs):
            raise TypeError(f"forward takes {len(self.input_specs)} inputs, {len(args)} were given")
        for spec, value in zip(self.input_specs, args, strict=False):
            feeds[spec.name] = _fed(value)
        for name, value in kwargs.items():
            if name not in named or named[name].name in feeds:
                raise TypeError(f"forward got {'a second value' if name in named else 'an unknown input'}: {name!r}")
            feeds[named[name].name] = _fed(value)
        missing = [spec.name for spec in self.input_specs if spec.name not in feeds]
        if missing:
            raise TypeError(f"forward lacks the inputs {', '.join(map(repr, missing))}")
        session = self._open()
        names = [output.name for output in session.get_outputs()]
        if any(isinstance(value, list) for value in feeds.values()):
            results = session.run(names, {name: _plain(value) for name, value in feeds.items()})
        else:
            results = session.run_with_ort_values(names, feeds)
        return {name: _result(value) for name, value in zip(names, results, strict=True)}

    def _open(self) -> Any:
        if self._session is None or self._session.process != os.getpid():
            self._session = _Opened(os.getpid(), open_session(self.path))
        return self._session.session


def open_session(path: Path) -> Any:
    """A session with one thread that prints nothing."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def open_onnx(request: Request) -> Opened:
    """The module of an ONNX file. Raises LoadError where ONNX Runtime does not open it (tried in a child process)."""
    path = request.path
    specs, weight_sizes = read_graph(path)
    reason = failure_of(lambda: open_session(path))
    if reason:
        raise LoadError(
            f"ONNX Runtime cannot open {path}: {reason}", hint="Its operators, or data beside it, may be missing."
        )
    return Opened(OnnxModel(path, specs, weight_sizes), "onnx")


def read_graph(path: Path) -> tuple[list[InputSpec], list[int]]:
    """What the graph declares of its inputs, without those that have a value in the file; and the sizes of its weights."""
    import onnx

    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except Exception as error:
        raise LoadError(f"{path} is no ONNX model, or damaged: {said(error)}", hint="Save or copy it again.") from error
    if not graph.node and not graph.output:
        raise LoadError(f"{path} is no ONNX model: it has no graph")
    constant = {tensor.name for tensor in graph.initializer}
    specs: list[InputSpec] = []
    for value in graph.input:
        if value.name not in constant:
            specs.append(_spec(path, value, {spec.parameter for spec in specs}))
    return specs, sorted({size for tensor in graph.initializer for size in tensor.dims})


def _spec(path: Path, value: Any, taken: set[str]) -> InputSpec:
    kind = value.type.WhichOneof("value")
    holder = value.type.sequence_type.elem_type if kind == "sequence_type" else value.type
    dtype = _DTYPES.get(holder.tensor_type.elem_type) if holder.WhichOneof("value") == "tensor_type" else None
    if dtype is None:
        raise LoadError(f"the input {value.name!r} of {path} is no tensor of numbers; a contract cannot describe it")
    shape: tuple[int | str | None, ...] | None = None
    if holder.tensor_type.HasField("shape"):
        shape = tuple(_size(dim) for dim in holder.tensor_type.shape.dim)
    return InputSpec(value.name, _identifier(value.name, taken), dtype, shape, sequence=kind == "sequence_type")


def _size(dim: Any) -> int | str | None:
    if dim.HasField("dim_value"):
        # 0 and -1 are what exporters write for "any".
        return int(dim.dim_value) if dim.dim_value > 0 else None
    text = str(dim.dim_param)
    # torch writes a size that turned out fixed as the name of a free dim.
    return int(text) if text.isdigit() else text or None


def _identifier(name: str, taken: set[str]) -> str:
    import keyword

    text = re.sub(r"\W", "_", name, flags=re.ASCII)
    if not text or text[0].isdigit() or not text.strip("_"):
        text = f"input_{text.strip('_')}".rstrip("_")
    if keyword.iskeyword(text):
        text += "_"
    base, count = text, 2
    while text in taken:
        text, count = f"{base}_{count}", count + 1
    return text


def _annotation(spec: InputSpec) -> Any:
    return list[torch.Tensor] if spec.sequence else DeclaredShape(spec)


def _fed(value: Any) -> Any:
    """A value for the session: an OrtValue, or a list of arrays for a sequence."""
    import numpy as np
    import onnxruntime

    if isinstance(value, (list, tuple)):
        return [to_numpy(item) for item in value]
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"an ONNX model takes tensors, not a {type(value).__name__}")
    array = np.ascontiguousarray(to_numpy(value)).reshape(tuple(value.shape))
    if value.dtype == torch.bfloat16:
        return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(array, 16)
    return onnxruntime.OrtValue.ortvalue_from_numpy(array)


def _plain(value: Any) -> Any:
    return value if isinstance(value, list) else value.numpy()


def _result(value: Any) -> Any:
    """A session's result as tensors."""
    import numpy as np

    if isinstance(value, (list, tuple)):
        return [_result(item) for item in value]
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    if value.data_type() == "tensor(bfloat16)":
        # The runtime gives no array of a type that numpy does not have: its memory is read.
        shape = tuple(value.shape())
        bits = (ctypes.c_uint16 * math.prod(shape)).from_address(value.data_ptr()) if math.prod(shape) else ()
        return torch.from_numpy(np.array(bits, np.uint16).reshape(shape)).view(torch.bfloat16)
    if not value.is_tensor():
        return _result(value.to_list() if hasattr(value, "to_list") else value.numpy())
    return torch.from_numpy(value.numpy())
