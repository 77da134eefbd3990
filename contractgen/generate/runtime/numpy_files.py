"""npy and npz without `numpy.load`: no pickles, no sizes that are not there, nothing that writes or unpacks files."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from contractgen.generate.runtime.buffers import Buffer, array_at, element_count
from contractgen.generate.runtime.dtypes import DTYPES, Array
from contractgen.generate.runtime.violations import Refused, quoted

NPY_MAGIC = b"\x93NUMPY"
NPY_ITEM = re.compile(
    rb" *'(?:(descr)' *: *'([!-&(-Z^-~]{1,16})'|(fortran_order)' *: *(True|False)"
    rb"|(shape)' *: *\(((?:(?:0|[1-9][0-9]{0,18}) *, *){0,32}(?:0|[1-9][0-9]{0,18})?) *\)) *(?:,|$)"
)


def read_npy(body: Buffer, bfloat16: bool = False) -> Array:
    """The array of an npy body, a view of it wherever the layout allows. Raises `Refused`.

    numpy has no bfloat16: such arrays come as uint16 bits or as ml_dtypes writes them, two opaque bytes.
    """
    view = memoryview(body)
    head = bytes(view[:12])
    if not head.startswith(NPY_MAGIC) or len(head) < 12:
        raise Refused("body", wanted="an npy body", got="other bytes")
    if head[6:8] not in (b"\x01\x00", b"\x02\x00", b"\x03\x00"):
        raise Refused("body", wanted="npy version 1, 2 or 3", got=f"version {head[6]}.{head[7]}")
    start = 10 if head[6] == 1 else 12
    size = struct.unpack("<H" if head[6] == 1 else "<I", head[8:start])[0]
    if size > 4096 or start + size > len(view):
        raise Refused("body", wanted="an npy header of at most 4096 bytes", got=f"{size} bytes declared")
    descr, fortran, shape = npy_header(bytes(view[start : start + size]))
    dtype = npy_dtype(descr, bfloat16)
    count = element_count(shape)
    data = view[start + size :]
    if count * dtype.itemsize != len(data):
        raise Refused("body", wanted=f"{count * dtype.itemsize} bytes of data", got=f"{len(data)} bytes")
    return array_at(data, dtype, shape, 0, "F" if fortran else "C")


def npy_header(text: bytes) -> tuple[str, bool, tuple[int, ...]]:
    """The three members of an npy header, read without evaluating it. Raises `Refused`."""
    text = text.strip(b" \n")
    members: dict[bytes, str] = {}
    inner, position = text[1:-1].strip(b" "), 0
    while text[:1] + text[-1:] == b"{}" and position < len(inner) and (match := NPY_ITEM.match(inner, position)):
        name, value = next((match[i], match[i + 1]) for i in (1, 3, 5) if match[i])
        if name in members:
            break
        members[name], position = value.decode("ascii"), match.end()
    sizes = members.get(b"shape", "1").split(",")
    if len(members) != 3 or inner[position:].strip(b" ") or (len(sizes) == 1 and sizes[0]):
        raise Refused("body", wanted="an npy header with descr, fortran_order and shape", got="another header")
    shape = tuple(int(size) for size in sizes if size.strip())
    return members[b"descr"], members[b"fortran_order"] == "True", shape


def npy_dtype(descr: str, bfloat16: bool) -> np.dtype[Any]:
    """The dtype of a plain descr; objects, strings, records and dates are refused before numpy sees them."""
    if bfloat16 and descr in ("|V2", "<V2"):
        return DTYPES["bfloat16"]
    if not re.fullmatch(r"[<>|=]?(b1|[iu][1248]|f[248]|c8|c16|\?)", descr):
        raise Refused("body", wanted="an npy dtype of numbers", got=quoted(descr))
    return np.dtype(descr)


def read_npz(body: Buffer, max_members: int, max_expanded: int) -> Iterator[tuple[str, Buffer]]:
    """The members of an npz archive: names without `.npy`, and bytes. Stored ones are views. Raises `Refused`.

    Only the central directory is believed, and each of its claims is checked against the bytes.
    """
    view = memoryview(body)
    end = bytes(view[-65557:]).rfind(b"PK\x05\x06")
    end += max(0, len(view) - 65557)
    if len(view) < 22 or end < 0 or end + 22 > len(view) or bytes(view[end : end + 4]) != b"PK\x05\x06":
        raise Refused("body", wanted="an npz archive", got="other bytes")
    disk, directory_disk, here, count, size, start, comment = struct.unpack("<HHHHIIH", view[end + 4 : end + 22])
    if disk or directory_disk or here != count or start + size != end or end + 22 + comment != len(view):
        raise Refused("body", wanted="one whole zip archive", got="a directory that does not fit")
    if count > max_members:
        raise Refused("body", wanted=f"at most {max_members} members (max_members)", got=f"{count}")
    left = max_expanded
    for _ in range(count):
        if start + 46 > end or bytes(view[start : start + 4]) != b"PK\x01\x02":
            raise Refused("body", wanted="a zip directory", got="other bytes")
        fields = struct.unpack("<HHHHHIIIHHHHHII", view[start + 6 : start + 46])
        version, flags, method, crc, packed, plain, name_size, offset = (fields[i] for i in (0, 1, 2, 5, 6, 7, 8, 14))
        name = bytes(view[start + 46 : start + 46 + name_size])
        start += 46 + name_size + fields[9] + fields[10]
        if flags & ~0x80E or method not in (0, 8) or start > end or version > 63:
            raise Refused("body", wanted="stored or deflated members", got=f"method {method}, flags {flags}")
        left -= plain if method == 8 else 0
        if left < 0:
            raise Refused("body", wanted=f"at most {max_expanded} bytes unpacked (max_expanded_bytes)", got="more")
        data = member_bytes(view, name, offset, packed, plain, method)
        if zlib.crc32(data) != crc:
            raise Refused("body", wanted="members that match their checksum", got="a damaged one")
        yield name.decode("utf-8", "replace").removesuffix(".npy"), data
    if start != end:
        raise Refused("body", wanted="a zip directory", got="bytes after it")


def member_bytes(view: memoryview, name: bytes, offset: int, packed: int, plain: int, method: int) -> Buffer:
    """The bytes of one member, of exactly the size that the directory states."""
    head = bytes(view[offset : offset + 30])
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise Refused("body", wanted="a zip member", got="other bytes")
    name_size, extra_size = struct.unpack("<HH", head[26:30])
    first = offset + 30 + name_size + extra_size
    data = view[first : first + packed]
    if bytes(view[offset + 30 : offset + 30 + name_size]) != name or len(data) != packed:
        raise Refused("body", wanted="a zip member that its directory describes", got="another one")
    if method == 8:
        return inflated(data, plain, -15)
    if packed != plain:
        raise Refused("body", wanted=f"a stored member of {plain} bytes", got=f"{packed} bytes")
    return data


def inflated(data: Buffer, size: int, window: int) -> bytes:
    """Compressed bytes unpacked to exactly `size` bytes; never more than that is unpacked."""
    unpacker = zlib.decompressobj(window)
    try:
        plain: bytes = unpacker.decompress(data, size + 1)
    except zlib.error as error:
        raise Refused("body", wanted="compressed data", got="damaged data") from error
    if len(plain) != size or not unpacker.eof or unpacker.unused_data:
        raise Refused("body", wanted=f"{size} bytes unpacked", got="another size")
    return plain
