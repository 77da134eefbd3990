"""Every hint, and that following it makes the input valid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from contractgen.contract.model import (
    Constant,
    Contract,
    Dict,
    Dim,
    Field,
    List,
    Node,
    Output,
    Parameter,
    Tensor,
    Tuple,
    Values,
)
from tests.generate.following import followed
from tests.generate.modules import Generated, generated
from tests.generate.random_contracts import Maker

DIMS = {
    "batch": Dim(role="batch"),
    "seq": Dim(max=12),
    "height": Dim(min=16, multiple_of=16),
    "frames": Dim(max=4),
}
OUTPUTS = (Output("output", Tensor("output", "float32", ("batch", 2))),)


def model_of(**nodes: Node) -> Generated:
    inputs = tuple(Parameter(name, node, required=not isinstance(node, Constant)) for name, node in nodes.items())
    return generated(Contract("hinted", inputs, OUTPUTS, DIMS, fingerprint=f"sha256:{'1' * 64}"))


def tensor(name: str, dtype: str, *shape: int | str, **values: Any) -> Tensor:
    return Tensor(name, dtype, shape, Values(**values) if values else None)  # type: ignore[arg-type]


def floats(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random(shape, np.float32)


X = tensor("x", "float32", "batch", 20, finite=True)
IMAGE = tensor("x", "float32", "batch", 3, 32, 48, finite=True)
PLANE = tensor("x", "float32", "batch", 3, "height", 48)
IDS = tensor("ids", "int64", "batch", "seq", min=0, max=999)
MASK = tensor("mask", "bool", "batch", "seq")
BRAIN = tensor("x", "bfloat16", "batch", 2)
BATCH = Dict(
    (
        Field("image", tensor("batch.image", "float32", "batch", 4)),
        Field("ids", tensor("batch.ids", "int64", "batch", "seq")),
    )
)
FRAMES = List(tensor("frames.*", "float32", "batch", 2), "frames")
PAIR = Tuple((tensor("pair.0", "float32", 2), tensor("pair.1", "float32", 2)))
LEVELS = Tuple((tensor("levels.0", "float32", 2), tensor("levels.1", "float32", 3)), "list")

HINTS: dict[str, tuple[dict[str, Node], dict[str, Any], str]] = {
    "a missing batch dimension": ({"x": X}, {"x": floats(20)}, "add a batch dimension: x[None]"),
    "a missing axis at the end": ({"x": tensor("x", "float32", "batch", 20, 1)}, {"x": floats(3, 20)}, "add an axis at the end: x[..., None]"),
    "one axis too many": ({"x": X}, {"x": floats(1, 3, 20)}, "drop the first axis: x[0]"),
    "one axis too many at the end": ({"x": X}, {"x": floats(3, 20, 1)}, "drop the last axis: x[..., 0]"),
    "channels last": ({"x": IMAGE}, {"x": floats(2, 32, 48, 3)}, "move the channels first: np.moveaxis(x, -1, 1)"),
    "channels first": ({"x": tensor("x", "float32", "batch", 32, 48, 3)}, {"x": floats(2, 3, 32, 48)}, "move the channels last: np.moveaxis(x, 1, -1)"),
    "one image, channels last": ({"x": IMAGE}, {"x": floats(32, 48, 3)}, "move the channels first, add a batch dimension: np.moveaxis(x, -1, 0)[None]"),
    "swapped axes": ({"x": tensor("x", "float32", 20, "batch")}, {"x": floats(7, 20)}, "swap the last two axes: np.swapaxes(x, -1, -2)"),
    "float64": ({"x": X}, {"x": floats(1, 20).astype(np.float64)}, "cast it: x.astype(np.float32)"),
    "an uint8 image": ({"x": IMAGE}, {"x": np.full((1, 3, 32, 48), 7, np.uint8)}, "cast it: x.astype(np.float32)"),
    "ids of the wrong width": ({"ids": IDS}, {"ids": np.ones((2, 3), np.int32)}, "cast it: ids.astype(np.int64)"),
    "whole floats for ids": ({"ids": IDS}, {"ids": np.ones((2, 3), np.float32)}, "cast it: ids.astype(np.int64)"),
    "an integer mask": ({"mask": MASK}, {"mask": np.array([[0, 1]])}, "cast it: mask.astype(np.bool_)"),
    "float32 for bfloat16": ({"x": BRAIN}, {"x": floats(1, 2)}, "cast it: to_bfloat16(x)"),
    "foreign byte order": ({"x": X}, {"x": floats(1, 20).astype(">f4")}, "cast it: x.astype(np.float32)"),
    "a list for a tensor": ({"x": X}, {"x": floats(1, 20).tolist()}, "make it an array: np.array(x, np.float32)"),
    "a list for a dict": ({"batch": BATCH}, {"batch": [floats(1, 4), np.ones((1, 2), np.int64)]}, "make it a dict: {'image': batch[0], 'ids': batch[1]}"),
    "a tuple for a list": ({"frames": FRAMES}, {"frames": (floats(1, 2), floats(1, 2))}, "make it a list: list(frames)"),
    "a list for a tuple": ({"pair": PAIR}, {"pair": [floats(2), floats(2)]}, "make it a tuple: tuple(pair)"),
    "a tuple for a list of unlike items": ({"levels": LEVELS}, {"levels": (floats(2), floats(3))}, "make it a list: list(levels)"),
    "a misspelt key": ({"batch": BATCH}, {"batch": {"imgae": floats(1, 4), "ids": np.ones((1, 2), np.int64)}}, "rename 'imgae' to 'image'"),
    "an extra key": ({"batch": BATCH}, {"batch": {"image": floats(1, 4), "ids": np.ones((1, 2), np.int64), "zzz": 1}}, "leave out 'zzz'"),
    "a size that is no multiple": ({"x": PLANE}, {"x": floats(1, 3, 40, 48)}, "make height 32 or 48"),
    "a size that is too large": ({"ids": IDS}, {"ids": np.ones((1, 20), np.int64)}, "make seq 12"),
    "one row for many": ({"x": X, "ids": IDS}, {"x": floats(3, 20), "ids": np.ones((1, 2), np.int64)}, "repeat it for each of the 3: np.repeat(ids, 3, axis=0)"),
    "another constant": ({"x": X, "flag": Constant(False, "bool")}, {"x": floats(1, 20), "flag": True}, "pass False"),
}  # fmt: skip


def refused(model: Generated, arguments: dict[str, Any]) -> list[Any]:
    try:
        model.call(model.validator.validate, arguments)
    except model.validator.ContractViolation as error:
        return list(error.violations)
    return []


@pytest.mark.parametrize(("nodes", "arguments", "hint"), HINTS.values(), ids=HINTS.keys())
def test_a_hint_is_given_and_following_it_makes_the_input_valid(
    nodes: dict[str, Node], arguments: dict[str, Any], hint: str
) -> None:
    model = model_of(**nodes)
    violations = refused(model, arguments)
    (hinted,) = [one for one in violations if one.hint]
    assert hinted.hint == hint
    for changed in followed(model.validator, arguments, hinted):
        assert not refused(model, changed)


NO_HINTS: dict[str, tuple[dict[str, Node], dict[str, Any], str]] = {
    "ten features": ({"x": X}, {"x": floats(1, 10)}, "shape"),
    "an empty batch": ({"x": X}, {"x": floats(0, 20)}, "shape"),
    "fractions for ids": ({"ids": IDS}, {"ids": np.full((1, 2), 1.5)}, "dtype"),
    "float64 that float32 cannot hold": ({"x": X}, {"x": np.full((1, 20), 1e300)}, "dtype"),
    "ids that are too wide to narrow": ({"x": tensor("x", "int8", "batch")}, {"x": np.array([300])}, "dtype"),
    "an id out of range": ({"ids": IDS}, {"ids": np.array([[1, 1000]])}, "value"),
    "pixels that are not scaled": (
        {"x": tensor("x", "float32", "batch", max=1)},
        {"x": np.array([255], np.float32)},
        "value",
    ),
    "NaN": ({"x": X}, {"x": np.full((1, 20), np.nan, np.float32)}, "value"),
    "complex for real": ({"x": X}, {"x": np.zeros((1, 20), np.complex64)}, "dtype"),
    "text": ({"x": X}, {"x": np.array([["a"] * 20])}, "dtype"),
    "a row of another size, without a batch": ({"x": X}, {"x": floats(10)}, "rank"),
}


@pytest.mark.parametrize(("nodes", "arguments", "code"), NO_HINTS.values(), ids=NO_HINTS.keys())
def test_no_hint_is_given_where_none_would_help(nodes: dict[str, Node], arguments: dict[str, Any], code: str) -> None:
    violations = refused(model_of(**nodes), arguments)
    assert code in {one.code for one in violations}
    assert not any(one.hint for one in violations)


@pytest.mark.parametrize("seed", range(40))
def test_a_hint_undoes_its_violation_and_brings_no_other(seed: int) -> None:
    maker = Maker(seed + 1000)
    contract = maker.contract()
    if any(part.kind == "variadic" for part in contract.inputs):
        return
    model = generated(contract)
    for _ in range(25):
        arguments = maker.arguments(contract)
        for _ in range(maker.random.choice((1, 1, 2))):
            if arguments:
                name = maker.random.choice(list(arguments))
                arguments[name] = maker.changed(arguments[name])
        if any(part.required and part.name not in arguments for part in contract.inputs):
            continue
        arguments = {name: value for name, value in arguments.items() if value is not None}
        if all(part.name in arguments or not part.required for part in contract.inputs):
            check_hints(model, arguments)


def check_hints(model: Generated, arguments: dict[str, Any]) -> None:
    violations = refused(model, arguments)
    before = [(one.code, one.path) for one in violations]
    for one in violations:
        if one.hint:
            for changed in followed(model.validator, arguments, one):
                after = [(other.code, other.path) for other in refused(model, changed)]
                if one.hint.startswith("make ") and ":" not in one.hint:
                    # What a user puts into other sizes is theirs; here the elements are merely repeated.
                    after = [other for other in after if other[0] != "value"]
                allowed = before.copy()
                allowed.remove((one.code, one.path))
                for other in after:
                    assert other in allowed, (one, arguments)
                    allowed.remove(other)
                if len(violations) == 1:
                    assert not after


class TestTheClientsHints:
    """What a client takes besides arrays is named in a hint as the array that it stands for."""

    def followed(self, model: Generated, value: Any, hint: str) -> Any:
        with pytest.raises(model.client.ContractViolation) as refusal:
            model.client.serialize(value)
        (violation,) = [one for one in refusal.value.violations if one.hint]
        assert violation.hint == hint
        return eval(hint.partition(": ")[2], {"x": value, "np": np})

    def test_a_list_without_a_batch_dimension(self) -> None:
        model = model_of(x=X)
        array = self.followed(model, [0.5] * 20, "add a batch dimension: np.array(x, np.float32)[None]")
        assert model.client.serialize(array).body == model.client.serialize([[0.5] * 20]).body

    def test_a_tensor_of_another_library(self) -> None:
        torch = pytest.importorskip("torch")
        model = model_of(x=X)
        tensor = torch.ones(1, 20, dtype=torch.float64, requires_grad=True)
        array = self.followed(model, tensor, "cast it: x.numpy(force=True).astype(np.float32)")
        assert model.client.serialize(array).body == model.client.serialize(np.ones((1, 20), np.float32)).body

    def test_bfloat16_of_torch_for_another_dtype_is_named_and_not_taken_for_integers(self) -> None:
        torch = pytest.importorskip("torch")
        client = model_of(x=X).client
        with pytest.raises(client.ContractViolation) as refusal:
            client.serialize(torch.ones(1, 20, dtype=torch.bfloat16))
        (violation,) = refusal.value.violations
        assert (violation.code, violation.actual, violation.hint) == ("dtype", "bfloat16", "")
