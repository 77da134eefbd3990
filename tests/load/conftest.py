from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

Source = Callable[..., ModuleType]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder of a user; what was imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name not in modules and isinstance(file, str) and file.startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def source(folder: Path) -> Source:
    """Write a file of model code and import it under a name that loading will not meet."""
    numbers = itertools.count()

    def write(text: str, name: str = "train.py") -> ModuleType:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("import torch\nfrom torch import nn\n" + text)
        spec = importlib.util.spec_from_file_location(f"_author_{next(numbers)}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    return write


def same_state(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    """Whether two modules have the same state, buffers that are not saved too."""
    first = {**dict(a.named_parameters(remove_duplicate=False)), **dict(a.named_buffers(remove_duplicate=False))}
    second = {**dict(b.named_parameters(remove_duplicate=False)), **dict(b.named_buffers(remove_duplicate=False))}
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)
