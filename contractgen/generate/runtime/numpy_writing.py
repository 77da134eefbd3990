"""npy and npz bodies, written without copying the arrays."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Union

import numpy as np

from contractgen.generate.runtime.dtypes import Array

Part = Union[bytes, memoryview]
Parts = list[Part]
SMALL = 4096
NPY_HEAD = b"\x93NUMPY\x01\x00"


def npy_parts(array: Array) -> Parts:
    """The header and the data of an npy body (version 1.0), in C order."""
    text = f"{{'descr': {array.dtype.str!r}, 'fortran_order': False, 'shape': {tuple(array.shape)!r}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return [NPY_HEAD + struct.pack("<H", len(text)) + text.encode("latin-1"), raw(array)]


def npz_parts(arrays: Mapping[str, Array]) -> Parts:
    """A zip archive of npy members, stored; the same arrays give the same bytes. Members hold less than 4 GiB."""
    parts: Parts = []
    directory: list[bytes] = []
    offset = 0
    for name, array in arrays.items():
        header, data = npy_parts(array)
        size = len(header) + array.nbytes
        crc = zlib.crc32(data, zlib.crc32(header))
        file_name = f"{name}.npy".encode()
        fields = struct.pack("<HHHHHIIIHH", 20, 0x800, 0, 0, 33, crc, size, size, len(file_name), 0)
        local = b"PK\x03\x04" + fields + file_name
        parts += [local, header, data]
        directory.append(b"PK\x01\x02\x14\x03" + fields + struct.pack("<HHHII", 0, 0, 0, 0, offset) + file_name)
        offset += len(local) + size
    records = b"".join(directory)
    end = struct.pack("<HHHHIIH", 0, 0, len(directory), len(directory), len(records), offset, 0)
    return [*parts, records, b"PK\x05\x06" + end]


def raw(array: Array) -> Part:
    """The bytes of an array in C order: a copy of a small one, a view of another unless its layout needs a copy."""
    if array.nbytes <= SMALL:
        return array.tobytes()
    flat: Array = np.asarray(array, order="C").reshape(-1).view(np.uint8)
    return flat.data
