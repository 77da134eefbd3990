"""Telling what an artifact is from its bytes; its name is only a hint."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Literal

from contractgen.errors import LoadError, UsageError
from contractgen.load.loaded import listed

Format = Literal[
    "checkpoint", "pickle", "torchscript", "pt2", "safetensors", "index", "onnx", "archive", "sagemaker", "transformers"
]
"""``pickle`` is every pickle outside a zip, ``index`` the table of contents of sharded weights, ``archive`` a
``model.tar.gz``, ``sagemaker`` a folder with ``code/inference.py``, ``transformers`` a folder with a configuration."""

KNOWN = "a state_dict (.pth, .safetensors), a pickled module, TorchScript, .pt2, .onnx, or a SageMaker model.tar.gz"

_SIGNATURES = {
    b"\x89HDF": "an HDF5 file (Keras?)",
    b"GGUF": "a GGUF file",
    b"%PDF": "a PDF",
    b"\x93NUMPY": "a single NumPy array",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"7z\xbc\xaf": "a 7-zip file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"\x7fELF": "a compiled library",
}


def identify(path: Path) -> Format:
    """The format of the artifact at ``path``.

    Raises UsageError where there is no such file or it is a folder without a model, LoadError where it is no model.
    """
    try:
        if path.is_dir():
            return _identify_folder(path)
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(512)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: there is no such file", hint=_near(path)) from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    if size == 0:
        raise LoadError(f"{path} is empty", hint="Save the model again; an interrupted save or download leaves this.")
    if head.startswith(b"PK"):
        return _identify_zip(path)
    if head.startswith(b"\x1f\x8b") or head[257:262] == b"ustar":
        return "archive"
    for signature, what in _SIGNATURES.items():
        if head.startswith(signature) or head[4:8] == b"TFL3":
            raise LoadError(f"{path} is no PyTorch model but {what}", hint=f"Give {KNOWN}.")
    if head[:1] == b"\x80" and head[1:2] in b"\x00\x01\x02\x03\x04\x05":
        return "pickle"
    if re.match(rb"\(?c[\w.]+\n[\w.]+\n|\([dl]p?\d", head):  # protocol 0 is text
        return "pickle"
    return _identify_plain(path, head, size)


def _identify_plain(path: Path, head: bytes, size: int) -> Format:
    if size >= 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= 100_000_000:
        if int.from_bytes(head[:8], "little") + 8 > size:
            raise LoadError(f"{path} is cut short: its header alone is longer than the file", hint="Copy it again.")
        return "safetensors"
    if path.name.endswith(".index.json"):
        return "index"
    if head.startswith(b"version https://git-lfs"):
        raise LoadError(f"{path} is a pointer of Git LFS, not the model itself", hint="Run `git lfs pull`.")
    if path.suffix == ".onnx" or (head[:1] == b"\x08" and 1 <= head[1] <= 20):
        return "onnx"
    if _is_text(head):
        first = head.decode("utf-8", "replace").splitlines()[0][:60]
        raise LoadError(f"{path} is a text file that begins with {first!r}, not a model", hint=f"Give {KNOWN}.")
    raise LoadError(f"{path} is in no format of a model that is known", hint=f"Give {KNOWN}.")


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return all(char.isprintable() or char in "\r\n\t\f" for char in text)


def _identify_zip(path: Path) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise LoadError(
            f"{path} is cut short or damaged: it begins as a zip file and has no end of one",
            hint="Save or copy it again.",
        ) from error
    if any(re.fullmatch(r"([^/]+/)?archive_format|serialized_exported_program\.json", name) for name in names):
        return "pt2"
    if any(re.match(r"([^/]+/)?code/__torch__", name) for name in names) or any(
        re.fullmatch(r"([^/]+/)?constants\.pkl", name) for name in names
    ):
        return "torchscript"
    if any(re.fullmatch(r"([^/]+/)?data\.pkl", name) for name in names):
        return "checkpoint"
    raise LoadError(
        f"{path} is a zip file without a model; it holds {listed(names, 4) or 'nothing'}", hint=f"Give {KNOWN}."
    )


def _identify_folder(path: Path) -> Format:
    if (path / "code" / "inference.py").is_file():
        return "sagemaker"
    if is_transformers_config(path / "config.json"):
        return "transformers"
    endings = {".pth", ".pt", ".bin", ".safetensors", ".ckpt", ".onnx", ".pt2", ".gz"}
    found = sorted(child.name for child in path.iterdir() if child.is_file() and child.suffix in endings)
    hint = f"Give one of its files: {listed([str(path / name) for name in found], 4)}." if found else f"Give {KNOWN}."
    raise UsageError(f"{path} is a folder, and neither a transformers model nor a SageMaker one", hint=hint)


def is_transformers_config(path: Path) -> bool:
    """Whether this file is the configuration of a transformers model."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(config, dict) and isinstance(config.get("model_type"), str)


def _near(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"There is no folder {folder} either."
    endings = {".pth", ".pt", ".bin", ".safetensors", ".ckpt", ".onnx", ".pt2", ".gz"}
    found = sorted(child.name for child in folder.iterdir() if child.suffix in endings)
    return f"The folder has {listed(found, 4)}." if found else ""
