"""`[tool.contractgen]` of the nearest pyproject.toml, and how it joins with the options of the command line.

```toml
[tool.contractgen]
out = "contracts"                        # each model's folder is made below this one
contracts = ["contracts/*/contract.json"]  # what `generate --all` renews

[tool.contractgen.models."model.pth"]    # one table per artifact; the same keys above it hold for every artifact
model = "train.py:MyModel"
arguments = {input_size = 20}
dims.batch.max = 64
tensors.x.dtype = "float32"
```

Paths are relative to the file's own folder. An unknown key is an error, since a misspelt one would silently do nothing.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from contractgen.contract.naming import name_of
from contractgen.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_OUT = "contracts"
ARTIFACT_KINDS = ("onnx", "pt2", "torchscript")

Declarations = Mapping[str, Mapping[str, object]]
"""What the user declares of dims, or of tensors by wire name: ``{"batch": {"max": 64}}``."""

_DIM_KEYS = ("min", "max", "multiple_of", "name")
_TENSOR_KEYS = ("dtype", "shape", "min", "max", "one_of", "finite", "not_nan", "optional")


@dataclass(frozen=True)
class Settings:
    """What the user says about one artifact. What is None or empty was not said."""

    model: str | None = None
    arguments: Mapping[str, object] = field(default_factory=dict)
    example: str | None = None
    name: str | None = None
    out: Path | None = None
    """The folder of the contract itself, not the one above it."""
    artifacts: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    entry_point: Path | None = None
    """The user's own ``inference.py``."""
    budget: float | None = None
    dims: Declarations = field(default_factory=dict)
    tensors: Declarations = field(default_factory=dict)

    def over(self, other: Settings) -> Settings:
        """These settings where they say something, else ``other``'s; tables are joined key by key."""
        return Settings(
            **{each.name: _joined(getattr(self, each.name), getattr(other, each.name)) for each in fields(self)}
        )


@dataclass(frozen=True)
class Config:
    """A pyproject.toml's table, or the defaults where there is none. ``root`` is the folder that paths start from."""

    root: Path
    common: Settings = Settings()
    models: Mapping[Path, Settings] = field(default_factory=dict)
    contracts: tuple[str, ...] = ()
    out: Path = Path(DEFAULT_OUT)
    diff: Mapping[str, object] = field(default_factory=dict)
    """What `contractgen diff` reads: its own module knows the keys."""

    def settings(self, artifact: Path) -> Settings:
        """What the file says about ``artifact``: its own table over the common keys."""
        return self.models.get(artifact.resolve(), Settings()).over(self.common)

    def artifact_of(self, contract: Path) -> Path | None:
        """The artifact whose contract stands in that file, where a table of the config says so."""
        folder = contract.resolve().parent
        for artifact, own in self.models.items():
            out = own.out or self.out / (own.name or folder.name)
            if out.resolve() == folder and (own.out is not None or own.name or name_of(artifact) == folder.name):
                return artifact
        return None

    def contract_files(self) -> tuple[Path, ...]:
        """The contracts that ``generate --all`` renews, in order of path. Raises UsageError for a wrong pattern."""
        if not self.contracts:
            return tuple(sorted(self.out.glob("*/contract.json")))
        found: set[Path] = set()
        for pattern in self.contracts:
            try:
                found.update(self.root.glob(pattern))
            except (NotImplementedError, ValueError, IndexError) as error:
                raise UsageError(
                    f"pyproject.toml [tool.contractgen] contracts: {pattern!r} is no pattern of paths",
                    hint='Patterns start from the folder of pyproject.toml: "contracts/*/contract.json".',
                ) from error
        return tuple(sorted(found))


def read_config(start: Path) -> Config:
    """Read the pyproject.toml that is nearest to the folder ``start``, upwards. Raises UsageError."""
    folder = start.resolve()
    for candidate in (folder, *folder.parents):
        path = candidate / "pyproject.toml"
        if path.is_file():
            return _read(path)
    return Config(folder, out=folder / DEFAULT_OUT)


def _read(path: Path) -> Config:
    root = path.parent
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    where = f"{path.name} [tool.contractgen]"
    table = _table(_table(document.get("tool", {}), f"{path.name} [tool]").get("contractgen", {}), where)
    _known(table, (*_SETTINGS, "models", "contracts", "diff"), where)
    common, out = _settings({key: value for key, value in table.items() if key in _SETTINGS}, root, where)
    models = {}
    for artifact, entry in _table(table.get("models", {}), f"{where} models").items():
        here = f'{path.name} [tool.contractgen.models."{artifact}"]'
        _known(_table(entry, here), tuple(_SETTINGS), here)
        own, own_out = _settings(entry, root, here)
        models[(root / artifact).resolve()] = replace(own, out=own_out)
    if common.name is not None:
        raise UsageError(
            f"{where}: `name` belongs to one artifact", hint='Move it to [tool.contractgen.models."FILE"].'
        )
    contracts = _strings(table.get("contracts", []), f"{where} contracts")
    diff = _table(table.get("diff", {}), f"{where} diff")
    return Config(root, common, models, contracts, out or root / DEFAULT_OUT, diff)


def _settings(table: Mapping[str, Any], root: Path, where: str) -> tuple[Settings, Path | None]:
    values = {key: _SETTINGS[key](value, f"{where} {key}") for key, value in table.items()}
    out = values.pop("out", None)
    if "model" in values:
        values["model"] = anchored(values["model"], root)
    if "example" in values:
        values["example"] = anchored(values["example"], root)
    if "entry_point" in values:
        values["entry_point"] = root / values["entry_point"]
    return Settings(**values), None if out is None else root / out


def anchored(reference: str, root: Path) -> str:
    """``file.py:Class`` or ``example.npz`` as a path from ``root``; ``package.module:Class`` as it is."""
    file, colon, attribute = reference.rpartition(":")
    if not colon:
        file, attribute = reference, ""
    if file.endswith((".py", ".npz")):
        return f"{root / file}{colon}{attribute}"
    return reference


def check_dims(value: object, where: str) -> Declarations:
    """The declarations of dims in ``value``. Raises UsageError where one means nothing."""
    declared = _declarations(value, _DIM_KEYS, where)
    for dim, members in declared.items():
        for key, member in members.items():
            here = f"{where} {dim}.{key}"
            if key == "name":
                if not (isinstance(member, str) and member.isidentifier()):
                    raise UsageError(f"{here} must be an identifier, not {member!r}")
            elif not isinstance(member, int) or isinstance(member, bool) or member < (0 if key == "min" else 1):
                raise UsageError(f"{here} must be a whole number, not {member!r}")
    return declared


def check_tensors(value: object, where: str) -> Declarations:
    """The declarations of tensors in ``value``. Raises UsageError where one means nothing."""
    declared = _declarations(value, _TENSOR_KEYS, where)
    for tensor, members in declared.items():
        for key, member in members.items():
            here = f"{where} {tensor}.{key}"
            if key in {"finite", "not_nan", "optional"}:
                _typed(bool, "true or false")(member, here)
            elif key == "dtype":
                _string(member, here)
            elif key == "shape":
                if not (isinstance(member, list) and all(_is_size(entry) for entry in member)):
                    raise UsageError(
                        f"{here} must be a list of sizes and dim names, such as ['batch', 20], not {member!r}"
                    )
            elif key == "one_of" and not isinstance(member, list):
                raise UsageError(f"{here} must be a list, not {member!r}")
    return declared


def _is_size(entry: object) -> bool:
    return (isinstance(entry, int) and not isinstance(entry, bool)) or (isinstance(entry, str) and entry.isidentifier())


def _declarations(value: object, keys: tuple[str, ...], where: str) -> Declarations:
    declared = {}
    for name, members in _table(value, where).items():
        _known(_table(members, f"{where} {name}"), keys, f"{where} {name}")
        declared[name] = dict(members)
    return declared


def _known(table: Mapping[str, object], keys: Iterable[str], where: str) -> None:
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(key, list(keys), n=1)
            hint = f"Did you mean `{near[0]}`?" if near else "Known keys: " + ", ".join(sorted(keys)) + "."
            raise UsageError(f"{where}: unknown key `{key}`", hint=hint)


def _table(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{where} must be a table, not {value!r}")
    return value


def _typed(kind: type | tuple[type, ...], words: str) -> Callable[[object, str], Any]:
    def read(value: object, where: str) -> object:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise UsageError(f"{where} must be {words}, not {value!r}")
        return value

    return read


_string = _typed(str, "a string")


def _strings(value: object, where: str) -> tuple[str, ...]:
    if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        raise UsageError(f"{where} must be a list of strings, not {value!r}")
    return tuple(value)


def check_artifacts(value: object, where: str) -> tuple[str, ...]:
    """The kinds of model file to write. Raises UsageError for one that does not exist."""
    kinds = _strings(value, where)
    for kind in kinds:
        if kind not in ARTIFACT_KINDS:
            raise UsageError(f"{where}: `{kind}` is no kind of artifact", hint=f"Known: {', '.join(ARTIFACT_KINDS)}.")
    return kinds


def check_targets(value: object, where: str) -> tuple[str, ...]:
    """The names of serving targets; whether each exists is known to `contractgen.generate.targets`."""
    return _strings(value, where)


def check_name(value: object, where: str) -> str:
    """A contract's name, which also names its folder. Raises UsageError for one that would lead elsewhere."""
    if not isinstance(value, str) or not value.strip() or value in {".", ".."} or any(c in "/\\:\0" for c in value):
        raise UsageError(f"{where} must be a name that a folder can have, not {value!r}")
    return value


def _joined(own: Any, other: Any) -> Any:  # noqa: ANN401 (one rule for every field)
    if isinstance(own, Mapping):
        return {
            key: _joined(own[key], other[key]) if key in own and key in other else own.get(key, other.get(key))
            for key in (*other, *(key for key in own if key not in other))
        }
    return own if own not in (None, ()) else other


_SETTINGS: dict[str, Callable[[object, str], Any]] = {
    "model": _string,
    "arguments": _table,
    "example": _string,
    "name": check_name,
    "out": _string,
    "artifacts": check_artifacts,
    "targets": check_targets,
    "entry_point": _string,
    "budget": _typed((int, float), "a number of seconds"),
    "dims": check_dims,
    "tensors": check_tensors,
}
