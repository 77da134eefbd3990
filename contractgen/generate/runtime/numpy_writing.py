"""npy and npz bodies, written without copying the arrays."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping

from contractgen.generate.runtime.buffers import Parts, raw
from contractgen.generate.runtime.dtypes import Array

NPY_HEAD = b"\x93NUMPY\x01\x00"


def npy_parts(array: Array) -> Parts:
    """The header and the data of an npy body (version 1.0), in C order."""
    text = f"{{'descr': {array.dtype.str!r}, 'fortran_order': False, 'shape': {tuple(array.shape)!r}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return [NPY_HEAD + struct.pack("<H", len(text)) + text.encode("latin-1"), raw(array)]


def npz_parts(arrays: Mapping[str, Array]) -> Parts:
    """A zip archive of npy members; the same arrays give the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), b"".join(npy_parts(array)))
    return [stream.getvalue()]
