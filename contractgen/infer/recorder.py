"""Finding out by watching what kind of thing a parameter is: a tensor, a mapping, a sequence, a number, an object.

A `Recorder` stands where the value would stand. The first use that tells its kind raises `Decided`, which no ``except
Exception`` of a model can swallow.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Literal, NoReturn

import torch

from contractgen.infer.hypothesis import Path

Kind = Literal["tensor", "dict", "list", "tuple", "object", "int", "float", "bool", "str"]


@dataclass(frozen=True)
class Hint:
    """What the first use of a tensor tells of it: likely dtypes and ranks, the likeliest first."""

    dtypes: tuple[torch.dtype, ...] = ()
    ranks: tuple[int, ...] = ()


class Decided(BaseException):
    """The parameter at ``path`` is of ``kind``; ``key`` is the dict key, attribute or index that was asked for."""

    def __init__(self, path: Path, kind: Kind, *, key: str | int | None = None, hint: Hint | None = None) -> None:
        super().__init__(path, kind, key)
        self.path = path
        self.kind = kind
        self.key = key
        self.hint = hint or Hint()


class MissingKey(BaseException):
    """A key that the model asks the mapping at ``path`` for, and that the hypothesis does not have yet."""

    def __init__(self, path: Path, key: str) -> None:
        super().__init__(path, key)
        self.path = path
        self.key = key


@dataclass
class Asked:
    """What the model asked its mappings for without insisting: ``.get(key)`` and ``key in mapping``."""

    optional: set[tuple[Path, str]] = field(default_factory=set)
    read: set[tuple[Path, str]] = field(default_factory=set)


class WatchedDict(dict):  # type: ignore[type-arg]
    """A real dict that says which keys a model asks for, and that a missing one is missing."""

    def __init__(self, values: dict[str, object], path: Path, asked: Asked) -> None:
        super().__init__(values)
        self._path = path
        self._asked = asked

    def __missing__(self, key: str) -> NoReturn:
        raise MissingKey(self._path, key)

    def __getitem__(self, key: str) -> object:
        self._asked.read.add((self._path, key))
        return super().__getitem__(key)

    def get(self, key: str, default: object = None) -> object:
        """As dict's; the key counts as asked for."""
        self._note(key)
        return super().get(key, default)

    def pop(self, key: str, *default: object) -> object:
        """As dict's; a key without a default that is not there is missing."""
        if default:
            self._note(key)
        elif key not in self.keys():
            raise MissingKey(self._path, key)
        self._asked.read.add((self._path, key))
        return super().pop(key, *default)

    def __contains__(self, key: object) -> bool:
        if isinstance(key, str):
            self._note(key)
        return super().__contains__(key)

    def __getattr__(self, name: str) -> object:
        """Batches are often objects that are read by attribute as well as by key."""
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self.keys():
            self._asked.read.add((self._path, name))
            return super().__getitem__(name)
        raise MissingKey(self._path, name)

    def _note(self, key: str) -> None:
        self._asked.read.add((self._path, key))
        if key not in self.keys():
            self._asked.optional.add((self._path, key))


class Recorder:
    """Stands for a value of unknown kind."""

    def __init__(self, path: Path) -> None:
        object.__setattr__(self, "_path", path)

    def _decide(self, kind: Kind, *, key: str | int | None = None, hint: Hint | None = None) -> NoReturn:
        raise Decided(object.__getattribute__(self, "_path"), kind, key=key, hint=hint)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> NoReturn:
        name = getattr(func, "__name__", "")
        for value in (*args, *(kwargs or {}).values()):
            inside = value if type(value) in (list, tuple) else (value,)
            recorder = next((item for item in inside if type(item) is Recorder), None)
            if recorder is not None:
                sequence = name in _TAKES_SEQUENCE and len(args) > 0 and args[0] is recorder
                index = _INDEX_HINTS.get(name.removesuffix("_")) if args and args[0] is not recorder else None
                recorder._decide("list" if sequence else "tensor", hint=index or _FUNCTION_HINTS.get(name))
        raise TypeError(f"no recorder among the arguments of {name}")

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        if hasattr(torch.Tensor, name):
            self._decide("tensor", hint=_METHOD_HINTS.get(name))
        if name in ("keys", "values", "items", "get"):
            self._decide("dict")
        if name in ("append", "extend"):
            self._decide("list")
        if hasattr(str, name):
            self._decide("str")
        self._decide("object", key=name)

    def __getitem__(self, key: object) -> NoReturn:
        if isinstance(key, str):
            self._decide("dict", key=key)
        if isinstance(key, int):
            self._decide("tuple" if _operand(sys._getframe(1)) in _CONSTANTS else "list", key=key)
        self._decide("tensor")

    def __contains__(self, key: object) -> NoReturn:
        self._decide("dict" if isinstance(key, str) else "list")

    def __iter__(self) -> Iterator[object]:
        self._decide("tuple" if _operation(sys._getframe(1)) == "UNPACK_SEQUENCE" else "list")

    def __len__(self) -> int:  # noqa: PLE0303 -- it never returns
        self._decide("list")

    def __bool__(self) -> bool:  # noqa: PLE0304 -- it never returns
        self._decide("bool")

    def __index__(self) -> int:  # noqa: PLE0305 -- it never returns
        self._decide("int")

    def __int__(self) -> int:
        self._decide("int")

    def __float__(self) -> float:
        self._decide("float")

    def __hash__(self) -> int:  # noqa: PLE0309 -- it never returns
        self._decide("str")

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        self._decide("tensor", hint=_asking_function())  # whoever asks, in Python or in C++, treats it as one


def _operation(frame: FrameType) -> str:
    """The instruction that a frame is at."""
    return dis.opname[frame.f_code.co_code[frame.f_lasti]]


def _operand(frame: FrameType) -> str:
    """The instruction before it, which put its last operand on the stack."""
    return dis.opname[frame.f_code.co_code[max(0, frame.f_lasti - 2)]]


_CONSTANTS = {"LOAD_CONST", "LOAD_SMALL_INT"}
"""An index that stands in the code, as in ``x[0]``: what is picked apart by place is a tuple more often than a list."""


def _asking_function() -> Hint | None:
    """The hint of the torch function that is looking at a recorder, if its name tells one."""
    frame = sys._getframe(2)
    if _operation(frame) == "BINARY_SUBSCR":
        return _INDEX_HINTS["__getitem__"]
    for _ in range(3):
        if frame.f_code.co_name in _FUNCTION_HINTS and "torch" in frame.f_code.co_filename:
            return _FUNCTION_HINTS[frame.f_code.co_name]
        if frame.f_back is None:
            break
        frame = frame.f_back
    return None


def _arithmetic(name: str) -> Any:
    def operator(self: Recorder, *others: object) -> NoReturn:
        integer = any(isinstance(other, int) and not isinstance(other, bool) for other in others)
        equal = name in ("__eq__", "__ne__")
        if equal and any(isinstance(other, str) for other in others):
            self._decide("str")
        share = name in ("__mul__", "__rmul__") and any(isinstance(other, torch.SymInt) for other in others)
        known = Hint((torch.int64,)) if equal and integer else Hint((torch.float32,)) if share else None
        self._decide("tensor", hint=known or _METHOD_HINTS.get(name))  # a size times a number is a share of it

    return operator


for _name in [
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "truediv",
    "rtruediv",
    "floordiv",
    "rfloordiv",
    "mod",
    "rmod",
    "pow",
    "rpow",
    "matmul",
    "rmatmul",
    "and",
    "rand",
    "or",
    "ror",
    "xor",
    "rxor",
    "lshift",
    "rshift",
    "neg",
    "invert",
    "abs",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
]:
    setattr(Recorder, f"__{_name}__", _arithmetic(f"__{_name}__"))

_TAKES_SEQUENCE = {
    "cat",
    "stack",
    "concat",
    "hstack",
    "vstack",
    "pad_sequence",
    "pack_sequence",
    "concatenate",
    "dstack",
}
_IDS = Hint((torch.int64,), (2, 1, 3))
_OF_FLOATS = (
    "relu", "gelu", "silu", "elu", "leaky_relu", "softplus", "sigmoid", "tanh", "softmax", "log_softmax", "layer_norm",
    "exp", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "nan_to_num", "isnan", "normalize",
)  # fmt: skip
"""What is asked of measured numbers, whatever their name reminds of."""
_FUNCTION_HINTS = {
    "embedding": _IDS,
    "embedding_bag": Hint((torch.int64,), (2, 1)),
    "one_hot": Hint((torch.int64,), (1, 2)),
    "bincount": Hint((torch.int64,), (1,)),
    "conv1d": Hint(ranks=(3,)), "conv_transpose1d": Hint(ranks=(3,)),
    "conv2d": Hint(ranks=(4,)), "conv_transpose2d": Hint(ranks=(4,)), "interpolate": Hint(ranks=(4, 3, 5)),
    "conv3d": Hint(ranks=(5,)), "conv_transpose3d": Hint(ranks=(5,)),
    "stft": Hint(ranks=(2,)),
    "view_as_real": Hint((torch.complex64,)),
    "logical_not": Hint((torch.bool,)),
    **dict.fromkeys(_OF_FLOATS, Hint((torch.float32,))),
}  # fmt: skip
_INDEX_HINTS = {
    **dict.fromkeys(("index_add", "index_select", "index_copy", "index_fill"), Hint((torch.int64,), (1,))),
    **dict.fromkeys(("gather", "scatter", "scatter_add", "scatter_reduce"), Hint((torch.int64,), (2, 1, 3))),
    **dict.fromkeys(("take", "take_along_dim", "__getitem__", "__setitem__"), Hint((torch.int64,), (1, 2))),
}
"""Of an argument that says which elements of another tensor are meant."""
_METHOD_HINTS = {
    "real": Hint((torch.complex64,)),
    "imag": Hint((torch.complex64,)),
    "__invert__": Hint((torch.bool,)),
    "logical_not": Hint((torch.bool,)),
    "stft": Hint(ranks=(2,)),
    **dict.fromkeys(_OF_FLOATS, Hint((torch.float32,))),
}

LAYER_HINTS: dict[type, Hint] = {
    torch.nn.Embedding: _IDS,
    torch.nn.EmbeddingBag: Hint((torch.int64,), (2, 1)),
    torch.nn.Linear: Hint(ranks=(2, 3, 1)),
    torch.nn.Conv1d: Hint(ranks=(3,)), torch.nn.ConvTranspose1d: Hint(ranks=(3,)),
    torch.nn.Conv2d: Hint(ranks=(4,)), torch.nn.ConvTranspose2d: Hint(ranks=(4,)),
    torch.nn.Conv3d: Hint(ranks=(5,)), torch.nn.ConvTranspose3d: Hint(ranks=(5,)),
    torch.nn.BatchNorm1d: Hint(ranks=(2, 3)), torch.nn.BatchNorm2d: Hint(ranks=(4,)), torch.nn.BatchNorm3d: Hint(ranks=(5,)),
    torch.nn.MaxPool2d: Hint(ranks=(4,)), torch.nn.AvgPool2d: Hint(ranks=(4,)), torch.nn.AdaptiveAvgPool2d: Hint(ranks=(4,)),
    torch.nn.LSTM: Hint(ranks=(3,)), torch.nn.GRU: Hint(ranks=(3,)), torch.nn.RNN: Hint(ranks=(3,)),
    torch.nn.LSTMCell: Hint(ranks=(2,)), torch.nn.GRUCell: Hint(ranks=(2,)),
    torch.nn.MultiheadAttention: Hint(ranks=(3,)), torch.nn.TransformerEncoder: Hint(ranks=(3,)),
    torch.nn.TransformerDecoder: Hint(ranks=(3,)), torch.nn.Transformer: Hint(ranks=(3,)),
    torch.nn.TransformerEncoderLayer: Hint(ranks=(3,)), torch.nn.TransformerDecoderLayer: Hint(ranks=(3,)),
}  # fmt: skip


_GRIDS = {"1d": Hint(ranks=(3, 2)), "2d": Hint(ranks=(4, 3)), "3d": Hint(ranks=(5, 4))}


def decide_at_layer(module: torch.nn.Module, args: tuple[object, ...]) -> None:
    """A global forward pre-hook: a recorder handed to a known layer as its first argument is a tensor for that layer.

    So is one that is handed to a recurrent layer as its state, which has the rank of the layer's input.
    """
    hint = LAYER_HINTS.get(type(module))
    if hint is None:
        hint = next((h for cls, h in LAYER_HINTS.items() if isinstance(module, cls)), None)
    if hint is None and type(module).__module__.startswith("torch.nn"):
        # Paddings, poolings and norms all name their grid.
        hint = next((h for end, h in _GRIDS.items() if type(module).__name__.endswith(end)), None)
    if hint is not None and args and type(args[0]) is Recorder:
        args[0]._decide("tensor", hint=hint)
    if isinstance(module, (torch.nn.RNNBase, torch.nn.RNNCellBase)) and len(args) > 1:
        state, rank = args[1], _rank(args[0])
        inside = state if type(state) in (list, tuple) else () if isinstance(module, _OF_PAIRS) else (state,)
        assert isinstance(inside, (list, tuple))
        for recorder in inside:
            if type(recorder) is Recorder and rank:
                recorder._decide("tensor", hint=Hint(ranks=(rank,)))


_OF_PAIRS = (torch.nn.LSTM, torch.nn.LSTMCell)
"""Layers whose state is a pair: of a single value they ask for its first item."""


def _rank(value: object) -> int:
    return value.dim() if issubclass(type(value), torch.Tensor) else 0  # type: ignore[attr-defined]
