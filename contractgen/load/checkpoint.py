"""The weights in a file: read without running anything, found wherever a training script nested them."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from contractgen.errors import LoadError, UsageError
from contractgen.load.formats import Format
from contractgen.load.loaded import listed, said
from contractgen.load.pickles import Inert, class_name, globals_in, is_allowed, read_inert

_STATE_KEYS = (
    "state_dict", "model_state_dict", "model", "module", "net", "network", "weights", "params", "model_state",
    "state", "ema", "model_ema", "ema_state_dict",
)  # fmt: skip
"""Where training scripts put the weights, the most usual first."""

_HINT_KEYS = ("hyper_parameters", "hparams", "model_args", "model_config", "model_kwargs", "config", "args", "kwargs")
"""Where they put the arguments of the model's constructor."""

_WRAPPERS = ("module.", "_orig_mod.")
"""Prefixes of data parallel training and of torch.compile; they may stand anywhere in a key."""


@dataclass(frozen=True)
class Weights:
    """A state_dict and what stood beside it."""

    state: Mapping[str, Any]
    """Tensors by key, and whatever ``get_extra_state`` of a module gave."""
    hints: Mapping[str, object]
    """Constructor arguments that the checkpoint carries."""
    pickled: str = ""
    """The class of the pickled module that the weights were read out of, or empty."""
    notes: tuple[str, ...] = ()

    def renamed(self, names: Mapping[str, str]) -> Weights:
        """The weights whose keys are in ``names``, under other keys."""
        state = OrderedDict((names[key], value) for key, value in self.state.items() if key in names)
        _keep_versions(self.state, state, names)
        return replace(self, state=state)


def read_weights(path: Path, form: Format) -> Weights:
    """The weights in a file. Raises LoadError where it has none, or is damaged."""
    if form == "safetensors":
        return Weights(_read_safetensors(path), {})
    if form == "index":
        return Weights(_read_shards(path), {})
    return find_state(path, read_content(path))


def read_content(path: Path) -> Any:
    """What ``torch.save`` wrote, memory-mapped where the format allows it, with `Inert` objects for what is foreign."""
    with path.open("rb") as file:
        mapped = file.read(2) == b"PK"
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as strict:
        try:
            return read_inert(path)
        except Exception as error:
            names = foreign_names(path)
            if names and not mapped:
                raise refusal(path, "a pickle", names) from strict
            raise LoadError(
                f"{path} is damaged, or no file of torch.save: {said(error)}", hint="Save or copy it again."
            ) from strict


def refusal(path: Path, what: str, names: list[str], *, also: str = "") -> LoadError:
    """The error for a file that would run code when it is loaded."""
    return LoadError(
        f"{path} is {what}: loading it would import and run {listed(names)}",
        hint=f"If you trust where it comes from, add --trust.{also}",
    )


def foreign_names(path: Path) -> list[str]:
    """What the pickles in a file name beyond tensors and plain data."""
    return [name for name in globals_in(path) if not is_allowed(name)]


def find_state(path: Path, content: Any) -> Weights:
    """The state_dict in the content of a checkpoint; empty, with a class's name, where an object of it is all there is."""
    found = _find(content, depth=0)
    if found is None and foreign_names(path):
        return Weights({}, {}, class_name(content) if isinstance(content, Inert) else "object")
    if found is None:
        raise LoadError(
            f"{path} holds {_described(content)}: no state_dict", hint="Save `model.state_dict()` with torch.save."
        )
    keys, state, pickled = found
    notes = []
    if isinstance(content, Mapping) and keys:
        others = [key for key in _STATE_KEYS if key != keys[0] and _find(content.get(key), depth=1) is not None]
        if others:
            notes.append(f"the weights are those under {keys[0]!r}; the checkpoint also has {listed(others)}")
    return Weights(state, _hints(content), pickled, tuple(notes))


def _find(content: Any, depth: int) -> tuple[tuple[str, ...], Mapping[str, Any], str] | None:
    """The keys that lead to the state_dict, the state_dict, and the class of a pickled module around it."""
    if isinstance(content, Inert):
        state = _state_of_module(content)
        return ((), state, class_name(content)) if state else None
    if not isinstance(content, Mapping):
        return None
    if is_state(content):
        return (), content, ""
    if depth == 3:
        return None
    usual = [key for key in _STATE_KEYS if key in content]
    rest = [key for key in content if isinstance(key, str) and key not in usual and "optim" not in key.lower()]
    for key in (*usual, *rest):
        found = _find(content[key], depth + 1)
        if found is not None:
            return (key, *found[0]), found[1], found[2]
    return None


def is_state(content: Any) -> bool:
    """Whether a mapping is a state_dict: names of tensors, perhaps with a few other entries."""
    if not isinstance(content, Mapping) or not content:
        return False
    tensors = sum(isinstance(value, torch.Tensor) for value in content.values())
    names = all(isinstance(key, str) for key in content)
    # A training script's dict can hold a tensor too (a loss); a state_dict holds little else.
    return names and 2 * tensors > len(content)


def _state_of_module(content: Inert) -> dict[str, Any]:
    """The state_dict of a pickled module, read from the attributes that its pickle restores."""
    state: dict[str, Any] = OrderedDict()

    def visit(module: Any, prefix: str) -> None:
        attributes = _table(module.state if isinstance(module, Inert) else None)
        transient = attributes.get("_non_persistent_buffers_set")
        left_out = transient if isinstance(transient, (set, frozenset)) else ()
        tensors = {**_table(attributes.get("_parameters")), **_table(attributes.get("_buffers"))}
        for name, tensor in tensors.items():
            if isinstance(tensor, torch.Tensor) and name not in left_out:
                state[prefix + str(name)] = tensor
        for name, child in _table(attributes.get("_modules")).items():
            visit(child, f"{prefix}{name}.")

    visit(content, "")
    return state


def _table(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _hints(content: Any) -> dict[str, object]:
    """Constructor arguments that stand beside the weights: plain values by name, and each configuration as a whole."""
    found: dict[str, object] = {}
    for key in _HINT_KEYS:
        value = content.get(key) if isinstance(content, Mapping) else None
        kind: type[Any] = dict
        if isinstance(value, Inert):  # an argparse.Namespace, a dataclass: attributes rather than keys
            value, kind = value.state, SimpleNamespace
        if isinstance(value, Mapping):
            plain = {name: item for name, item in value.items() if isinstance(name, str) and _is_plain(item)}
            found.setdefault(key, kind(**plain))
            for name, item in plain.items():
                found.setdefault(name, item)
    return found


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))


def variants(weights: Weights) -> list[Weights]:
    """The weights under the names that a model may know them by, the likeliest first.

    As they are without the wrappers' prefixes, exactly as they are, and without a prefix that all keys share (what a
    training class calls the model inside it).
    """
    keys = [key for key in weights.state if key != "n_averaged"]
    bare = {key: _without_wrappers(key) for key in keys}
    found = [weights.renamed(bare)] if len(set(bare.values())) == len(bare) else []
    if list(bare.values()) != list(weights.state):
        found.append(weights)
    names = list(bare.values())
    while names and all("." in name for name in names) and len({name.split(".")[0] for name in names}) == 1:
        names = [name.partition(".")[2] for name in names]
        found.append(weights.renamed(dict(zip(keys, names, strict=True))))
    heads = dict.fromkeys(name.partition(".")[0] for name in bare.values() if "." in name)
    if len(heads) > 1:
        found += [_below(weights, bare, head) for head in ("model", "net", "network", "backbone") if head in heads]
    return found


def _below(weights: Weights, bare: Mapping[str, str], head: str) -> Weights:
    """Only the weights of one child, such as the model that a training class wraps together with a loss."""
    inner = {key: name.partition(".")[2] for key, name in bare.items() if name.startswith(f"{head}.")}
    left = sorted({name.partition(".")[0] for name in bare.values() if not name.startswith(f"{head}.")})
    note = f"only the weights below {head!r} are used; the file also has {listed(left)}"
    return replace(weights.renamed(inner), notes=(*weights.notes, note))


def _without_wrappers(key: str) -> str:
    for prefix in _WRAPPERS:
        while key.startswith(prefix):
            key = key.removeprefix(prefix)
    key = key.replace("._orig_mod.", ".")
    return key if not key.startswith("module.") else _without_wrappers(key)


def _keep_versions(old: Mapping[str, Any], new: OrderedDict[str, Any], names: Mapping[str, str]) -> None:
    """Carry over the versions of the modules that torch stores beside a state_dict, under the new prefixes."""
    versions = getattr(old, "_metadata", None)
    if not isinstance(versions, dict):
        return
    prefixes: dict[str, str] = {"": ""}
    for key, name in names.items():
        parts, kept = key.split("."), name.split(".")
        for cut in range(1, len(parts)):
            if cut < len(kept):
                prefixes[".".join(parts[:-cut])] = ".".join(kept[:-cut])
    moved = OrderedDict((prefixes[prefix], value) for prefix, value in versions.items() if prefix in prefixes)
    new._metadata = moved  # type: ignore[attr-defined]


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path, device="cpu")
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise LoadError(f"{path} is damaged: {said(error)}", hint="Save or copy it again.") from error


def _read_shards(path: Path) -> dict[str, Any]:
    """The weights that ``*.index.json`` of a sharded model lists."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
        names = sorted({str(name) for name in table.values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LoadError(f"{path} is no index of sharded weights: {said(error)}") from error
    state: dict[str, Any] = {}
    for name in names:
        shard = path.parent / name
        if Path(name).name != name or not shard.is_file():
            raise UsageError(f"{path} lists {name!r}, which is not beside it", hint="Copy all shards into one folder.")
        state |= (
            _read_safetensors(shard) if shard.suffix == ".safetensors" else find_state(shard, read_content(shard)).state
        )
    return state


def _described(content: Any) -> str:
    if isinstance(content, Mapping):
        return f"a dict with the keys {listed([str(key) for key in content])}" if content else "an empty dict"
    if isinstance(content, Inert):
        return f"an object of the class {class_name(content)}"
    if isinstance(content, torch.Tensor):
        return f"a tensor of the shape {list(content.shape)}"
    return f"an object of the type {type(content).__name__}"
