"""A small model that needs no framework to be made, and the server as a user runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.generated import load
from tests.serve.command import ROOT, Served, serving

W = np.linspace(-1, 1, 20, dtype=np.float32)[:, None]
CONTRACT = ROOT / "sample_models/linear/contract/contract.json"


@pytest.fixture(scope="session")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ONNX file of the linear sample's contract: x @ W."""
    node = helper.make_node("MatMul", ["x", "W"], ["output"])
    weights = helper.make_tensor("W", TensorProto.FLOAT, [20, 1], W.ravel())
    made = helper.make_graph(
        [node], "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 20])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 1])], [weights],
    )  # fmt: skip
    path = tmp_path_factory.mktemp("graph") / "linear.onnx"
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


@pytest.fixture(scope="session")
def slow_graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same function, which computes some milliseconds for each row of its input."""
    size = 512
    step = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("MatMul", ["y", "A"], ["z"])], "step",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [size, size]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("z", TensorProto.FLOAT, [size, size]),
        ],
    )  # fmt: skip
    nodes = [
        helper.make_node("Shape", ["x"], ["rows"], start=0, end=1),
        helper.make_node("Squeeze", ["rows"], ["times"]),
        helper.make_node("Loop", ["times", "", "A"], ["end"], body=step),
        helper.make_node("ReduceMean", ["end"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("MatMul", ["x", "W"], ["product"]),
        helper.make_node("Add", ["product", "nothing"], ["output"]),
    ]
    constants = [
        helper.make_tensor("W", TensorProto.FLOAT, [20, 1], W.ravel()),
        helper.make_tensor("A", TensorProto.FLOAT, [size, size], np.eye(size, dtype=np.float32).ravel()),
        helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
    ]
    made = helper.make_graph(
        nodes, "slow",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 20])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 1])], constants,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("graph") / "slow.onnx"
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), str(path))
    return path


@pytest.fixture(scope="session")
def client() -> ModuleType:
    """The generated client of that contract."""
    return load(ROOT / "sample_models/linear/contract").client


@pytest.fixture(scope="module")
def served(graph: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server with its defaults."""
    with serving(CONTRACT, graph, folder=tmp_path_factory.mktemp("served")) as served:
        yield served
