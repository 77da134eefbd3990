"""Reading pickles without running them.

A pickle is a program: unpickling imports what it names and calls it. `globals_in` lists those names from the opcodes
alone. `read_inert` builds what the pickle describes from tensors and plain containers, with a lifeless stand-in
wherever it names anything else, so that a checkpoint that also holds a training object can be read without trust.
"""

from __future__ import annotations

import _compat_pickle
import io
import pickle
import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import torch
from torch._weights_only_unpickler import _get_allowed_globals

_MOST_OPCODES = 20_000_000


class Inert:
    """Stands for an object of a class that was not imported. ``state`` is what it was to be restored from."""

    state: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or kwargs:
            self.state = {"args": args, **kwargs}

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        if not isinstance(self.state, dict):
            self.state = {}
        self.state[key] = value

    def append(self, item: Any) -> None:
        """Lists of unknown classes are filled through this."""

    def extend(self, items: Any) -> None:
        """Likewise."""

    def add(self, item: Any) -> None:
        """Likewise, for sets."""

    def __hash__(self) -> int:
        return id(self)


def class_name(value: Inert) -> str:
    """The name that the pickle gives to a stand-in's class: ``train.Net``."""
    return _modern(f"{type(value).__module__}.{type(value).__qualname__}")


def _modern(name: str) -> str:
    """Protocols up to 2 write the names that modules had in Python 2."""
    module, _, attribute = name.rpartition(".")
    return f"{_compat_pickle.IMPORT_MAPPING.get(module, module)}.{attribute}" if attribute else name


def is_allowed(name: str) -> bool:
    """Whether a global is one of those that ``torch.load(weights_only=True)`` lets through."""
    name = _modern(name)
    is_storage = name.startswith("torch.") and name.endswith("Storage") and name.count(".") == 1
    return is_storage or name in _get_allowed_globals()


def read_inert(path: Path) -> Any:
    """The content of a file of ``torch.save``, with `Inert` objects for all that is neither a tensor nor plain data."""
    reader = SimpleNamespace(__name__=__name__, Unpickler=_Unpickler, load=lambda file, **_: _Unpickler(file).load())
    mapped = zipfile.is_zipfile(path)
    return torch.load(path, map_location="cpu", weights_only=False, pickle_module=reader, mmap=mapped)


class _Unpickler(pickle.Unpickler):
    """Resolves only what torch's own weights-only reader resolves; never imports."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = _get_allowed_globals().get(_modern(f"{module}.{name}"))
        if allowed is not None:
            return allowed
        return type(name, (Inert,), {"__module__": module, "__qualname__": name})


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """A member's bytes without the check of its CRC, which torch can be told not to write."""
    with archive.open(name) as member:
        member._expected_crc = None  # type: ignore[attr-defined]
        return member.read()


def globals_in(path: Path) -> tuple[str, ...]:
    """All globals (``os.system``) that the pickles in a zip or bare pickle file name, in order, without running them."""
    found: dict[str, None] = {}
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".pkl"):
                    found.update(dict.fromkeys(_globals(io.BytesIO(read_member(archive, name)))))
        return tuple(found)
    with path.open("rb") as file:
        # torch's format before 1.6 is five pickles, then raw storages; a bare pickle is one.
        for _ in range(5):
            start = file.tell()
            names = list(_globals(file))
            found.update(dict.fromkeys(names))
            if file.tell() == start:
                break
    return tuple(found)


def globals_in_bytes(data: bytes) -> tuple[str, ...]:
    """The same for one pickle in memory, or for a zip of ``torch.save`` in memory."""
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            pickled = [read_member(archive, name) for name in archive.namelist() if name.endswith(".pkl")]
        return tuple(dict.fromkeys(name for each in pickled for name in _globals(io.BytesIO(each))))
    return tuple(dict.fromkeys(_globals(io.BytesIO(data))))


def _globals(stream: BinaryIO) -> Iterator[str]:
    """The globals of one pickle; ends quietly where the bytes are no pickle any more."""
    memo: dict[int, str] = {}
    strings: list[str] = []  # the last strings that were pushed, as far as no other value came between
    pushed = ""
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count > _MOST_OPCODES:
                return
            name = opcode.name
            if name in {"GLOBAL", "INST"}:
                yield _modern(str(argument).replace(" ", ".", 1))
            elif name == "STACK_GLOBAL":
                yield _modern(".".join(strings[-2:])) if len(strings) >= 2 else "a name that is computed"
            if name in {"MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"}:
                memo[len(memo) if name == "MEMOIZE" else int(argument or 0)] = pushed
                continue
            pushed = memo.get(int(argument or 0), "") if name in {"GET", "BINGET", "LONG_BINGET"} else ""
            if "UNICODE" in name or name in {"STRING", "BINSTRING", "SHORT_BINSTRING"}:
                pushed = str(argument)
            strings = [*strings[-1:], pushed] if pushed else []
    except (ValueError, IndexError, OverflowError, UnicodeDecodeError, EOFError):
        return
