"""npy and npz: written without copying the arrays, read without pickles, evaluation, or sizes that are not there."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from contractgen.generate.runtime.buffers import Part, array_at, byte_count, raw
from contractgen.generate.runtime.dtypes import Array, dtype_name
from contractgen.generate.runtime.limits import NPY, Limits, Message
from contractgen.generate.runtime.protocol import Wire
from contractgen.generate.runtime.spec import Tensor
from contractgen.generate.runtime.violations import Refused, quoted

NPY_MEMBER = re.compile(
    rb" *'(descr|fortran_order|shape)' *: *('[!-&(-Z^-~]{1,16}'|True|False"
    rb"|\((?:(?:0|[1-9][0-9]{0,18}) *, *){0,32}(?:0|[1-9][0-9]{0,18})? *\)) *"
)
NPY_REST = re.compile(rb"\{,,(?:, *)?\}[ \n]*")
"""What is left of an npy header without its three members."""
UNREADABLE = (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, OverflowError, RuntimeError)
"""What zipfile raises for archives that are damaged, encrypted, or of a kind that it does not know."""


def npy_parts(array: Array) -> list[Part]:
    """The header and the data of an npy body (version 1.0), in C order."""
    text = f"{{'descr': {array.dtype.str!r}, 'fortran_order': False, 'shape': {tuple(array.shape)!r}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return [b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("ascii"), raw(array)]


def npz_parts(arrays: Mapping[str, Array]) -> list[Part]:
    """A zip archive of npy members; the same arrays give the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), b"".join(npy_parts(array)))
    return [stream.getvalue()]


def numpy_tensors(message: Message, tensors: Mapping[str, Tensor], only: str, limits: Limits) -> dict[str, Wire]:
    """The tensors of an npy or npz body by name; that of an npy body is `only`. Raises `Refused`."""
    files = {only: message.body} if message.media == NPY else npz_members(message.text(), limits)
    wires: dict[str, Wire] = {}
    for name, data in files.items():
        wanted = tensors[name].dtype if name in tensors else ""
        array = read_npy(memoryview(data), wanted)
        wires[name] = Wire(dtype_name(array.dtype, wanted), array)
    return wires


def read_npy(body: memoryview, wanted: str) -> Array:
    """The array of an npy body, a view of it wherever the layout allows. Raises `Refused`."""
    head = bytes(body[:12])
    if head[:8] not in (b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00", b"\x93NUMPY\x03\x00") or len(head) < 12:
        raise Refused("body", wanted="an npy body, version 1, 2 or 3", got="other bytes")
    start = 10 if head[6] == 1 else 12
    size = int.from_bytes(head[8:start], "little")
    if size > 4096 or start + size > len(body):
        raise Refused("body", wanted="an npy header of at most 4096 bytes", got=f"{size} bytes declared")
    dtype, order, shape = npy_header(bytes(body[start : start + size]), wanted)
    data = body[start + size :]
    if byte_count(shape, dtype) != len(data):
        raise Refused("body", wanted=f"{byte_count(shape, dtype)} bytes of data", got=f"{len(data)} bytes")
    return array_at(data, dtype, shape, 0, order)


def npy_header(text: bytes, wanted: str) -> tuple[np.dtype[Any], str, tuple[int, ...]]:
    """The dtype, order and shape of an npy header, read without evaluating it. Raises `Refused`."""
    found = NPY_MEMBER.findall(text)
    members = {name.decode(): value.decode() for name, value in found}
    shape = members.get("shape", "")[1:-1].split(",")
    descr, order = members.get("descr", "")[1:-1], members.get("fortran_order")
    if (
        len(found) != 3
        or not NPY_REST.fullmatch(NPY_MEMBER.sub(b"", text))
        or order not in ("True", "False")
        or (len(shape) == 1 and members["shape"] != "()")
    ):
        raise Refused("body", wanted="an npy header with descr, fortran_order and shape", got="another header")
    # numpy has no bfloat16: such arrays come as uint16 bits or as ml_dtypes writes them, two opaque bytes.
    if wanted == "bfloat16" and descr in ("|V2", "<V2"):  # only: bfloat16
        descr = "<u2"
    if not re.fullmatch(r"[<>|=]?(b1|[iu][1248]|f[248]|c8|c16|\?)", descr):
        raise Refused("body", wanted="an npy dtype of numbers", got=quoted(descr))
    return np.dtype(descr), "F" if order == "True" else "C", tuple(int(size) for size in shape if size.strip())


def npz_members(body: bytes | bytearray, limits: Limits) -> dict[str, bytearray]:
    """The members of an npz archive, names without `.npy`. Raises `Refused`."""
    files: dict[str, bytearray] = {}
    most = 2 * len(body) + limits.max_expanded_bytes
    try:
        if body.count(b"PK\x01\x02") > limits.max_members:
            raise Refused("body", wanted=f"at most {limits.max_members} members (max_members)", got="more")
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            if body[:2] != b"PK" or body.rfind(b"PK\x05\x06") + 22 + len(archive.comment) != len(body):
                raise Refused("body", wanted="nothing but a zip archive", got="bytes around it")
            if sum(info.file_size for info in archive.infolist()) > most:
                raise Refused("body", wanted=f"at most {most} bytes unpacked (max_expanded_bytes)", got="more")
            for info in archive.infolist():
                name = info.filename.removesuffix(".npy")
                if name in files or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise Refused("body", wanted="each member once, stored or deflated", got=quoted(name))
                files[name] = bytearray()
                with archive.open(info) as stream:
                    while piece := stream.read(2**20):
                        files[name] += piece
    except UNREADABLE as error:
        raise Refused("body", wanted="a whole npz archive", got=type(error).__name__) from error
    return files
