"""Bodies in numpy's formats as the validator reads them."""

from __future__ import annotations

from collections.abc import Mapping

from contractgen.generate.runtime.buffers import Buffer
from contractgen.generate.runtime.dtypes import dtype_name
from contractgen.generate.runtime.limits import NPY, Limits, Message
from contractgen.generate.runtime.numpy_files import read_npy, read_npz
from contractgen.generate.runtime.protocol import Wire
from contractgen.generate.runtime.spec import Dict, Tensor, TensorNames, tensors_of
from contractgen.generate.runtime.violations import Refused, Violation, listed, quoted, violation
from contractgen.generate.runtime.walk import Found


def numpy_tensors(node: Dict, message: Message, limits: Limits, names: TensorNames) -> dict[str, Wire]:
    """The tensors of an npy or npz body by name. Raises `Refused`."""
    if message.media == NPY:
        candidates = [tensor for part in node.fields if part.required for tensor in tensors_of(part.node)]
        tensor = (candidates or tensors_of(node) or [Tensor("", "float32", ())])[0]
        return {tensor.name: numpy_wire(tensor, message.body)}
    wires: dict[str, Wire] = {}
    for name, data in read_npz(message.body, limits.max_members, 2 * len(message.body) + limits.max_expanded_bytes):
        if name in wires:
            raise Refused("body", wanted="each member once", got=f"{quoted(name)} twice")
        wires[name] = numpy_wire(names.get(name), data)
    return wires


def numpy_wire(tensor: Tensor | None, data: Buffer) -> Wire:
    """One npy body as a tensor of a message."""
    wanted = tensor.dtype if tensor else ""
    array = read_npy(data, wanted == "bfloat16")
    return Wire(dtype_name(array, wanted), array)


def unknown_names(wires: Mapping[str, Wire], found: Found, names: TensorNames) -> list[Violation]:
    """Tensors of a message that are no part of the tree."""
    used = {leaf.name for leaf in found.leaves}
    return [
        violation("unexpected", "inputs", wanted=listed(names), got=quoted(name))
        for name, wire in wires.items()
        if name not in used and not (name in names and wire.array is None)
    ]
