"""Artifacts keep the contract's names, dims and fingerprint."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from contractgen.contract.canonical import seal
from contractgen.contract.model import Contract, Dim, Output, Parameter, Tensor
from contractgen.generate.render import render
from contractgen.load import load_model
from contractgen.verify import verify
from contractgen.verify.runtimes import NotAvailable, save_artifact
from tests.verify.subjects import HALF, LINEAR, MULTIMODAL, ORDERED, TEXT, UNET, Loaded, Subject


def dims_of(values: list[onnx.ValueInfoProto]) -> dict[str, list[int | str]]:
    return {v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}


@pytest.mark.slow
def test_an_onnx_file_has_the_contracts_names_dims_and_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    save_artifact("onnx", UNET.loaded(), UNET.contract, path)  # type: ignore[arg-type]
    model = onnx.load(path)
    assert dims_of(list(model.graph.input)) == {"x": ["batch", 3, "height", "width"]}
    assert dims_of(list(model.graph.output)) == {"output": ["batch", 1, "height", "width"]}
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata["contractgen.fingerprint"] == UNET.contract.fingerprint
    assert json.loads(metadata["contractgen.dims"])["height"] == {"min": 2, "max": None, "multiple_of": 2}
    session = onnxruntime.InferenceSession(path)
    assert session.run(None, {"x": np.zeros((1, 3, 2, 6), np.float32)})[0].shape == (1, 1, 2, 6)
    with pytest.raises(Exception, match="INVALID_ARGUMENT"):
        session.run(None, {"x": np.zeros((1, 4, 2, 6), np.float32)})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.onnx"]


@pytest.mark.slow
def test_outputs_of_a_dict_keep_their_wire_names(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    save_artifact("onnx", MULTIMODAL.loaded(), MULTIMODAL.contract, path)  # type: ignore[arg-type]
    model = onnx.load(path)
    assert dims_of(list(model.graph.input)) == {"batch.image": ["n"], "batch.text": ["n"]}
    assert dims_of(list(model.graph.output)) == {"score": ["n"], "joint": ["n", 8]}


@pytest.mark.slow
def test_an_exported_program_holds_the_contracts_range(tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    save_artifact("pt2", TEXT.loaded(), TEXT.contract, path)  # type: ignore[arg-type]
    extra = {"contractgen.fingerprint": ""}
    program = torch.export.load(path, extra_files=extra)
    assert extra["contractgen.fingerprint"] == TEXT.contract.fingerprint
    ranges = {(int(r.lower), int(r.upper) if r.upper.is_Integer else None) for r in program.range_constraints.values()}
    assert (1, 12) in ranges


@pytest.mark.slow
def test_an_exported_program_takes_the_least_multiple_of_each_size(tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    save_artifact("pt2", UNET.loaded(), UNET.contract, path)  # type: ignore[arg-type]
    program = torch.export.load(path).module()
    for height, width in ((2, 2), (2, 6), (8, 2)):
        assert program(torch.zeros(1, 3, height, width)).shape == (1, 1, height, width)


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.layer = kind(3, 4, batch_first=True, bidirectional=True, num_layers=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0].mean(1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_an_exported_recurrent_layer_takes_any_length(kind: type[nn.RNNBase], tmp_path: Path) -> None:
    contract = seal(Contract(
        "recurrent", (Parameter("x", Tensor("x", "float32", ("batch", "time", 3))),),
        (Output("output", Tensor("output", "float32", ("batch", 8))),), {"batch": Dim(), "time": Dim()},
    ))  # fmt: skip
    module = Recurrent(kind).eval()
    save_artifact("pt2", Loaded(module), contract, tmp_path / "model.pt2")  # type: ignore[arg-type]
    program = torch.export.load(tmp_path / "model.pt2").module()
    for batch, time in ((1, 1), (3, 1), (1, 20), (9, 7)):
        x = torch.linspace(-1, 1, batch * time * 3).reshape(batch, time, 3)
        torch.testing.assert_close(program(x), module(x))


def test_a_torchscript_archive_runs_without_our_code(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    save_artifact("torchscript", HALF.loaded(), HALF.contract, path)  # type: ignore[arg-type]
    module = torch.jit.load(str(path))
    result = module(torch.zeros(2, 6, dtype=torch.bfloat16), torch.zeros(3, dtype=torch.complex64))
    assert [tuple(part.shape) for part in result] == [(2, 2), (3,)]


def test_what_cannot_be_written_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotAvailable, match=r"cannot be written as pt2: torch\.export: "):
        save_artifact("pt2", ORDERED.loaded(), ORDERED.contract, tmp_path / "model.pt2")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("subject", [LINEAR, UNET, MULTIMODAL], ids=lambda subject: subject.contract.name)
def test_an_exported_graph_keeps_the_contract_of_the_model_that_it_is_of(subject: Subject, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    save_artifact("onnx", subject.loaded(), subject.contract, path)  # type: ignore[arg-type]
    contract, loaded = subject.contract, load_model(path)
    sources = render(contract)
    result = verify(
        contract, loaded, client_source=sources["client.py"], validator_source=sources["validator.py"],
        max_cases=5, budget=2.0,
    )  # fmt: skip
    kinds = {(finding.kind, finding.message) for finding in result.findings if finding.severity == "error"}
    assert kinds == set()
    assert [runtime.name for runtime in result.runtimes if runtime.available] == ["onnx"]
