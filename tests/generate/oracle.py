"""A second, independent answer to "does this input keep the contract?": slow, plain, over the contract's own data."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from contractgen.contract import model

NUMPY = {"bfloat16": "uint16"}


def accepts(contract: model.Contract, arguments: Mapping[str, object]) -> bool:
    """Whether arguments by parameter name, as numpy arrays, keep the contract."""
    leaves: list[tuple[model.Tensor, np.ndarray]] = []
    lengths: list[tuple[int | str, int]] = []
    names = {part.name: part for part in contract.inputs}
    if set(arguments) - set(names):
        return False
    for part in contract.inputs:
        if part.name not in arguments:
            if part.required:
                return False
        elif not structured(part.node, arguments[part.name], leaves, lengths):
            return False
    return sized(contract, leaves, lengths) and all(
        filled(contract, leaf, array, leaves, lengths) for leaf, array in leaves
    )


def structured(node: model.Node, value: object, leaves: list, lengths: list) -> bool:
    if isinstance(node, model.Optional):
        return value is None or structured(node.node, value, leaves, lengths)
    if isinstance(node, model.Constant):
        constant = float(str(node.value)) if node.type == "float" else node.value
        return type(value) is type(constant) and value == constant
    if isinstance(node, model.Tensor):
        if not isinstance(value, np.ndarray) or value.dtype != np.dtype(NUMPY.get(node.dtype, node.dtype)):
            return False
        leaves.append((node, value))
        return value.ndim == len(node.shape)
    if isinstance(node, model.Dict):
        return isinstance(value, Mapping) and keyed(node, value, leaves, lengths)
    if isinstance(node, model.List):
        if not isinstance(value, list):
            return False
        lengths.append((node.length, len(value)))
        return all(structured(node.item, item, leaves, lengths) for item in value)
    kind = list if node.sequence == "list" else tuple
    if not isinstance(value, kind) or len(value) != len(node.items):
        return False
    return all(structured(part, item, leaves, lengths) for part, item in zip(node.items, value, strict=True))


def keyed(node: model.Dict, value: Mapping, leaves: list, lengths: list) -> bool:
    if set(value) - {part.key for part in node.fields}:
        return False
    for part in node.fields:
        if part.key not in value:
            if part.required:
                return False
        elif not structured(part.node, value[part.key], leaves, lengths):
            return False
    return True


def assigned(contract: model.Contract, leaves: list, lengths: list) -> dict[str, int] | None:
    """The size of each dim that an axis or a list has; None where two differ."""
    extents = list(lengths)
    for leaf, array in leaves:
        extents += list(zip(leaf.shape, array.shape, strict=True))
    sizes: dict[str, int] = {}
    for wanted, size in extents:
        if isinstance(wanted, int):
            if wanted != size:
                return None
        elif sizes.setdefault(wanted, size) != size:
            return None
    return sizes


def value_of(expr: model.Expr, sizes: dict[str, int], contract: model.Contract) -> int | bool | None:
    if isinstance(expr, int):
        return expr
    if isinstance(expr, str):
        dim = contract.dims[expr]
        if dim.equals is not None:
            derived = value_of(dim.equals, sizes, contract)
            return sizes.get(expr) if derived is None else derived
        return sizes.get(expr)
    left, right = value_of(expr[1], sizes, contract), value_of(expr[2], sizes, contract)
    if left is None or right is None:
        return None
    if expr[0] in ("//", "%") and right == 0:
        return math.nan
    if expr[0] == "min":
        return min(left, right)
    if expr[0] == "max":
        return max(left, right)
    return eval(f"left {expr[0]} right")  # an operator out of the closed list


def sized(contract: model.Contract, leaves: list, lengths: list) -> bool:
    sizes = assigned(contract, leaves, lengths)
    if sizes is None:
        return False
    for name, size in sizes.items():
        dim = contract.dims[name]
        if dim.equals is not None:
            if value_of(name, sizes, contract) != size:
                return False
        elif size < dim.min or (dim.max is not None and size > dim.max) or size % dim.multiple_of:
            return False
    return all(value_of(relation, sizes, contract) in (None, True) for relation in contract.relations)


def filled(contract: model.Contract, leaf: model.Tensor, array: np.ndarray, leaves: list, lengths: list) -> bool:
    sizes = assigned(contract, leaves, lengths)
    assert sizes is not None
    if leaf.values is None:
        return True
    domains = [(leaf.values, array)]
    for i, column in enumerate(leaf.values.along_last or ()):
        domains.append((column, array[..., i]))
    return all(in_domain(contract, values, leaf.dtype, part, sizes) for values, part in domains)


def each_row_has(numbers: np.ndarray, needs: model.EachRow) -> bool:
    rows = numbers.reshape(numbers.shape[0] if numbers.ndim > 1 else 1, -1).tolist()
    return all(sum((one == 0) == (needs.kind == "zero") for one in row) >= needs.least for row in rows)


def is_in_order(numbers: np.ndarray, order: str) -> bool:
    for row in numbers.reshape(-1, numbers.shape[-1]).tolist():
        for earlier, later in itertools.pairwise(row):
            if not (earlier <= later if order == "ascending" else earlier >= later):
                return False
    return True


def in_domain(
    contract: model.Contract, values: model.Values, dtype: str, array: np.ndarray, sizes: dict[str, int]
) -> bool:
    if dtype == "bfloat16":
        numbers = (array.astype(np.uint32) << 16).view(np.float32)
    elif dtype.startswith("complex"):
        numbers = np.stack([array.real, array.imag], -1)
    else:
        numbers = array
    # Python's own numbers compare exactly; of many equal elements one is enough.
    elements = [one.item() for one in (np.unique(numbers) if numbers.size > 512 else numbers.reshape(-1))]
    if values.finite and not all(math.isfinite(one) for one in elements):
        return False
    if values.not_nan and any(math.isnan(one) for one in elements):
        return False
    low, high = (bound_of(contract, bound, dtype, sizes) for bound in (values.min, values.max))
    if low is not None and not all(one >= low for one in elements):
        return False
    if high is not None and not all(one <= high for one in elements):
        return False
    if values.one_of is not None:
        options = [bound_of(contract, one, dtype, sizes) for one in values.one_of]
        if not all(one in options for one in elements):
            return False
    if values.attained and high is not None and elements and max(elements) != high:
        return False
    if values.each_row is not None and numbers.size and not each_row_has(numbers, values.each_row):
        return False
    return values.order is None or not numbers.size or not array.ndim or is_in_order(numbers, values.order)


def bound_of(
    contract: model.Contract, bound: model.Bound | None, dtype: str, sizes: dict[str, int]
) -> float | int | None:
    """A bound as a number: a decimal stands for the nearest number of the tensor's dtype."""
    if bound is None:
        return None
    if isinstance(bound, tuple) or (isinstance(bound, str) and bound[0] not in "-0123456789"):
        return value_of(bound, sizes, contract)
    exact = Decimal(str(bound))
    if dtype == "bfloat16":
        candidates = (np.arange(0, 0x7F80, dtype=np.uint32) << 16).view(np.float32)
        nearest = candidates[np.argmin(np.abs(candidates.astype(np.float64) - abs(float(exact))))]
        return math.copysign(float(nearest), float(exact))
    if dtype.startswith(("float", "complex")):
        kind = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
        return float(np.dtype(kind).type(float(exact)))
    return int(exact) if exact == int(exact) else float(exact)
