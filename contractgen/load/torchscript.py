"""TorchScript archives. A traced one keeps the shapes and dtypes of the inputs that it was traced with."""

from __future__ import annotations

import io
import itertools
import math
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from contractgen.errors import LoadError
from contractgen.load.forked import failure_of
from contractgen.load.loaded import Example, Opened, Request, said
from contractgen.load.pickles import read_member

_MOST_ELEMENTS = 1 << 26


def open_torchscript(request: Request) -> Opened:
    """The module of a TorchScript archive, and the inputs that it was traced with if it was."""
    path = request.path
    notes: list[str] = []
    try:
        module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
        module.eval()
    except Exception as error:
        raise LoadError(
            f"{path} cannot be loaded as TorchScript: {said(error)}", hint="Save or copy it again."
        ) from error
    if re.search(rb"torch\.device\(\"cuda", _code(path)):
        notes.append("the traced code itself names a CUDA device; where it does, it fails on this machine's CPU")
    shapes = _traced_shapes(path)
    traced = _filled(module, shapes) if shapes else None
    if shapes and traced is None:
        notes.append("the inputs that the archive was traced with have shapes that it did not run on again")
    return Opened(module, "torchscript", traced, tuple(notes))


def _code(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return b"".join(read_member(archive, name) for name in archive.namelist() if re.search(r"/code/.*\.py$", name))


@dataclass(frozen=True)
class _Shape:
    """A tensor of ``traced_inputs.pkl``, which holds no values."""

    dtype: torch.dtype
    sizes: tuple[int, ...]


def _traced_shapes(path: Path) -> list[Any]:
    """The arguments of forward with a `_Shape` for each tensor; empty where there are none that can be read."""
    with zipfile.ZipFile(path) as archive:
        name = next((name for name in archive.namelist() if name.endswith("traced_inputs.pkl")), None)
        if name is None:
            return []
        try:
            inputs = _ShapeReader(io.BytesIO(read_member(archive, name))).load()["forward"]
        except (pickle.UnpicklingError, KeyError, TypeError, ValueError, IndexError, AttributeError, EOFError):
            return []
    return inputs if isinstance(inputs, list) and all(map(_is_known, inputs)) else []


class _ShapeReader(pickle.Unpickler):
    """Reads tensors as shapes. It knows the few names that torch writes into this file and imports nothing."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda dtype, _offset, sizes, *_: _Shape(dtype, tuple(sizes))
        if (module, name) == ("torch.jit._pickle", "restore_type_tag"):
            return lambda value, _tag: value
        if module == "torch.jit._pickle" and name in {"build_intlist", "build_doublelist", "build_boollist"}:
            return list
        if module == "torch.jit._pickle" and name == "build_tensor_from_id":
            raise pickle.UnpicklingError("a tensor by number")
        if module == "torch" and name.endswith("Storage"):
            return _storage_dtype(name)
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        raise pickle.UnpicklingError(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        """A storage's id carries its dtype second: ``("storage", FloatStorage, "0", "cpu", 6)``."""
        return pid[1]


def _storage_dtype(name: str) -> torch.dtype:
    dtype = getattr(getattr(torch, name, None), "dtype", None)
    if not isinstance(dtype, torch.dtype):
        raise pickle.UnpicklingError(name)
    return dtype


def _is_known(value: Any) -> bool:
    if isinstance(value, _Shape):
        return math.prod(value.sizes) <= _MOST_ELEMENTS
    if isinstance(value, dict):
        return all(_is_known(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return all(_is_known(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))


def _filled(module: torch.nn.Module, shapes: list[Any]) -> Example | None:
    """The traced arguments with contents that the module runs on: random floats; ones, zeros or a range as integers."""
    integers = sum(not (s.dtype.is_floating_point or s.dtype.is_complex) for s in _leaves(shapes))
    for fills in itertools.product(("ones", "zeros", "range"), repeat=min(integers, 3)):
        # Beyond the third, all further integer tensors share the last one's fill.
        args = _arguments(shapes, iter([*fills, *fills[-1:] * (integers - len(fills))]))
        if not failure_of(lambda args=args: _run(module, args)):  # type: ignore[misc]
            return args, {}
    return None


def _run(module: torch.nn.Module, args: tuple[Any, ...]) -> None:
    with torch.no_grad():
        module(*args)


def _arguments(shapes: list[Any], fills: Iterator[str]) -> tuple[Any, ...]:
    generator = torch.Generator().manual_seed(0)
    return tuple(_tree(value, lambda shape: _content(shape, fills, generator)) for value in shapes)


def _leaves(value: Any) -> Iterator[_Shape]:
    if isinstance(value, _Shape):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)


def _tree(value: Any, make: Callable[[_Shape], torch.Tensor]) -> Any:
    if isinstance(value, _Shape):
        return make(value)
    if isinstance(value, dict):
        return {key: _tree(item, make) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_tree(item, make) for item in value)
    return value


def _content(shape: _Shape, fills: Iterator[str], generator: torch.Generator) -> torch.Tensor:
    if shape.dtype.is_complex or shape.dtype.is_floating_point:
        wide = torch.complex64 if shape.dtype.is_complex else torch.float32
        return torch.randn(shape.sizes, dtype=wide, generator=generator).to(shape.dtype)
    fill = next(fills)
    if fill == "range":
        counted = torch.arange(math.prod(shape.sizes[-1:])).expand(shape.sizes)
        return counted.to(shape.dtype).contiguous()
    return torch.full(shape.sizes, 1 if fill == "ones" else 0, dtype=shape.dtype)
