"""Bodies in numpy's formats as the client reads them: what a server sends is read by numpy itself, never a pickle."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from contractgen.generate.runtime.dtypes import Array, dtype_name
from contractgen.generate.runtime.limits import NPZ, Message
from contractgen.generate.runtime.protocol import Wire
from contractgen.generate.runtime.spec import Spec, Tensor
from contractgen.generate.runtime.violations import Refused


def loaded_tensors(spec: Spec, message: Message) -> dict[str, Wire]:
    """The tensors of a response by name. Raises `Refused`."""
    try:
        loaded = np.load(io.BytesIO(message.body), allow_pickle=False)
        arrays = {name: loaded[name] for name in loaded} if message.media == NPZ else {"": loaded}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise Refused("body", wanted=f"a body of {message.media}", got=type(error).__name__) from error
    if list(arrays) == [""]:
        arrays = {next(iter(spec.output_names)): arrays[""]}
    return {name: wire_of_array(array, spec.output_names.get(name)) for name, array in arrays.items()}


def wire_of_array(array: Array, tensor: Tensor | None) -> Wire:
    """An array as a tensor of a message; two opaque bytes are a bfloat16."""
    wanted = tensor.dtype if tensor else ""
    bits = array.view(np.uint16) if wanted == "bfloat16" and array.dtype.str[1:] == "V2" else array
    return Wire(dtype_name(bits, wanted), bits)
