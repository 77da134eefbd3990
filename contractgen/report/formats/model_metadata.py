"""Model metadata of the Open Inference Protocol v2: names, datatypes and shapes, with -1 for what varies.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md#model-metadata
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from contractgen.contract.model import Contract
from contractgen.contract.tree import Leaf, Parts, leaves
from contractgen.report.formats import losses

_DATATYPES: Final = {
    "bool": "BOOL", "float16": "FP16", "bfloat16": "BF16", "float32": "FP32", "float64": "FP64",
    "complex64": "FP32", "complex128": "FP64",
}  # fmt: skip

_MOST_ITEMS: Final = 64


def model_metadata(contract: Contract) -> dict[str, Any]:
    """The metadata response. ``description`` is no member of the protocol; it says what the others cannot."""
    parts: tuple[Parts, Parts] = (contract.inputs, contract.outputs)
    intro = f"{contract.name}, contract {contract.fingerprint}."
    return {
        "name": contract.name,
        "versions": [],
        "platform": "contractgen",
        "description": losses.described(intro, [one for side in parts for one in _lost(contract, side)]),
        "inputs": [entry for leaf in leaves(contract.inputs) for entry in _entries(contract, leaf)],
        "outputs": [entry for leaf in leaves(contract.outputs) for entry in _entries(contract, leaf)],
    }


def _entries(contract: Contract, leaf: Leaf) -> Iterator[dict[str, Any]]:
    tensor = leaf.tensor
    shape = [_size(contract, size) for size in tensor.shape]
    if tensor.dtype.startswith("complex"):
        # The protocol has no complex numbers: they travel as pairs along one more axis.
        shape.append(2)
    for name in _names(leaf):
        yield {"name": name, "datatype": _DATATYPES.get(tensor.dtype, tensor.dtype.upper()), "shape": shape}


def _names(leaf: Leaf) -> Iterator[str]:
    """The names of a list's tensors, one by one where their number is fixed; else with the ``*`` of the contract."""
    lengths = [length for length in leaf.lengths if isinstance(length, int)]
    count = 1
    for length in lengths:
        count *= length
    if len(lengths) < len(leaf.lengths) or count > _MOST_ITEMS:
        yield leaf.tensor.wire_name
        return
    pieces = leaf.tensor.wire_name.split("*")
    for indices in product(*(range(length) for length in lengths)):
        yield pieces[0] + "".join(f"{index}{piece}" for index, piece in zip(indices, pieces[1:], strict=True))


def _size(contract: Contract, size: int | str) -> int:
    if isinstance(size, int):
        return size
    dim = contract.dims[size]
    return dim.min if dim.equals is None and dim.min == dim.max else -1


def _lost(contract: Contract, parts: Parts) -> Iterator[str]:
    yield from losses.sizes(contract, parts)
    yield from losses.bounds(parts)
    yield from losses.domains(parts)
    for leaf in leaves(parts):
        for size in leaf.tensor.shape:
            dim = contract.dims[size] if isinstance(size, str) else None
            if dim is not None and dim.equals is None and dim.min != dim.max:
                yield f"{size} is at least {dim.min}" + (f" and at most {dim.max}" if dim.max is not None else "")
        if not leaf.required:
            yield f"{leaf.tensor.wire_name} is optional"
        if any(True for _ in leaf.lengths) and "*" in next(iter(_names(leaf)), ""):
            yield f"{leaf.tensor.wire_name} stands for one tensor per item"
