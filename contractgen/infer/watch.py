"""What a symbolic run is watched for, operator by operator, and what it is kept from doing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from contractgen.infer.shortcuts import shortcut
from contractgen.infer.symbols import Names


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operators and remembers the arguments of the one that is running."""

    def __init__(self, answers: int | None, names: Names) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0
        self.running: tuple[Any, ...] = ()
        """The arguments of the operator that is running."""
        self.joining: tuple[torch.Tensor, ...] = ()
        """The operands of the concatenation that is running."""
        self.read = False
        """Whether a tensor's content was read."""
        self.repeated: list[tuple[Any, Any]] = []
        """Sizes that were computed to be 1 and repeated, each with what it met."""
        self.of_bytes: list[torch.Tensor] = []
        """What was divided by 255."""
        self.weights: list[torch.Tensor] = []
        """Integers and booleans that floats were multiplied with."""
        self.whole: list[torch.Tensor] = []
        """Floats of which the whole numbers were taken."""
        self._names = names
        self._answer = answers

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.running = (*args, *(kwargs or {}).values())
        self.joining = tuple(args[0]) if func is torch.ops.aten.cat.default else ()
        scalar = func is torch.ops.aten._local_scalar_dense.default
        self.read |= scalar
        if self._answer is not None and scalar:
            dtype = args[0].dtype
            return (
                float(self._answer)
                if dtype.is_floating_point
                else bool(self._answer)
                if dtype == torch.bool
                else self._answer
            )
        _check_dtypes(func, args)
        if func._schema.name in _DIVIDES and _is_byte_scale(args[1]):
            self.of_bytes.append(args[0])
        if func is torch.ops.aten._to_copy.default and (kwargs or {}).get("dtype") in _WHOLE:
            self.whole.append(args[0])
        if func is torch.ops.aten.mul.Tensor:
            self.weights += _weights(args)
        if torch.Tag.pointwise in func.tags:
            self.repeated += _repeated([arg for arg in args if isinstance(arg, torch.Tensor)])
        made = shortcut(func, args, kwargs or {})
        result = tree_map_only(torch.Tensor, self._names.tame, func(*args, **(kwargs or {})) if made is None else made)
        self.count += 1
        self.running = ()
        return result


def _repeated(operands: Sequence[torch.Tensor]) -> Iterator[tuple[Any, Any]]:
    """Each size that is computed to be 1 with the larger one that it meets, which may turn out to be a fixed one later."""
    for one, other in itertools.permutations(operands, 2):
        wanted: tuple[Any, ...] = tuple(other.shape)
        sizes: tuple[Any, ...] = tuple(one.shape)
        for size, want in zip(reversed(sizes), reversed(wanted), strict=False):
            known = want.node.hint if isinstance(want, torch.SymInt) else want
            if isinstance(size, torch.SymInt) and size.node.hint == 1 and known is not None and known > 1:
                yield size.node.expr, want


def _weights(operands: Sequence[Any]) -> list[torch.Tensor]:
    tensors = [operand for operand in operands if isinstance(operand, torch.Tensor)]
    plain = [tensor for tensor in tensors if not (tensor.is_floating_point() or tensor.is_complex())]
    return plain if len(plain) == 1 and len(tensors) == 2 else []


class KeptWeights(TorchFunctionMode):
    """Keeps weights that a forward replaces (``layer.weight.data = ...``): a symbolic run has nothing to put there."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func == _SET_DATA and isinstance(args[1], FakeTensor) and not isinstance(args[0], FakeTensor):
            return None
        return func(*args, **(kwargs or {}))


_SET_DATA: Any = torch.Tensor.data.__set__  # type: ignore[attr-defined]
_DIVIDES = {"aten::div", "aten::mul"}
_WHOLE = (torch.int64, torch.int32)


def _is_byte_scale(number: Any) -> bool:
    return isinstance(number, (int, float)) and (number == 255 or abs(255 * number - 1) < 1e-6)


_MULTIPLIES = {
    "aten::mm", "aten::bmm", "aten::addmm", "aten::baddbmm", "aten::convolution", "aten::linear", "aten::matmul",
}  # fmt: skip


def _check_dtypes(func: Any, args: tuple[Any, ...]) -> None:
    """Refuse what kernels refuse and fake tensors let pass: operands of different dtypes in products."""
    if func._schema.name not in _MULTIPLIES:
        return
    dtypes = {arg.dtype for arg in args[:3] if isinstance(arg, torch.Tensor)}
    if len(dtypes) > 1:
        names = " and ".join(sorted(str(dtype) for dtype in dtypes))
        raise RuntimeError(f"{func._schema.name} needs operands of one dtype, got {names}")
