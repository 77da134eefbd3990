"""Tensors of an expected contract, in short."""

from __future__ import annotations

from contractgen.contract.model import Tensor, Values

FINITE = Values(finite=True)


def floats(name: str, *shape: int | str, values: Values | None = FINITE) -> Tensor:
    return Tensor(name, "float32", shape, values)


def ids(name: str, rows: int, *shape: int | str) -> Tensor:
    return Tensor(name, "int64", shape, Values(min=0, max=rows - 1))
