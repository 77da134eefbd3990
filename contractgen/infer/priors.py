"""What a parameter's name, annotation, default and docstring suggest of it before anything runs.

A suggestion only orders the search: what a run refutes is dropped, and nothing here enters a contract unproven.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import torch

from contractgen.infer.hypothesis import Path, name_in

T = TypeVar("T")

RANKS = (2, 3, 4, 1, 5, 0)
DTYPES = (
    torch.int64,
    torch.bool,
    torch.int32,
    torch.uint8,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.complex64,
)


@dataclass(frozen=True)
class Prior:
    """Dtypes and ranks to try, the likeliest first, and the names of dims where the author wrote them."""

    dtypes: tuple[torch.dtype, ...] = ()
    ranks: tuple[int, ...] = ()
    dims: tuple[str, ...] = ()
    optional: bool = False
    """Whether the author wrote that it may be None."""
    declared: bool = False
    """Whether dtypes and ranks come from an annotation, which a use in the code does not override."""

    sequence: Literal["", "tuple"] = ""
    """``tuple`` where an annotation says that of a sequence of any number of items."""
    fewest_axes: int = 0
    """How many axes it has at least, whatever runs with fewer by broadcasting."""

    @property
    def exact_rank(self) -> bool:
        """Whether the author wrote the rank."""
        return self.declared and len(self.dims) > 0

    def then(self, dtypes: tuple[torch.dtype, ...] = (), ranks: tuple[int, ...] = ()) -> Prior:
        """This prior with weaker suggestions after its own."""
        return replace(self, dtypes=_merge(self.dtypes, dtypes), ranks=_merge(self.ranks, ranks))


def _merge(first: tuple[T, ...], second: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*first, *second)))


_IDS = {
    "id", "ids", "token", "tokens", "index", "indices", "idx", "inds", "word", "words", "char", "chars", "text", "texts",
    "timestep", "timesteps", "category", "categories", "categorical", "cat", "cats", "user", "item",
    "users", "items", "sparse", "edges", "edge", "query_ids", "labels", "label", "sentence", "src", "tgt", "codes", "class",
    "classes", "offsets", "prompt", "document", "genre", "town", "city",
}  # fmt: skip
_MEASURED = {
    "features", "feats", "feat", "embedding", "embeddings", "vector", "vectors", "attr", "attrs", "weight", "weights",
}  # fmt: skip
"""What is measured of a user, an item or an edge, rather than which one it is."""
_MARKS = {"padding", "pad", "padded", "missing", "valid", "observed", "masked", "keep"}
_LENGTHS = {"length", "lengths", "lens", "len", "sizes", "offsets"}
_IMAGES = {"image", "images", "img", "imgs", "pixel", "pixels", "picture", "photo", "frame", "rgb", "depth"}
_VOLUMES = {"video", "videos", "volume", "volumes", "vol", "clip", "scan", "mri", "ct"}
_AUDIO = {"audio", "wav", "wave", "waveform", "signal", "speech", "sound"}


def is_made_of_integers(path: Path) -> bool:
    """Whether tokenizers and image processors make masks of this name, which are of integers."""
    return re.search("attention|pixel", name_in(path).lower()) is not None


EDGES = Prior((torch.int64,), (2,), ("2", "edges"), declared=True)
PLACES = Prior((), (2,), ("nodes", "features"), declared=True)
"""Of the nodes of graphs; the places of tokens are ids and have the same names."""
ADJACENCY = Prior(ranks=(2, 3), fewest_axes=2)
"""Of nodes to nodes; a row of it alone is spread over all nodes without an error."""
CONVENTIONS = {
    "adj": ADJACENCY,
    "adjacency": ADJACENCY,
    "adj_matrix": ADJACENCY,
    "adjacency_matrix": ADJACENCY,
    "edge_attr": Prior(ranks=(2, 1)),
    "edge_weight": Prior(ranks=(1, 2)),
    "edge_type": Prior((torch.int64,), (1,)),
    "senders": Prior((torch.int64,), (1,)),
    "receivers": Prior((torch.int64,), (1,)),
    "rev_edge_index": Prior((torch.int64,), (1,)),
    "batch": Prior((torch.int64,), (1,)),
}
"""Names that whole families of libraries use for one thing, beside other inputs: alone, a batch is the input itself."""


def convention(path: Path) -> Prior:
    """What a name means wherever it is used: of the tensor itself, or of the dict that holds one of each kind.

    Edges are also told apart, as those that train and those that are asked.
    """
    names = [part for part in reversed(path) if isinstance(part, str)]
    own, *outer = names or [""]
    for name in (own, *(name.removesuffix("_dict") for name in outer if name.endswith("_dict"))):
        if name in CONVENTIONS:
            return CONVENTIONS[name]
        if re.fullmatch(r"(\w+_)?edge_(\w+_)?index", name):
            return EDGES
    return Prior()


def from_name(name: str, source: str, floating: torch.dtype) -> Prior:
    """Suggestions from a parameter's or key's name, and from what the source of ``forward`` says about dtypes."""
    words = set(re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()))
    if "mask" in words or "masks" in words:
        order = (torch.bool, torch.int64) if words & _MARKS else (torch.int64, torch.bool)
        return Prior((*order, floating), (2, 3, 4, 1))
    if words & _MARKS:
        return Prior((torch.bool, torch.int64, floating), (2, 1, 3))
    if words & _LENGTHS:
        return Prior((torch.int64, torch.int32), (1,))
    images = words & _IMAGES
    if images and re.search(rf"\b{re.escape(name)}\b[^\n]*255", source):
        return Prior((torch.uint8, floating), (4, 3))
    if images:
        return Prior((floating,), (4, 3, 5))
    if words & _VOLUMES:
        return Prior((floating,), (5, 4))
    if words & _AUDIO:
        return Prior((floating,), (2, 3))
    if words & _MEASURED:
        return Prior((floating,), ())
    if words & _IDS:
        return Prior((torch.int64, floating), ())
    if re.search(rf"\b{re.escape(name)}\b[^\n]*(/ *255|uint8)", source):
        return Prior((torch.uint8, floating), ())
    return Prior((floating,), ())


def mentioned_dtypes(source: str) -> tuple[torch.dtype, ...]:
    """Dtypes that the source of ``forward`` names: an author who checks a dtype writes it."""
    found = re.findall(
        r"(?<!dtype=)torch\.(uint8|int8|int16|int32|int64|long|float16|half|bfloat16|float64|double|bool|complex64|complex128)\b",
        source,
    )
    return tuple(dict.fromkeys(getattr(torch, name) for name in found))


def typed_shape(name: str, docstring: str) -> tuple[str, ...]:
    """The dims that stand beside a type, as in ``x (`torch.Tensor` of shape `(batch_size, channels)`, *optional*)``."""
    found = re.search(rf"\b{re.escape(name)} *\([^()\n]*\bof shape *`*\(([^()\n]*)\)", docstring)
    dims = tuple(part.strip() for part in found[1].split(",") if part.strip()) if found else ()
    return dims if all(re.fullmatch(r"[A-Za-z_]\w*|\d+", dim) for dim in dims) else ()


def shape_in_docstring(name: str, docstring: str) -> tuple[str, ...]:
    """The dims that a docstring gives for a parameter, ``x: (batch, 3, H, W)`` or ``x of shape [B, T]``; empty if none."""
    typed = typed_shape(name, docstring)
    if typed:
        return typed
    brackets = re.finditer(
        rf"\b{re.escape(name)}\b[^\n(\[]{{0,60}}((?:[(\[][^)\]\n]*[)\]][^\n(\[]{{0,60}})+)", docstring
    )
    for text in (match.group(1) for match in brackets):
        for inside in re.findall(r"[(\[]([^)\]\n]*,[^)\]\n]*)[)\]]", text):
            dims = tuple(part.strip() for part in inside.split(","))
            if all(re.fullmatch(r"[A-Za-z_]\w*|\d+", dim) for dim in dims) and not _TYPE_WORDS & {
                dim.lower() for dim in dims
            }:
                return dims
    return ()


_TYPE_WORDS = {
    "tensor",
    "optional",
    "int",
    "float",
    "bool",
    "str",
    "list",
    "tuple",
    "dict",
    "array",
    "ndarray",
    "default",
}
"""What stands in brackets after a name in docstrings and is no dim."""
