"""What runs the model: the same numbers in each runtime, and models that do not fit are found before anyone is served."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from benchmarks.fuzz.contracts import LISTS, SCALARS
from contractgen.contract import model
from contractgen.contract.codec import load_contract
from contractgen.contract.model import Contract, Dim, Output, Parameter, Tensor
from contractgen.errors import LoadError, UsageError
from contractgen.generate.render import render
from contractgen.serve.prepare import check_fits, in_child, prepare
from contractgen.serve.process import application
from contractgen.serve.settings import Prepared, Settings
from tests.generate.modules import module_of
from tests.generated import load
from tests.serve.command import ROOT
from tests.serve.conftest import CONTRACT
from tests.serve.live import running

LINEAR = load_contract(CONTRACT)
SAMPLES = {"linear": "MyModel", "multimodal": "Matcher"}


def inputs(sample: str) -> Any:
    random = np.random.default_rng(7)
    if sample == "linear":
        return random.random((3, 20), np.float32)
    return {"image": random.random((3, 3, 8, 9), np.float32), "text": random.integers(0, 999, (3, 5))}


def as_tensors(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_tensors(item) for key, item in value.items()}
    return torch.from_numpy(value)


@pytest.mark.parametrize("runtime", ["eager", "torchscript", "onnx"])
@pytest.mark.parametrize("sample", SAMPLES)
def test_each_runtime_gives_the_models_own_numbers(sample: str, runtime: Any, tmp_path: Path) -> None:
    folder = ROOT / "sample_models" / sample
    namespace: dict[str, Any] = {"__name__": sample}
    exec((folder / "model.py").read_text(), namespace)
    module = namespace[SAMPLES[sample]](20) if sample == "linear" else namespace[SAMPLES[sample]]()
    torch.save(module.state_dict(), tmp_path / "model.pth")
    settings = Settings(
        contract=load_contract(folder / "contract/contract.json"), artifact=tmp_path / "model.pth",
        factory=f"{folder}/model.py:{SAMPLES[sample]}", runtime=runtime, threads=2,
    )  # fmt: skip
    prepared = in_child(partial(prepare, settings, tmp_path, None))
    client = load(folder / "contract").client
    given = inputs(sample)
    with running(application(prepared)) as site:
        reply = site.send(client.serialize(given))
        found = client.deserialize(reply.body, reply.headers)
    with torch.no_grad():
        wanted = module.eval()(as_tensors(given)).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


KEEPING = """
import time
import torch


class Keeps(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(20, 1))

    def forward(self, x):
        self.kept = x
        time.sleep(0.005)
        return self.kept @ self.weight
"""


def test_what_a_model_keeps_during_a_call_is_not_seen_by_another(tmp_path: Path) -> None:
    (tmp_path / "keeps.py").write_text(KEEPING)
    torch.save(OrderedDict(weight=torch.ones(20, 1)), tmp_path / "keeps.pth")
    settings = Settings(
        contract=LINEAR,
        artifact=tmp_path / "keeps.pth",
        factory=f"{tmp_path}/keeps.py:Keeps",
        runtime="eager",
        threads=4,
    )
    client = load(CONTRACT.parent).client

    def ask(number: int) -> bool:
        reply = site.send(client.serialize(np.full((1, 20), number, np.float32)))
        return bool(client.deserialize(reply.body, reply.headers) == 20 * number)

    with running(application(prepare(settings, tmp_path, None))) as site, ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(40)))


def test_bfloat16_passes_through_onnx_runtime(tmp_path: Path) -> None:
    x = Tensor("x", "bfloat16", ("batch", 2))
    contract = Contract("bits", (Parameter("x", x),), (Output("y", replace(x, wire_name="y")),), {"batch": Dim()})
    shape = ["batch", 2]
    nodes = [
        helper.make_node("Cast", ["x"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["wide", "wide"], ["twice"]),
        helper.make_node("Cast", ["twice"], ["y"], to=TensorProto.BFLOAT16),
    ]
    graph = helper.make_graph(
        nodes, "bits", [helper.make_tensor_value_info("x", TensorProto.BFLOAT16, shape)],
        [helper.make_tensor_value_info("y", TensorProto.BFLOAT16, shape)],
    )  # fmt: skip
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10),
        str(tmp_path / "bits.onnx"),
    )
    client = module_of(render(contract)["client.py"], "client_of_bits")
    with running(
        application(Prepared(Settings(contract=contract, artifact=tmp_path / "bits.onnx"), None, None))
    ) as site:
        reply = site.send(client.serialize(client.to_bfloat16(np.array([[1.5, -2.0]]))))
        found = client.from_bfloat16(client.deserialize(reply.body, reply.headers))
    assert found.tolist() == [[3.0, -4.0]]


class TestAModelThatDoesNotFit:
    def test_is_found_by_a_request_of_ours(self, graph: Path) -> None:
        wide = replace(LINEAR, inputs=(Parameter("x", Tensor("x", "float32", ("batch", 21))),))
        from contractgen.serve.prepare import example_request

        settings = Settings(contract=wide, artifact=graph)
        with pytest.raises(LoadError, match="does not answer a request within its contract"):
            application(Prepared(settings, None, example_request(wide)))

    @pytest.mark.parametrize(
        ("dtype", "shape", "told"),
        [
            ("float64", ("batch", 1), "result 'output' is float32, its contract says float64"),
            ("float32", ("batch",), r"output is float32\[\d, 1\], not"),
            ("float32", ("batch", 2), r"output is float32\[\d, 1\], not"),
        ],
    )
    def test_is_found_by_what_it_returns(self, graph: Path, dtype: Any, shape: Any, told: str) -> None:
        from contractgen.serve.prepare import example_request

        other = replace(LINEAR, outputs=(Output("output", Tensor("output", dtype, shape)),))
        with pytest.raises(LoadError, match=told):
            application(Prepared(Settings(contract=other, artifact=graph), None, example_request(other)))

    def test_is_found_by_the_names_of_its_inputs(self, graph: Path) -> None:
        other = replace(LINEAR, inputs=(Parameter("z", Tensor("z", "float32", ("batch", 20))),))
        with pytest.raises(LoadError, match="takes x; the contract says z"):
            application(Prepared(Settings(contract=other, artifact=graph), None, None))

    @pytest.mark.parametrize("runtime", ["onnx", "torchscript"])
    def test_is_refused_where_requests_differ_in_their_tensors(self, runtime: str) -> None:
        optional = replace(
            LINEAR, inputs=(*LINEAR.inputs, Parameter("mask", Tensor("mask", "bool", ("batch",)), required=False))
        )
        for contract in (optional, LISTS):
            with pytest.raises(UsageError, match="may be absent or of any length"):
                check_fits(runtime, contract)
            check_fits("eager", contract)
        check_fits(runtime, SCALARS)
        fixed = replace(LINEAR, inputs=(Parameter("x", model.List(Tensor("x.*", "float32", ("batch", 20)), 2)),))
        check_fits(runtime, fixed)

    def test_and_cannot_be_loaded_is_an_error_from_the_child(self, tmp_path: Path) -> None:
        settings = Settings(contract=LINEAR, artifact=tmp_path / "none.pth")
        with pytest.raises(UsageError) as failure:
            in_child(partial(prepare, settings, tmp_path, None))
        assert "none.pth" in failure.value.message
