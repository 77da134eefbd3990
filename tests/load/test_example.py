"""First inputs that a user gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from contractgen.errors import ContractgenError, LoadError, UsageError
from contractgen.load.example import load_example
from tests.load.conftest import Source


def plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return str(value.dtype).removeprefix("torch."), value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value))
    return value


def test_arrays_by_name(folder: Path) -> None:
    np.savez("x.npz", ids=np.array([[1, 2]]), mask=np.array(True))
    assert plain(load_example("x.npz")) == ((), {"ids": ("int64", [[1, 2]]), "mask": ("bool", True)})


def test_dotted_names_are_keys_and_items(folder: Path) -> None:
    one = np.ones(1, np.float32)
    names = ["batch.text.ids", "batch.image", "frames.1", "frames.0", *(f"many.{index}" for index in range(11))]
    np.savez("x.npz", **{name: one * index for index, name in enumerate(names)})
    _, kwargs = load_example("x.npz")
    assert kwargs["batch"]["text"]["ids"].item() == 0
    assert [tensor.item() for tensor in kwargs["frames"]] == [3, 2]
    assert [tensor.item() for tensor in kwargs["many"]] == list(range(4, 15))


def test_arrays_without_names_are_positional(folder: Path) -> None:
    np.savez("x.npz", *[np.array(index) for index in range(11)], scale=np.array(2.0))
    args, kwargs = load_example("x.npz")
    assert [tensor.item() for tensor in args] == list(range(11))
    assert list(kwargs) == ["scale"]


def test_bfloat16_and_foreign_byte_order(folder: Path) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    np.savez("x.npz", a=np.array([1.5], ml_dtypes.bfloat16), b=np.array([7], ">i4"))
    assert plain(load_example("x.npz")[1]) == {"a": ("bfloat16", [1.5]), "b": ("int32", [7])}


BAD_FILES: dict[str, tuple[Any, str]] = {
    "no file": (None, "there is no file x.npz"),
    "not a zip": (b"x", "cannot be read"),
    "no arrays": ({}, "holds no arrays"),
    "objects": ({"x": np.array([{}], object)}, "cannot be read"),
    "text": ({"x": np.array(["a"])}, "is no tensor"),
    "an array below an array": ({"x": np.ones(1), "x.y": np.ones(1)}, "stands below what is an array"),
    "an array above others": ({"x.y": np.ones(1), "x": np.ones(1)}, "has others below it"),
}


@pytest.mark.parametrize(("content", "words"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_file_that_gives_none(folder: Path, content: Any, words: str) -> None:
    if isinstance(content, bytes):
        (folder / "x.npz").write_bytes(content)
    elif content is not None:
        np.savez("x.npz", **content)
    with pytest.raises(UsageError, match=words):
        load_example("x.npz")


FUNCTIONS = """
import dataclasses
import numpy as np

@dataclasses.dataclass
class Batch:
    ids: object

def args(): return torch.ones(1), [np.ones(2)]
def both(): return (torch.ones(1),), {"scale": 2.0}
def one(): return torch.ones(1)
def records(): return (Batch(np.ones(1)),)
def random(): return (torch.rand(2),)
def none(): return None
def a_dict(): return {"x": torch.ones(1)}
def odd_keys(): return (torch.ones(1),), {1: 2}
def raises(): raise ValueError("no data here")
number = 3
"""


def test_functions(source: Source) -> None:
    source(FUNCTIONS, "data.py")
    assert plain(load_example("data.py:args")) == ((("float32", [1.0]), [("float64", [1.0, 1.0])]), {})
    assert plain(load_example("data.py:both")) == ((("float32", [1.0]),), {"scale": 2.0})
    assert plain(load_example("data:one")) == ((("float32", [1.0]),), {})
    (batch,), _ = load_example("data.py:records")
    assert isinstance(batch.ids, torch.Tensor)


def test_random_examples_are_the_same_every_time(source: Source) -> None:
    source(FUNCTIONS, "data.py")
    assert plain(load_example("data.py:random")) == plain(load_example("data.py:random"))


BAD_FUNCTIONS: dict[str, tuple[type[ContractgenError], str]] = {
    "data.py:none": (UsageError, "returns a NoneType"),
    "data.py:a_dict": (UsageError, "returns a dict"),
    "data.py:odd_keys": (UsageError, "keys of kwargs"),
    "data.py:number": (UsageError, "not a function"),
    "data.py:missing": (UsageError, "has no 'missing'"),
    "data.py": (UsageError, "expected package.module:callable"),
    "data.py:raises": (LoadError, "raises ValueError: no data here"),
}


@pytest.mark.parametrize(("spec", "expected"), BAD_FUNCTIONS.items())
def test_a_function_that_gives_none(source: Source, spec: str, expected: tuple[type[ContractgenError], str]) -> None:
    source(FUNCTIONS, "data.py")
    with pytest.raises(expected[0], match=expected[1]):
        load_example(spec)
