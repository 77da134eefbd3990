"""Graphs whose declarations say more, or less, than ONNX Runtime takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from contractgen.infer.api import InferOptions, infer
from contractgen.load import load_model


def declarations(path: Path, nodes: list[Any], shapes: dict[str, list[Any]], outputs: list[str]) -> list[str]:
    """What is told of a graph with these inputs, all float32, and a table of 5 rows and 2 columns."""
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    table = numpy_helper.from_array(np.ones((5, 2), np.float32), "w")
    graph = helper.make_graph(nodes, "g", inputs, results, initializer=[table])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    inference = infer(load_model(path), InferOptions("g"), lambda _stage, _detail: None)
    told = [each.detail for each in inference.contract.evidence if each.property == "declaration"]
    assert [warning for warning in inference.warnings if warning.startswith("the graph declares")] == told
    return told


@pytest.mark.parametrize("size", ["features", None])
def test_a_free_size_that_runs_at_one_number_is_told(tmp_path: Path, size: str | None) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    name = "the free size `features`" if size else "a free size"
    assert declarations(tmp_path / "g.onnx", nodes, {"x": ["batch", size]}, ["y"]) == [
        f"the graph declares {name} for x, axis 1, and runs at 5 alone"
    ]


def test_one_name_for_sizes_that_may_differ_is_told(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["a", "w"], ["y"]), helper.make_node("MatMul", ["b", "w"], ["z"])]
    assert declarations(tmp_path / "g.onnx", nodes, {"a": ["n", 5], "b": ["n", 5]}, ["y", "z"]) == [
        "the graph declares one size `n` for a, axis 0 and b, axis 0, and runs where they differ"
    ]


def test_a_declaration_that_is_true_is_not_worth_a_word(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["a", "b"], ["s"]), helper.make_node("MatMul", ["s", "w"], ["y"])]
    assert declarations(tmp_path / "g.onnx", nodes, {"a": ["n", 5], "b": ["n", 5]}, ["y"]) == []
