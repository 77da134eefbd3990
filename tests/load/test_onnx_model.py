"""``.onnx`` files as modules."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from onnx import TensorProto, helper

from contractgen.errors import LoadError
from contractgen.load import load_model
from contractgen.load.arguments import bind, resolve_hints
from contractgen.load.onnx_model import InputSpec


def graph(nodes: list[Any], inputs: list[Any], outputs: list[Any], path: str = "model.onnx", **more: Any) -> None:
    model = helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs, **more),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    onnx.save(model, path)


def tensor(name: str, kind: int = TensorProto.FLOAT, shape: list[Any] | None = None) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


@pytest.fixture
def added(folder: Path) -> Path:
    """``0`` (float32 [batch, 3, ?]) plus ``a:b`` (any rank), and a weight that older files list as an input."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, [1], [2.0])
    graph(
        [helper.make_node("Add", ["0", "a:b"], ["s"]), helper.make_node("Mul", ["s", "w"], ["logits"])],
        [tensor("0", shape=["batch", 3, None]), tensor("a:b"), tensor("w", shape=[1])],
        [tensor("logits")],
        initializer=[weight],
    )
    return folder / "model.onnx"


def test_inputs_are_parameters_with_identifiers(added: Path) -> None:
    loaded = load_model(added)
    assert loaded.kind == "onnx"
    assert loaded.module.input_specs == (
        InputSpec("0", "input_0", "float32", ("batch", 3, None)),
        InputSpec("a:b", "a_b", "float32", None),
    )
    assert list(inspect.signature(loaded.module.forward).parameters) == ["input_0", "a_b"]


def test_declared_shapes_are_annotations(added: Path) -> None:
    hint = resolve_hints(load_model(added).module.forward)["input_0"]
    assert (hint.dtypes, hint.dim_str) == (["float32"], "batch 3 ?")


def test_it_is_called_by_position_parameter_or_name(added: Path) -> None:
    module = load_model(added).module
    x, y = torch.ones(2, 3, 4), torch.full((4,), 2.0)
    for args, kwargs in [((x, y), {}), ((x,), {"a_b": y}), ((), {"0": x, "a:b": y})]:
        result = module(*args, **kwargs)
        assert list(result) == ["logits"]
        assert torch.equal(result["logits"], (x + y) * 2)
    assert bind(module, (x,), {"a_b": y}) == ((x,), {"a_b": y})


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ((), {}, "lacks the inputs '0', 'a:b'"),
        ((torch.ones(1, 3, 1),) * 3, {}, "takes 2 inputs, 3 were given"),
        ((torch.ones(1, 3, 1),), {"input_0": torch.ones(1)}, "a second value: 'input_0'"),
        ((), {"c": torch.ones(1)}, "an unknown input: 'c'"),
        ((1, 2), {}, "takes tensors, not a int"),
    ],
)
def test_a_wrong_call_is_a_type_error(added: Path, args: Any, kwargs: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        load_model(added).module(*args, **kwargs)


def test_it_runs_in_a_forked_child_after_it_ran_here(added: Path) -> None:
    module = load_model(added).module
    x = torch.ones(1, 3, 2)
    module(x, x)
    child = os.fork()
    if child == 0:
        os._exit(0 if torch.equal(module(x, x)["logits"], 4 * x) else 1)
    assert os.waitpid(child, 0)[1] == 0


DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "int32", "int64", "float16", "float32", "float64", "bfloat16"]


@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype_passes_through(folder: Path, name: str) -> None:
    kind = getattr(TensorProto, {"float32": "FLOAT", "float64": "DOUBLE"}.get(name, name.upper()))
    graph([helper.make_node("Reshape", ["x", "s"], ["y"])], [tensor("x", kind, ["n"])], [tensor("y", kind, ["n"])],
          initializer=[helper.make_tensor("s", TensorProto.INT64, [1], [-1])])  # fmt: skip
    loaded = load_model("model.onnx").module
    assert loaded.input_specs[0].dtype == name
    x = torch.tensor([0, 1, 1]).to(getattr(torch, name))
    y = loaded(x)["y"]
    assert y.dtype == x.dtype
    assert torch.equal(y, x)


def test_a_sequence_of_tensors(folder: Path) -> None:
    item = helper.make_tensor_type_proto(TensorProto.FLOAT, ["n"])
    frames = helper.make_value_info("frames", helper.make_sequence_type_proto(item))
    graph([helper.make_node("ConcatFromSequence", ["frames"], ["y"], axis=0)], [frames], [tensor("y")])
    module = load_model("model.onnx").module
    assert module.input_specs == (InputSpec("frames", "frames", "float32", ("n",), sequence=True),)
    assert module([torch.ones(2), torch.zeros(1)])["y"].tolist() == [1, 1, 0]


def test_a_scalar_stays_a_scalar(folder: Path) -> None:
    graph([helper.make_node("Neg", ["x"], ["y"])], [tensor("x", shape=[])], [tensor("y", shape=[])])
    assert load_model("model.onnx").module(torch.tensor(2.0))["y"].shape == ()


def test_names_that_collide_as_identifiers_stay_apart(folder: Path) -> None:
    graph([helper.make_node("Add", ["a.b", "a:b"], ["y"])], [tensor("a.b"), tensor("a:b")], [tensor("y")])
    assert [spec.parameter for spec in load_model("model.onnx").module.input_specs] == ["a_b", "a_b_2"]


def test_a_free_dim_that_bears_a_number_is_fixed(folder: Path) -> None:
    graph([helper.make_node("Neg", ["x"], ["y"])], [tensor("x", shape=["b", "20"])], [tensor("y")])
    assert load_model("model.onnx").module.input_specs[0].shape == ("b", 20)


BAD: dict[str, tuple[str, Any]] = {
    "an operator that does not exist": (
        "ONNX Runtime cannot open",
        lambda: graph([helper.make_node("Nonsense", ["x"], ["y"])], [tensor("x")], [tensor("y")]),
    ),
    "text": (
        "no tensor of numbers",
        lambda: graph([helper.make_node("Identity", ["x"], ["y"])], [tensor("x", TensorProto.STRING)], [tensor("y")]),
    ),
    "damaged": ("is no ONNX model, or damaged", lambda: Path("model.onnx").write_bytes(b"\x08\x09\xff\xff\xff")),
}


@pytest.mark.parametrize(("words", "make"), BAD.values(), ids=BAD.keys())
def test_a_file_that_cannot_run(folder: Path, words: str, make: Any) -> None:
    make()
    with pytest.raises(LoadError, match=words):
        load_model("model.onnx")


def test_a_runtime_that_aborts_is_an_error(folder: Path) -> None:
    from contractgen.load.forked import failure_of

    assert failure_of(os.abort) == "the process died of SIGABRT"
    assert failure_of(lambda: 1 / 0) == "ZeroDivisionError: division by zero"
    assert failure_of(lambda: None) == ""
