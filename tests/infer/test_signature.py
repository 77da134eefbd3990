from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, Optional, TypedDict

import pytest
import torch
from torch import Tensor, nn

from contractgen.infer.hypothesis import Fixed, Group, Node, Param, Unknown
from contractgen.infer.signature import Signature, read_signature

UNKNOWN = Unknown()


class Mode(enum.Enum):
    FAST = "fast"
    SLOW = "slow"


class Batch(TypedDict):
    ids: Tensor
    scale: float


@dataclass
class Scene:
    image: Tensor
    depth: Optional[Tensor] = None  # noqa: UP045 -- as many authors still write it


class Edges(NamedTuple):
    source: Tensor
    weight: float = 2.0


def node_of(annotation: Any) -> Node:
    class Annotated_(nn.Module):  # noqa: N801
        def forward(self, x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            return x

    Annotated_.forward.__annotations__ = {"x": annotation}
    return read_signature(Annotated_()).hypothesis.param("x").node


@pytest.mark.parametrize(
    ("annotation", "node"),
    [
        (Tensor, UNKNOWN),
        (torch.LongTensor, UNKNOWN),
        (Optional[Tensor], Fixed(None)),  # noqa: UP045 -- as many authors still write it
        (Tensor | None, Fixed(None)),
        (int | Tensor, UNKNOWN),
        (Annotated[Tensor, "pixels"], UNKNOWN),
        (Any, UNKNOWN),
        (list[Tensor], Group("list", ((0, UNKNOWN), (1, UNKNOWN)))),
        (list, Group("list", ((0, UNKNOWN), (1, UNKNOWN)))),
        (Sequence[Tensor], Group("list", ((0, UNKNOWN), (1, UNKNOWN)))),
        (tuple[Tensor, ...], Group("list", ((0, UNKNOWN), (1, UNKNOWN)))),
        (tuple[Tensor, Tensor, int], Group("tuple", ((0, UNKNOWN), (1, UNKNOWN), (2, Fixed(1))))),
        (dict[str, Tensor], Group("dict", ())),
        (Mapping[str, Tensor], Group("dict", ())),
        (dict, Group("dict", ())),
        (Batch, Group("dict", (("ids", UNKNOWN), ("scale", Fixed(1.0))))),
        (Scene, Group("dict", (("image", UNKNOWN), ("depth", Fixed(None))), Scene)),
        (Edges, Group("dict", (("source", UNKNOWN), ("weight", Fixed(2.0))), Edges)),
        (
            list[Edges],
            Group(
                "list", tuple((i, Group("dict", (("source", UNKNOWN), ("weight", Fixed(2.0))), Edges)) for i in (0, 1))
            ),
        ),
        (Literal["mean", "sum"], Fixed("mean")),
        (Mode, Fixed(Mode.FAST)),
        (int, Fixed(1)),
        (float, Fixed(1.0)),
        (bool, Fixed(False)),
        (str, Fixed("")),
    ],
    ids=str,
)
def test_an_annotation_gives_the_first_node(annotation: Any, node: Node) -> None:
    assert node_of(annotation) == node


class Many(nn.Module):
    def forward(
        self,
        x: Tensor,
        scale: float = 2.0,
        mask: Tensor | None = None,
        *rest: Tensor,
        flag: bool,
        ids: torch.LongTensor | None = None,
        **extra: Tensor,
    ) -> Any:
        return x


def test_each_kind_of_parameter_is_told_apart() -> None:
    signature = read_signature(Many())
    assert signature.hypothesis.params == (
        Param("x", "positional", UNKNOWN),
        Param("scale", "positional", Fixed(2.0), has_default=True),
        Param("mask", "positional", Fixed(None), has_default=True),
        Param("rest", "variadic", Group("list", ((0, UNKNOWN),))),
        Param("flag", "keyword", Fixed(False)),
        Param("ids", "keyword", Fixed(None), has_default=True),
        Param("extra", "keywords", Group("dict", ())),
    )
    assert signature.open_keywords


def test_parameters_that_default_to_none_may_be_given() -> None:
    assert read_signature(Many()).optional == {"mask": UNKNOWN, "ids": UNKNOWN}


def test_a_typed_tensor_leads_with_its_dtype() -> None:
    assert read_signature(Many()).prior(("ids",)).dtypes[0] == torch.int64


class Documented(nn.Module):
    def forward(self, x: Any, y: Any, z: Any, w: Any) -> Any:
        """Score pairs.

        Args:
            x: pixels of shape (batch, 3, H, W)
            y of shape [B, T]
            z: the z (of any shape, really)
        """
        return x + y + z + w


@pytest.mark.parametrize(("name", "dims"), [("x", ("batch", "3", "H", "W")), ("y", ("B", "T")), ("z", ()), ("w", ())])
def test_a_docstring_gives_shapes(name: str, dims: tuple[str, ...]) -> None:
    prior = read_signature(Documented()).priors.get((name,))
    assert (prior.dims if prior else ()) == dims
    assert prior is None or prior.ranks[:1] == (len(dims),)


class Googled(nn.Module):
    def forward(self, x: Any, mask: Any = None) -> Any:
        """Score pairs.

        Args:
            x (torch.Tensor): pixels of shape (B, C)
            mask (Tensor, optional): which ones count
        """
        return x


@pytest.mark.parametrize(("name", "dims"), [("x", ("B", "C")), ("mask", ())])
def test_a_type_in_parentheses_is_no_shape(name: str, dims: tuple[str, ...]) -> None:
    prior = read_signature(Googled()).priors.get((name,))
    assert (prior.dims if prior else ()) == dims


class Casting(nn.Module):
    def forward(self, codes_a: Any, x: Any) -> Any:
        assert x.dtype == torch.float64
        return x


def test_dtypes_that_the_source_names_are_tried_before_the_rest() -> None:
    dtypes = read_signature(Casting()).prior(("x",)).dtypes
    assert dtypes[:2] == (torch.float32, torch.float64)


def test_the_dtype_of_the_weights_is_the_floating_dtype() -> None:
    assert read_signature(nn.Linear(2, 2).double()).floating == torch.float64
    assert read_signature(nn.Identity()).floating == torch.float32


def test_complex_weights_beside_real_ones_do_not_make_the_input_complex() -> None:
    module = nn.Conv2d(2, 4, 1)
    spectrum = nn.Module()
    spectrum.weight = nn.Parameter(torch.zeros(2, dtype=torch.complex64))
    assert read_signature(nn.Sequential(spectrum, module)).floating == torch.float32
    assert read_signature(spectrum).floating == torch.complex64


class Forward(nn.Module):
    def forward(self, x: NoSuchName) -> Any:  # type: ignore[name-defined]  # noqa: F821
        return x


def test_an_annotation_that_cannot_be_resolved_is_no_annotation() -> None:
    assert read_signature(Forward()).hypothesis.params == (Param("x", "positional", UNKNOWN),)


class Scripted(nn.Module):
    def forward(
        self,
        x: Tensor,
        pair: tuple[Tensor, Tensor],
        more: list[Tensor],
        batch: dict[str, Tensor],
        mask: Optional[Tensor] = None,  # noqa: UP045 -- TorchScript knows no other spelling
        scale: float = 2.0,
    ) -> Any:
        return x


def scripted() -> Signature:
    return read_signature(torch.jit.script(Scripted()))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_schema_of_a_torchscript_module_gives_its_parameters() -> None:
    two = ((0, UNKNOWN), (1, UNKNOWN))
    assert scripted().hypothesis.params == (
        Param("x", "positional", UNKNOWN),
        Param("pair", "positional", Group("tuple", two)),
        Param("more", "positional", Group("list", two)),
        Param("batch", "positional", Group("dict", ())),
        Param("mask", "positional", Fixed(None), has_default=True),
        Param("scale", "positional", Fixed(2.0), has_default=True),
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_optional_tensors_of_a_torchscript_module_may_be_given() -> None:
    assert scripted().optional == {"mask": UNKNOWN}


class Nullable(nn.Module):
    def forward(self, x: Tensor, mask: Optional[Tensor], hidden: Any, length: int) -> Any:  # noqa: UP045
        return x if hidden is not None else x * 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("module", "names"), [(Nullable(), {"mask", "hidden"}), (None, {"mask"})])
def test_a_parameter_without_a_default_that_may_be_none_is_none_at_first(
    module: nn.Module | None, names: set[str]
) -> None:
    signature = read_signature(module or torch.jit.script(ScriptedNullable()))
    nodes = {param.name: param.node for param in signature.hypothesis.params}
    assert {name for name, node in nodes.items() if node == Fixed(None)} == names
    assert signature.optional == dict.fromkeys(names, UNKNOWN)
    assert not any(param.has_default for param in signature.hypothesis.params)


class ScriptedNullable(nn.Module):
    def forward(self, x: Tensor, mask: Optional[Tensor]) -> Any:  # noqa: UP045
        return x if mask is None else x * mask


class Dims(nn.Module):
    def forward(self, x: _Float) -> Any:
        return x


class _Float:
    """Looks as jaxtyping's ``Float[Tensor, "batch 3 height"]`` does."""

    dim_str = "batch 3 height"
    dtypes = ("float16", "float32")


def test_a_shape_annotation_gives_rank_dims_and_the_usual_dtype() -> None:
    prior = read_signature(Dims()).priors[("x",)]
    assert (prior.dims, prior.ranks, prior.dtypes[0]) == (("batch", "3", "height"), (3,), torch.float32)
    assert prior.exact_rank


class Cache:
    """A class of an author's own."""


@pytest.mark.parametrize(
    ("annotation", "own"),
    [
        (Cache, True),
        (Cache | None, True),
        (Tensor | None, False),
        (Tensor | Cache, False),
        (_Float, False),
        (list[Cache], False),
        (dict[str, Tensor] | None, False),
        (Scene | None, False),
        (Any, False),
        (object, False),
        (int, False),
        (None, False),
    ],
    ids=str,
)
def test_a_class_of_the_authors_own_is_told_apart(annotation: Any, own: bool) -> None:
    class Annotated_(nn.Module):  # noqa: N801
        def forward(self, x=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            return x

    Annotated_.forward.__annotations__ = {"x": annotation}
    assert read_signature(Annotated_()).objects == ({"x"} if own else set())


class Graphs(nn.Module):
    def forward(self, x: Any, edge_index: torch.Tensor, edge_weight: torch.Tensor | None, batch: torch.Tensor) -> Any:
        return x


class Alone(nn.Module):
    def forward(self, batch: Any) -> Any:
        return batch


def test_what_a_name_means_everywhere_completes_an_annotation() -> None:
    signature = read_signature(Graphs())
    assert signature.written(("edge_index",)).ranks[:1] == (2,)
    assert signature.written(("edge_weight",)).ranks[:1] == (1,)
    assert signature.written(("batch",)).dtypes[:1] == (torch.int64,)


def test_a_batch_beside_other_inputs_tells_their_graphs_and_alone_it_is_the_input() -> None:
    assert read_signature(Graphs()).prior(("batch",)).ranks[0] == 1
    alone = read_signature(Alone()).prior(("batch",))
    assert (alone.dtypes[0], alone.ranks[0]) == (torch.float32, 2)


def test_edges_of_each_kind_in_a_dict_are_edges() -> None:
    signature = read_signature(Graphs())
    assert signature.prior(("edge_index_dict", "buys")).ranks[0] == 2
    assert signature.prior(("pos_edge_index",)).dtypes[0] == torch.int64
    assert signature.of_graphs
    assert not read_signature(Alone()).of_graphs


class Molecules(nn.Module):
    def forward(self, z: Any, pos: Any, batch: Any) -> Any:
        return pos


class Placed(nn.Module):
    def forward(self, x: Any, pos: Any) -> Any:
        return pos


def test_places_of_nodes_are_rows_of_coordinates() -> None:
    assert read_signature(Molecules()).prior(("pos",)).exact_rank
    assert read_signature(Molecules()).written(("pos",)).ranks[0] == 2
    assert not read_signature(Placed()).prior(("pos",)).exact_rank


class Speech(nn.Module):
    def forward(self, features: torch.LongTensor | None = None, lengths: list[torch.Tensor] | None = None) -> Any:
        """Args:
        features (`torch.LongTensor` of shape `(batch_size, frames, size)`, *optional*): what was measured
        lengths (`list` of `torch.Tensor` of shape `(batch_size, 1)`, *optional*): one for each part
        """
        return features, lengths


def test_a_docstring_completes_the_rank_of_an_annotated_dtype() -> None:
    signature = read_signature(Speech())
    written = signature.written(("features",))
    assert (written.dtypes, written.ranks) == ((torch.int64,), (3,))
    assert not signature.prior(("features",)).exact_rank
    assert ("lengths",) not in signature.priors or signature.priors[("lengths",)].ranks == ()
