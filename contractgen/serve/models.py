"""The model in each runtime, as a function of a request's tensors."""

from __future__ import annotations

import ctypes
import math
import threading
import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from contractgen.errors import LoadError
from contractgen.serve.settings import Prepared

if TYPE_CHECKING:
    import torch

Tensors: TypeAlias = Mapping[str, Any]
"""Numpy arrays by wire name."""

Model: TypeAlias = Callable[[Tensors], Any]
"""Gives forward's result as a tree of numpy arrays. It is called from several threads at once."""


def open_model(prepared: Prepared, validator: ModuleType) -> Model:
    """The model, ready to be called. Raises LoadError or another `ContractgenError`."""
    settings = prepared.settings
    if settings.runtime == "onnx":
        return OnnxModel(prepared.file or settings.artifact, validator)
    return _torch_model(prepared, validator)


class OnnxModel:
    """A graph in ONNX Runtime, one thread for each call."""

    def __init__(self, path: Path, validator: ModuleType) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self._validator = validator
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            first = str(error).strip().splitlines() or [""]
            raise LoadError(f"ONNX Runtime cannot open {path}: {first[0]}") from error
        self._bfloat16 = {node.name for node in self._session.get_inputs() if node.type == "tensor(bfloat16)"}
        self._names = [node.name for node in self._session.get_outputs() if node.name in validator.SPEC.output_names]
        given = {node.name for node in self._session.get_inputs()}
        if given != set(validator.SPEC.input_names):
            raise LoadError(
                f"the graph {path} takes {', '.join(sorted(given))}; "
                f"the contract says {', '.join(sorted(validator.SPEC.input_names))}",
                hint="A graph has the inputs that it was made with; --runtime eager serves every contract.",
            )
        outputs = self._session.get_outputs()
        self._is_plain = not self._bfloat16 and all("bfloat16" not in node.type for node in outputs)

    def __call__(self, tensors: Tensors) -> Any:
        """The graph's result as forward's."""
        if self._is_plain:
            results = self._session.run(self._names, dict(tensors))
        else:
            feeds = {name: self._fed(name, array) for name, array in tensors.items()}
            results = [_array(value) for value in self._session.run_with_ort_values(self._names, feeds)]
        return forward_result(self._validator, dict(zip(self._names, results, strict=True)))

    def _fed(self, name: str, array: Any) -> Any:
        import onnxruntime

        contiguous = np.asarray(array, order="C")
        if name in self._bfloat16:
            return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(contiguous, 16)
        return onnxruntime.OrtValue.ortvalue_from_numpy(contiguous)


def forward_result(validator: ModuleType, tensors: Tensors) -> Any:
    """What forward returns, out of its tensors by wire name."""
    outputs = validator.SPEC.outputs
    tree = validator.gather(outputs, tensors)
    return next(iter(tree.values())) if len(outputs.fields) == 1 else tuple(tree.values())


def _array(value: Any) -> Any:
    """A result as an array. ONNX Runtime gives none of a type that numpy does not have: its memory is read."""
    if value.data_type() != "tensor(bfloat16)":
        return value.numpy()
    shape = tuple(value.shape())
    bits = (ctypes.c_uint16 * math.prod(shape)).from_address(value.data_ptr()) if math.prod(shape) else ()
    return np.array(bits, np.uint16).reshape(shape)


def _torch_model(prepared: Prepared, validator: ModuleType) -> Model:
    import torch

    from contractgen.load import load_model
    from contractgen.load.arguments import bind, to_numpy, to_torch

    settings = prepared.settings
    torch.set_num_threads(1)  # a thread of ours for each request, and no more
    if settings.runtime == "torchscript" and prepared.file is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that it is deprecated is known
            module = torch.jit.load(str(prepared.file), map_location="cpu")  # type: ignore[no-untyped-call]
    else:
        module = load_model(
            settings.artifact, factory=settings.factory, arguments=settings.arguments, trust=settings.trust,
            confirm=lambda _question: True,  # asked when the server was prepared
        ).module  # fmt: skip
    copies = _PerThread(module)
    is_traced = settings.runtime == "torchscript"

    def run(tensors: Tensors) -> Any:
        own = copies.module
        args, kwargs = to_torch(settings.contract.inputs, *validator.arguments_of(tensors))
        if is_traced:
            args, kwargs = _given(args), {name: value for name, value in kwargs.items() if value is not None}
        args, kwargs = bind(own, args, kwargs)
        with torch.inference_mode():
            return to_numpy(own(*args, **kwargs))

    return run


def _given(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments up to the last that is there: a traced module has no others."""
    while args and args[-1] is None:
        args = args[:-1]
    return args


class _PerThread:
    """A module of its own for each thread, since many keep something on ``self`` during a call. Weights are shared."""

    def __init__(self, module: torch.nn.Module) -> None:
        import torch

        self._original = module
        self._own = threading.local()
        self._lock = threading.Lock()
        self._is_script = isinstance(module, torch.jit.ScriptModule)

    @property
    def module(self) -> torch.nn.Module:
        """The calling thread's module."""
        if self._is_script:
            return self._original  # a traced module keeps nothing
        if not hasattr(self._own, "module"):
            with self._lock:
                self._own.module = deepcopy(self._original, {id(each): each for each in self._original.parameters()})
        module: torch.nn.Module = self._own.module
        return module
