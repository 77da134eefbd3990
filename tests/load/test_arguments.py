from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import torch

from contractgen.contract.model import Dict, Field, List, Optional, Parameter, Tensor, Tuple
from contractgen.load.arguments import bind, to_numpy, to_torch

if TYPE_CHECKING:
    from collections import OrderedDict


class Point(NamedTuple):
    x: torch.Tensor
    y: torch.Tensor


@dataclass
class Scene:
    points: list[Point]
    goal: Point | None = None


class TakesScene(torch.nn.Module):
    def forward(self, scene: Scene, *more: Point, start: Point | None = None, odd: OrderedDict | None = None) -> Any:
        return scene, more, start


class TakesAnything(torch.nn.Module):
    def forward(self, scene, start=None):  # noqa: ANN001, ANN201
        return scene


BITS = Parameter("bits", Tensor("bits", "bfloat16", ("n",)))
FLOATS = Parameter("floats", Tensor("floats", "float32", ("n",)))


def test_a_tensor_shares_the_memory_of_a_writable_array() -> None:
    array = np.zeros(3, np.float32)
    (tensor,), _ = to_torch([FLOATS], (array,), {})
    tensor[0] = 5
    assert array[0] == 5


def test_a_read_only_array_is_copied_without_a_warning() -> None:
    body = np.arange(3, dtype=np.float32).tobytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (tensor,), _ = to_torch([FLOATS], (np.frombuffer(body, np.float32),), {})
    tensor[0] = 5
    assert np.frombuffer(body, np.float32)[0] == 0


@pytest.mark.parametrize(
    "array",
    [np.array(3.0), np.float32(2), np.zeros((0, 4)), np.arange(6).reshape(2, 3).T, np.arange(4)[::-1], np.arange(3, dtype=">i4")],
    ids=["0-d", "scalar", "empty", "transposed", "reversed", "big endian"],
)  # fmt: skip
def test_any_array_keeps_its_shape_dtype_and_values(array: Any) -> None:
    (tensor,), _ = to_torch([], (array,), {})
    assert tensor.shape == array.shape
    assert tensor.numpy().dtype == array.dtype.newbyteorder("=")
    assert (tensor.numpy() == array).all()


def test_bits_become_bfloat16_only_where_the_contract_says_so() -> None:
    one = np.array([0x3F80], np.uint16)
    (positional, plain), named = to_torch([BITS, FLOATS], (one, one), {"bits": one})
    assert positional.dtype == named["bits"].dtype == torch.bfloat16
    assert positional.item() == 1.0
    assert plain.dtype == torch.uint16


@pytest.mark.parametrize(
    ("node", "value"),
    [
        (Dict((Field("a", BITS.node),)), {"a": np.zeros(1, np.uint16)}),
        (List(BITS.node, "n"), [np.zeros(1, np.uint16)]),
        (Tuple((BITS.node,)), (np.zeros(1, np.uint16),)),
        (Optional(BITS.node), np.zeros(1, np.uint16)),
        (Optional(List(Optional(BITS.node), 1)), [np.zeros(1, np.uint16)]),
    ],
)
def test_bits_are_found_below_every_kind_of_node(node: Any, value: Any) -> None:
    (converted,), _ = to_torch([Parameter("p", node)], (value,), {})
    leaves = torch.utils._pytree.tree_leaves(converted)
    assert [leaf.dtype for leaf in leaves] == [torch.bfloat16]
    assert type(converted) in {type(value), torch.Tensor}


def test_spread_arguments_have_the_nodes_of_the_items() -> None:
    rest = Parameter("rest", List(BITS.node, "n"), "variadic")
    args, _ = to_torch([FLOATS, rest], (np.zeros(1, np.float32), *[np.zeros(1, np.uint16)] * 2), {})
    assert [tensor.dtype for tensor in args] == [torch.float32, torch.bfloat16, torch.bfloat16]


def test_constants_and_none_stay_what_they_are() -> None:
    assert to_torch([FLOATS], (None,), {"flag": True, "scale": 0.5}) == ((None,), {"flag": True, "scale": 0.5})


def test_dicts_become_the_classes_of_the_annotations() -> None:
    point = {"x": torch.zeros(1), "y": torch.ones(1)}
    args, kwargs = bind(TakesScene(), ({"points": [point, point], "goal": point}, point), {"start": point})
    scene, more = args
    assert isinstance(scene, Scene)
    assert [type(each) for each in scene.points] == [Point, Point]
    assert isinstance(scene.goal, Point)
    assert isinstance(more, Point)
    assert isinstance(kwargs["start"], Point)


def test_an_absent_field_keeps_the_default_of_its_class() -> None:
    (scene,), _ = bind(TakesScene(), ({"points": []},), {})
    assert scene.goal is None


@pytest.mark.parametrize("module", [TakesAnything(), torch.jit.script(torch.nn.Identity())])
def test_without_annotations_arguments_stay(module: torch.nn.Module) -> None:
    tree = {"points": [1]}
    args, kwargs = bind(module, (tree,), {"start": tree})
    assert args[0] is tree
    assert kwargs["start"] is tree


def test_results_become_dicts_lists_and_tuples_of_arrays() -> None:
    result = to_numpy(Scene(points=[Point(torch.zeros(2), torch.ones(1, dtype=torch.bfloat16))]))
    assert isinstance(result, dict)
    assert result.keys() == {"points"}
    assert result["points"][0]["x"].tolist() == [0, 0]
    assert result["points"][0]["y"].dtype == np.uint16
    assert result["points"][0]["y"].tolist() == [0x3F80]


def test_what_is_no_tensor_is_left_out_of_its_container() -> None:
    x = torch.zeros(1)
    assert to_numpy(object()) is None
    assert to_numpy({"cache": object(), "loss": None, "logits": x}).keys() == {"logits"}
    assert len(to_numpy((x, None, 3, [x]))) == 2


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(2, requires_grad=True),
        torch.ones(2, dtype=torch.complex64).conj(),
        torch.ones(2, 3).T,
        torch.eye(2).to_sparse(),
        torch.tensor(3, dtype=torch.uint16),
    ],
    ids=["gradient", "conjugate view", "transposed", "sparse", "0-d"],
)
def test_any_tensor_becomes_an_array(tensor: torch.Tensor) -> None:
    array = to_numpy(tensor)
    assert array.shape == tuple(tensor.shape)
    assert (array == tensor.detach().to_dense().resolve_conj().numpy()).all()


def test_model_outputs_of_transformers_become_dicts() -> None:
    from transformers.modeling_outputs import BaseModelOutput

    assert to_numpy(BaseModelOutput(last_hidden_state=torch.zeros(1))).keys() == {"last_hidden_state"}
