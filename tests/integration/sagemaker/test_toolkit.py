"""The generated `inference.py` in the handler service that SageMaker's PyTorch containers run."""

from __future__ import annotations

import json
import os
import pickle
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration.sagemaker.toolkit import Toolkit, toolkit
from tests.integration.samples import FAILURES, Deployed, binary, good, protocol_json, wire

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "form", ["application/vnd.sagemaker-triton.binary+json", "application/x-npz", "application/json"]
)
def test_a_valid_request_is_answered_with_what_the_model_says(sample: Deployed, service: Toolkit, form: str) -> None:
    value = good(sample.name)
    request = sample.client.serialize(value, content_type=form)
    status, body, content_type = service(request.body, request.headers)
    assert status == 200, body
    result = sample.client.deserialize(body, {"Content-Type": content_type})
    np.testing.assert_allclose(result, sample.expected(value), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("form", ["binary", "json"])
def test_a_violation_is_a_400_with_json_and_no_traceback(
    request: pytest.FixtureRequest, failure: str, form: str
) -> None:
    name, value, code = FAILURES[failure]
    deployed: Deployed = request.getfixturevalue(name)
    body, content_type = (
        binary(wire(name, value)) if form == "binary" else (protocol_json(wire(name, value)), "application/json")
    )
    with toolkit(deployed.unpacked(deployed.render("sagemaker"))) as service:
        status, answer, answer_type = service(body, {"Content-Type": content_type, "Accept": "application/json"})
    assert status == 400
    assert answer_type == "application/json"
    assert code in {one["code"] for one in json.loads(answer)["violations"]}
    assert b"Traceback" not in answer


MARKER = Path(tempfile.gettempdir(), f"contractgen-was-unpickled-{os.getpid()}")


class Rogue:
    """What a hostile client sends: unpickling it runs code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (MARKER,)


HOSTILE = {
    "no body": (None, JSON, 400),
    "an empty body": (b"", JSON, 400),
    "no UTF-8": (b"\xff\xfe[1]", JSON, 400),
    "broken JSON": (b"[[1, 2", JSON, 400),
    "deep JSON": (b"[" * 100_000, JSON, 400),
    "a pickle": (pickle.dumps(Rogue()), {"Content-Type": "application/x-npy"}, 400),
    "CSV": (b"1,2,3", {"Content-Type": "text/csv"}, 415),
    "an unknown type": (b"1", {"Content-Type": "image/png"}, 415),
    "no content type": (b"\x00\x01", {}, 400),
}


@pytest.mark.parametrize(("body", "headers", "wanted"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_refused_and_nothing_of_it_runs(
    sample: Deployed, service: Toolkit, body: bytes | None, headers: dict[str, str], wanted: int
) -> None:
    MARKER.unlink(missing_ok=True)
    status, answer, _ = service(body, headers)
    assert status == wanted, answer
    assert json.loads(answer)["violations"]
    assert not MARKER.exists()


def test_an_error_of_the_model_shows_the_client_nothing_of_its_code(linear: Deployed, monkeypatch: Any) -> None:
    request = linear.client.serialize(good("linear"))
    with toolkit(linear.unpacked(linear.render("sagemaker"))) as service:
        model = service.service._service._model
        monkeypatch.setattr(model, "forward", lambda x: 1 / 0)
        status, answer, _ = service(request.body, request.headers)
    assert status == 500
    assert json.loads(answer) == {"error": "internal error", "violations": []}


def test_batches_of_the_toolkit_are_refused_when_the_model_is_loaded(linear: Deployed, monkeypatch: Any) -> None:
    monkeypatch.setenv("SAGEMAKER_TS_BATCH_SIZE", "4")
    with (
        pytest.raises(RuntimeError, match="SAGEMAKER_TS_BATCH_SIZE"),
        toolkit(linear.unpacked(linear.render("sagemaker"))),
    ):
        raise AssertionError("it was loaded")


def test_a_checkpoint_of_a_training_script_is_found_and_unwrapped(linear: Deployed, tmp_path: Path) -> None:
    import torch

    state = torch.load(linear.artifact, weights_only=True)
    nested = {
        "epoch": 3,
        "optimizer": {},
        "state_dict": {f"module._orig_mod.{key}": item for key, item in state.items()},
    }
    torch.save(nested, tmp_path / "last.ckpt")
    folder = linear.render("sagemaker", out="nested", artifact=tmp_path / "last.ckpt")
    value = good("linear")
    request = linear.client.serialize(value)
    with toolkit(linear.unpacked(folder)) as service:
        status, body, content_type = service(request.body, request.headers)
    assert status == 200, body
    np.testing.assert_allclose(
        linear.client.deserialize(body, {"Content-Type": content_type, **length(service)}),
        linear.expected(value),
        rtol=1e-6,
    )


def length(service: Toolkit) -> dict[str, str]:
    """The header that says where the JSON of a binary answer ends."""
    return {k: v for k, v in service.context.get_response_headers(0).items() if k != "content-type"}


@pytest.mark.parametrize("kind", ["torchscript", "pt2", "onnx"])
def test_a_traced_model_is_served_without_its_class(linear: Deployed, tmp_path: Path, kind: str) -> None:
    value = good("linear")
    artifact = traced(linear, tmp_path, kind)
    folder = linear.render("sagemaker", out=kind, artifact=artifact, factory=None)
    assert (folder / "requirements.txt").exists() == (kind == "onnx")
    request = linear.client.serialize(value, content_type="application/json")
    with toolkit(linear.unpacked(folder)) as service:
        status, body, content_type = service(request.body, request.headers)
    assert status == 200, body
    result = linear.client.deserialize(body, {"Content-Type": content_type})
    np.testing.assert_allclose(result, linear.expected(value), rtol=1e-5, atol=1e-6)


def traced(linear: Deployed, folder: Path, kind: str) -> Path:
    """The linear model as a file that holds its code too."""
    import torch

    model = torch.nn.Linear(20, 1)
    state = torch.load(linear.artifact, weights_only=True)
    model.load_state_dict({key.removeprefix("linear."): item for key, item in state.items()})
    example = (torch.zeros(3, 20),)
    batch = {"input": {0: torch.export.Dim("batch")}}
    if kind == "torchscript":
        torch.jit.trace(model, example).save(str(folder / "model.pt"))
        return folder / "model.pt"
    if kind == "pt2":
        torch.export.save(torch.export.export(model, example, dynamic_shapes=batch), folder / "model.pt2")
        return folder / "model.pt2"
    names = {"input_names": ["x"], "output_names": ["output"], "dynamic_shapes": batch}
    torch.onnx.export(model, example, folder / "model.onnx", dynamo=True, external_data=False, **names)
    return folder / "model.onnx"
