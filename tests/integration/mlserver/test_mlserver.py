"""The generated runtime in the real MLServer."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tritonclient import http
from tritonclient.utils import InferenceServerException

from tests.integration.samples import FAILURES, Deployed, good, protocol_json, wire
from tests.integration.servers import ask, free_port, running

JSON = {"Content-Type": "application/json"}
Served = tuple[Deployed, int]


@pytest.fixture(scope="module", params=["linear", "multimodal"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A sample behind `mlserver start`."""
    deployed: Deployed = request.getfixturevalue(request.param)
    folder = deployed.render("mlserver")
    port = free_port()
    server = {
        "host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "metrics_endpoint": None, "parallel_workers": 0,
        "environments_dir": str(tmp_path_factory.mktemp("environments")),
    }  # fmt: skip
    model = {
        "name": deployed.name,
        "implementation": "mlserver_runtime.Runtime",
        "parameters": {"uri": str(deployed.root)},
    }
    (folder / "settings.json").write_text(json.dumps(server))
    (folder / "model-settings.json").write_text(json.dumps(model))
    environment = {"PYTHONPATH": f"{folder}:{deployed.root}"}
    command = [str(Path(sys.executable).parent / "mlserver"), "start", "."]
    with running(command, port, f"/v2/models/{deployed.name}/ready", folder, environment):
        yield deployed, port


def inputs_of(tensors: dict[str, Any]) -> list[Any]:
    entries = []
    for name, array in tensors.items():
        datatype = {"float32": "FP32", "int64": "INT64", "float64": "FP64"}[array.dtype.name]
        entries.append(http.InferInput(name, array.shape, datatype))
        entries[-1].set_data_from_numpy(array, binary_data=False)
    return entries


def test_tritonclient_gets_what_the_model_says(served: Served) -> None:
    deployed, port = served
    value = good(deployed.name)
    with http.InferenceServerClient(f"127.0.0.1:{port}", network_timeout=60) as client:
        wanted = [http.InferRequestedOutput("output", binary_data=False)]
        result = client.infer(deployed.name, inputs_of(wire(deployed.name, value)), outputs=wanted, headers=JSON)
        metadata = client.get_model_metadata(deployed.name)
    np.testing.assert_allclose(result.as_numpy("output"), deployed.expected(value), rtol=1e-5, atol=1e-6)
    shapes = {one["name"]: one["shape"] for one in metadata["inputs"]}
    expected = {"linear": {"x": [-1, 20]}, "multimodal": {"batch.image": [-1, 3, -1, -1], "batch.text": [-1, -1]}}
    assert shapes == expected[deployed.name]


CASES = [pytest.param(name, value, code, id=failure) for failure, (name, value, code) in FAILURES.items()]


@pytest.mark.parametrize(("served", "value", "code"), CASES, indirect=["served"])
def test_a_violation_is_a_400_with_the_violations(served: Served, value: Any, code: str) -> None:
    deployed, port = served
    answer = ask(port, "POST", f"/v2/models/{deployed.name}/infer", protocol_json(wire(deployed.name, value)), JSON)
    assert answer.status == 400, answer
    assert code in {one["code"] for one in json.loads(json.loads(answer.body)["error"])["violations"]}
    with (
        http.InferenceServerClient(f"127.0.0.1:{port}", network_timeout=60) as client,
        pytest.raises(InferenceServerException) as refusal,
    ):
        client.infer(deployed.name, inputs_of(wire(deployed.name, value)), headers=JSON)
    assert code in {one["code"] for one in json.loads(refusal.value.message())["violations"]}


@pytest.mark.parametrize("served", ["linear"], indirect=True)
def test_a_request_made_for_another_contract_is_refused(served: Served) -> None:
    message = json.loads(protocol_json(wire("linear", good("linear"))))
    message["parameters"] = {"contract": f"sha256:{'0' * 64}"}
    answer = ask(served[1], "POST", "/v2/models/linear/infer", json.dumps(message).encode(), JSON)
    assert answer.status == 400
    assert {one["code"] for one in json.loads(json.loads(answer.body)["error"])["violations"]} == {"contract"}


@pytest.mark.parametrize("served", ["linear"], indirect=True)
def test_a_number_that_would_be_cast_is_refused(served: Served) -> None:
    entry = {"name": "x", "shape": [1, 20], "datatype": "FP32", "data": [16777217] * 20}
    answer = ask(served[1], "POST", "/v2/models/linear/infer", json.dumps({"inputs": [entry]}).encode(), JSON)
    assert answer.status == 400
    assert {one["code"] for one in json.loads(json.loads(answer.body)["error"])["violations"]} == {"value"}
