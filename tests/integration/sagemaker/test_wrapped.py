"""The user's own `inference.py` with the contract before its model."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.integration.sagemaker.toolkit import Toolkit, toolkit
from tests.integration.samples import Deployed, good

MODEL = """
import io, json, os, sys
import numpy as np
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(20, 1)
    def forward(self, x):
        return self.linear(x)

def model_fn(model_dir):
    model = Net()
    model.load_state_dict(torch.load(os.path.join(model_dir, "model.pth"), weights_only=True))
    return model.eval()
"""
FORMATS = """
def input_fn(body, content_type, context):
    assert context is not None
    if content_type == "application/json":
        assert isinstance(body, str)
        return torch.tensor(json.loads(body)["rows"])
    return torch.from_numpy(np.load(io.BytesIO(body)))

def output_fn(prediction, accept):
    return json.dumps({"scores": prediction.tolist()}), "application/json"
"""
PREDICT = """
def predict_fn(data, model):
    with torch.no_grad():
        return model(data) + 1000
"""
WHOLE = """
def transform_fn(model, body, content_type, accept):
    with torch.no_grad():
        return json.dumps(model(torch.tensor(json.loads(body))).tolist()), "application/json"
"""
CONTAINER = MODEL.replace("return model.eval()", 'return {"model": model.eval(), "labels": ["a"]}')
WITH_LABELS = """
def predict_fn(data, loaded):
    with torch.no_grad():
        return loaded["model"](data)
"""

Wrap = Callable[..., Toolkit]


@pytest.fixture
def wrap(linear: Deployed, tmp_path: Path) -> Iterator[Wrap]:
    """Deploys an inference.py of the user's, wrapped."""
    opened = []

    def make(text: str, name: str = "my_inference.py") -> Toolkit:
        theirs = tmp_path / name
        theirs.write_text(text)
        out = f"wrapped-{tmp_path.name}"
        folder = linear.render("sagemaker", out=out, entry_point=theirs)
        program = "checked_inference.py" if name == "inference.py" else "inference.py"
        assert (folder / program).is_file()
        context = toolkit(linear.unpacked(folder), program)
        opened.append(context)
        return context.__enter__()

    yield make
    for context in opened:
        context.__exit__(None, None, None)


def codes(answer: bytes) -> set[str]:
    return {one["code"] for one in json.loads(answer)["violations"]}


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("name", ["my_inference.py", "inference.py"])
def test_its_own_formats_still_work_and_what_reaches_the_model_is_checked(
    linear: Deployed, wrap: Wrap, name: str
) -> None:
    service = wrap(MODEL + FORMATS + PREDICT, name)
    value = good("linear")
    status, body, kind = service(json.dumps({"rows": value.tolist()}).encode(), JSON)
    assert (status, kind) == (200, "application/json")
    np.testing.assert_allclose(json.loads(body)["scores"], linear.expected(value) + 1000, rtol=1e-5, atol=1e-6)
    status, body, kind = service(json.dumps({"rows": [[0.5] * 10]}).encode(), JSON)
    assert (status, kind, codes(body)) == (400, "application/json", {"shape"})
    stream = io.BytesIO()
    np.save(stream, np.zeros((1, 20), np.int64))
    status, body, _ = service(stream.getvalue(), {"Content-Type": "application/x-npy"})
    assert (status, codes(body)) == (400, {"dtype"})


def test_a_request_of_the_generated_client_goes_around_its_formats(linear: Deployed, wrap: Wrap) -> None:
    service = wrap(MODEL + FORMATS + PREDICT)
    value = good("linear")
    request = linear.client.serialize(value, content_type=linear.client.SAGEMAKER_BINARY)
    status, body, kind = service(request.body, request.headers)
    assert status == 200, body
    result = linear.client.deserialize(body, {"Content-Type": kind})
    np.testing.assert_allclose(result, linear.expected(value) + 1000, rtol=1e-5, atol=1e-6)
    status, body, _ = service(request.body[:-4], request.headers)
    assert (status, codes(body)) == (400, {"malformed"})


def test_without_an_input_fn_the_validator_decodes(linear: Deployed, wrap: Wrap) -> None:
    service = wrap(MODEL)
    value = good("linear")
    status, body, _ = service(json.dumps(value.tolist()).encode(), JSON)
    assert status == 200, body
    np.testing.assert_allclose(json.loads(body), linear.expected(value), rtol=1e-5, atol=1e-6)
    status, body, _ = service(b"[[1, 2]]", JSON)
    assert (status, codes(body)) == (400, {"shape"})


def test_a_transform_fn_is_wrapped_as_a_whole(linear: Deployed, wrap: Wrap) -> None:
    service = wrap(MODEL + WHOLE)
    value = good("linear")
    status, body, _ = service(json.dumps(value.tolist()).encode(), JSON)
    assert status == 200, body
    np.testing.assert_allclose(json.loads(body), linear.expected(value), rtol=1e-5, atol=1e-6)
    status, body, _ = service(b"[[0.5, 1.5]]", JSON)
    assert (status, codes(body)) == (400, {"shape"})


def test_a_model_in_a_container_is_found(linear: Deployed, wrap: Wrap) -> None:
    service = wrap(CONTAINER + FORMATS + WITH_LABELS)
    assert service(json.dumps({"rows": good("linear").tolist()}).encode(), JSON)[0] == 200
    status, body, _ = service(json.dumps({"rows": [[0.5]]}).encode(), JSON)
    assert (status, codes(body)) == (400, {"shape"})
