"""The two models that are served, each as an ONNX file with its contract, and requests whose answers are known."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from benchmarks.serve.load import Shot
from contractgen.contract.canonical import seal
from contractgen.contract.codec import dumps
from contractgen.contract.model import Contract, Dim, Evidence, Output, Parameter, Tensor, Values
from contractgen.generate.render import render
from contractgen.generate.sources import load_source


@dataclass(frozen=True)
class Subject:
    """A model."""

    name: str
    shape: tuple[int, ...]
    folder: Path
    client: ModuleType
    predict: Callable[[Any], Any]

    @property
    def model(self) -> Path:
        return self.folder / "model.onnx"

    @property
    def contract(self) -> Path:
        return self.folder / "contract.json"

    def inputs(self, count: int) -> list[Any]:
        """Different inputs."""
        random = np.random.default_rng(5)
        return [random.standard_normal(self.shape, np.float32) for _ in range(count)]


def subject(name: str, folder: Path) -> Subject:
    """Write a subject's files."""
    shape, nodes, weights = {"linear": _linear, "image": _image}[name]()
    folder.mkdir(parents=True, exist_ok=True)
    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *shape[1:]])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 1 if name == "linear" else 1000])],
        [onnx.numpy_helper.from_array(array, key) for key, array in weights.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, str(folder / "model.onnx"))
    contract = seal(
        Contract(
            name,
            (Parameter("x", Tensor("x", "float32", ("batch", *shape[1:]), Values(finite=True))),),
            (Output("output", Tensor("output", "float32", ("batch", 1 if name == "linear" else 1000))),),
            {"batch": Dim(role="batch")},
            evidence=(Evidence("dim:batch", "role", "probed", "each row is computed alone"),),
        )
    )
    (folder / "contract.json").write_text(dumps(contract))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    client = load_source(render(contract)["client.py"], f"client_of_{name}")
    return Subject(name, shape, folder, client, lambda x: session.run(None, {"x": x})[0])


def _linear() -> tuple[tuple[int, ...], list[Any], dict[str, Any]]:
    """Linear(20, 1)."""
    weights = {"W": np.linspace(-1, 1, 20, dtype=np.float32)[:, None], "b": np.ones(1, np.float32)}
    return (1, 20), [helper.make_node("Gemm", ["x", "W", "b"], ["output"])], weights


def _image() -> tuple[tuple[int, ...], list[Any], dict[str, Any]]:
    """A small convolutional classifier of 224 x 224 pictures."""
    random = np.random.default_rng(3)
    sizes = {"W1": (16, 3, 7, 7), "W2": (32, 16, 3, 3), "W3": (64, 32, 3, 3), "W4": (64, 1000)}
    weights = {name: (random.standard_normal(size) * 0.05).astype(np.float32) for name, size in sizes.items()}
    nodes = [
        helper.make_node("Conv", ["x", "W1"], ["c1"], strides=[4, 4], pads=[3, 3, 3, 3]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "W2"], ["c2"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("Conv", ["r2", "W3"], ["c3"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c3"], ["r3"]),
        helper.make_node("GlobalAveragePool", ["r3"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "W4"], ["output"]),
    ]
    return (8, 3, 224, 224), nodes, weights


def valid_shots(
    of: Subject, path: str, encode: Callable[[Any], tuple[bytes, dict[str, str]]], count: int
) -> list[Shot]:
    """Valid requests in a server's format, and the numbers that have to come back."""
    shots = []
    for x in of.inputs(count):
        body, headers = encode(x)
        shots.append(Shot(path, headers, body, 200, tuple(float(number) for number in of.predict(x).ravel())))
    return shots


def invalid_shots(of: Subject, path: str) -> list[Shot]:
    """One request for each way to break the contract, each of which has to be answered with a status of its own."""
    x = of.inputs(1)[0]
    named = {"x": x}
    bad: list[tuple[bytes, dict[str, str], int]] = [
        (*_npy(x[:, :-1]), 400), (*_npy(x.astype(np.float64)), 400), (*_npy(x[0]), 400),
        (*_npy(np.full_like(x, np.nan)), 400), (*_npy(x.astype(np.int64)), 400),
        (*_npz({"y": x}), 400), (*_npz({**named, "y": x}), 400),
        (b"{", {"Content-Type": "application/json"}, 400), (b"[]", {"Content-Type": "application/json"}, 400),
        (of.client.serialize(x).body[:-1], of.client.serialize(x).headers, 400),
        (b"x", {"Content-Type": "text/html"}, 415),
    ]  # fmt: skip
    return [Shot(path, headers, body, status) for body, headers, status in bad]


def _npy(x: Any) -> tuple[bytes, dict[str, str]]:
    stream = io.BytesIO()
    np.save(stream, x)
    return stream.getvalue(), {"Content-Type": "application/x-npy"}


def _npz(arrays: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue(), {"Content-Type": "application/x-npz"}


npy = _npy
