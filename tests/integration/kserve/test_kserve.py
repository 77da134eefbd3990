"""The generated `Model` in the real KServe, asked by KServe's own client, tritonclient and plain HTTP."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from tritonclient import http
from tritonclient.utils import InferenceServerException

from tests.integration.samples import FAILURES, Deployed, good, protocol_json, wire
from tests.integration.servers import ask, free_port, running

LOOPBACK = """
import runpy, sys
import uvicorn
plain = uvicorn.Config.__init__
def on_loopback(self, *args, **named):  # KServe has no option for the host
    plain(self, *args, **{**named, "host": "127.0.0.1"})
uvicorn.Config.__init__ = on_loopback
sys.argv = sys.argv[1:]
sys.path.insert(0, ".")
runpy.run_path(sys.argv[0], run_name="__main__")
"""
JSON = {"Content-Type": "application/json"}
Served = tuple[Deployed, int]


@pytest.fixture(scope="module", params=["linear", "multimodal"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """A sample behind the server that the generated file starts."""
    deployed: Deployed = request.getfixturevalue(request.param)
    folder = deployed.render("kserve")
    port = free_port()
    command = [
        sys.executable, "-c", LOOPBACK, "kserve_model.py", "--model_name", deployed.name, "--model_dir", str(deployed.root),
        "--http_port", str(port), "--enable_grpc", "false",
    ]  # fmt: skip
    environment = {"PYTHONPATH": str(deployed.root)}
    with running(command, port, f"/v2/models/{deployed.name}/ready", folder, environment):
        yield deployed, port


def inputs_of(kind: Any, tensors: dict[str, Any], binary: bool) -> list[Any]:
    entries = []
    for name, array in tensors.items():
        datatype = {"float32": "FP32", "int64": "INT64", "float64": "FP64"}[array.dtype.name]
        entries.append(kind(name, list(array.shape), datatype))
        entries[-1].set_data_from_numpy(array, binary_data=binary)
    return entries


@pytest.mark.parametrize("binary", [False, True])
def test_tritonclient_gets_what_the_model_says(served: Served, binary: bool) -> None:
    deployed, port = served
    value = good(deployed.name)
    with http.InferenceServerClient(f"127.0.0.1:{port}", network_timeout=60) as client:
        inputs = inputs_of(http.InferInput, wire(deployed.name, value), binary)
        wanted = [http.InferRequestedOutput("output", binary_data=binary)]
        result = client.infer(deployed.name, inputs, outputs=wanted, headers={} if binary else JSON)
        metadata = client.get_model_metadata(deployed.name)
    np.testing.assert_allclose(result.as_numpy("output"), deployed.expected(value), rtol=1e-5, atol=1e-6)
    shapes = {one["name"]: one["shape"] for one in metadata["inputs"]}
    expected = {"linear": {"x": [-1, 20]}, "multimodal": {"batch.image": [-1, 3, -1, -1], "batch.text": [-1, -1]}}
    assert shapes == expected[deployed.name]


def test_the_client_of_kserve_gets_what_the_model_says(served: Served) -> None:
    deployed, port = served
    value = good(deployed.name)
    request = InferRequest(deployed.name, inputs_of(InferInput, wire(deployed.name, value), binary=False))

    async def infer() -> Any:
        client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0, timeout=60))
        try:
            return await client.infer(f"http://127.0.0.1:{port}", request, model_name=deployed.name, headers=dict(JSON))
        finally:
            await client.close()

    result = asyncio.run(infer()).outputs[0].as_numpy()
    np.testing.assert_allclose(result, deployed.expected(value), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("served", ["linear"], indirect=True)
def test_the_first_version_of_the_protocol_is_answered_too(served: Served) -> None:
    deployed, port = served
    value = good("linear")
    path = "/v1/models/linear:predict"
    answer = ask(port, "POST", path, json.dumps({"instances": value.tolist()}).encode(), JSON)
    assert answer.status == 200, answer
    np.testing.assert_allclose(json.loads(answer.body)["predictions"], deployed.expected(value), rtol=1e-5, atol=1e-6)
    answer = ask(port, "POST", path, json.dumps({"instances": [[0.5]]}).encode(), JSON)
    assert answer.status == 400
    assert {one["code"] for one in violations(answer.body)} == {"shape"}


def violations(body: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(json.loads(body)["error"])["violations"]
    return found


CASES = [pytest.param(name, value, code, id=failure) for failure, (name, value, code) in FAILURES.items()]


@pytest.mark.parametrize(("served", "value", "code"), CASES, indirect=["served"])
def test_a_violation_is_a_400_with_the_violations(served: Served, value: Any, code: str) -> None:
    deployed, port = served
    body = protocol_json(wire(deployed.name, value))
    answer = ask(port, "POST", f"/v2/models/{deployed.name}/infer", body, JSON)
    assert answer.status == 400, answer
    assert code in {one["code"] for one in violations(answer.body)}
    assert b"Traceback" not in answer.body
    with (
        http.InferenceServerClient(f"127.0.0.1:{port}", network_timeout=60) as client,
        pytest.raises(InferenceServerException) as refusal,
    ):
        client.infer(deployed.name, inputs_of(http.InferInput, wire(deployed.name, value), binary=True))
    assert code in {one["code"] for one in json.loads(refusal.value.message())["violations"]}


@pytest.mark.parametrize("served", ["linear"], indirect=True)
def test_a_number_that_would_be_cast_is_refused(served: Served) -> None:
    entry = {"name": "x", "shape": [1, 20], "datatype": "FP32", "data": [16777217] * 20}
    answer = ask(served[1], "POST", "/v2/models/linear/infer", json.dumps({"inputs": [entry]}).encode(), JSON)
    assert answer.status == 400
    assert {one["code"] for one in violations(answer.body)} == {"value"}


def test_the_log_shows_no_failure_of_the_model(served: Served) -> None:
    log = Path(served[0].contract / "server.log").read_text()
    assert "RuntimeError" not in log
