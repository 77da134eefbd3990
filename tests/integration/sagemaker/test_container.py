"""The generated `inference.py` as SageMaker's PyTorch container runs it: under TorchServe, by the toolkit's handler service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
import sagemaker_pytorch_serving_container
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.integration.gateway import gateway
from tests.integration.sagemaker.torchserve import torchserve
from tests.integration.samples import FAILURES, Deployed, binary, good, wire
from tests.integration.servers import ask

SERVICE = Path(sagemaker_pytorch_serving_container.__file__).parent / "handler_service.py"


@pytest.fixture(scope="module", params=["linear", "multimodal"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployed, int]]:
    """A sample, and the port at which its container answers."""
    deployed: Deployed = request.getfixturevalue(request.param)
    place = deployed.unpacked(deployed.render("sagemaker"))
    settings = {"default_service_handler": f"{SERVICE}:handle"}
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "PYTHONPATH": str(place / "code")}
    with torchserve(tmp_path_factory.mktemp("ts") / "run", settings, f"model={place}", environment) as port:
        yield deployed, port


def container(port: int) -> Any:
    """The container as the gateway calls it."""

    def call(body: bytes, headers: dict[str, str]) -> tuple[int, bytes, str]:
        answer = ask(port, "POST", "/invocations", body, headers)
        return answer.status, answer.body, answer.headers.get("content-type", "")

    return call


def test_requests_are_answered_and_failures_are_model_errors(served: tuple[Deployed, int]) -> None:
    deployed, port = served
    codec = deployed.client
    runtime_settings = Config(retries={"max_attempts": 0}, read_timeout=60)
    with gateway(container(port)) as endpoint:
        runtime = boto3.client("sagemaker-runtime", endpoint_url=endpoint.url, config=runtime_settings)
        for form in (codec.SAGEMAKER_BINARY, codec.NPZ, codec.JSON):
            value = good(deployed.name, batch=4)
            request = codec.serialize(value, content_type=form)
            answer = runtime.invoke_endpoint(EndpointName="m", Body=request.body, ContentType=request.content_type)
            result = codec.deserialize(answer["Body"].read(), {"Content-Type": answer["ContentType"]})
            np.testing.assert_allclose(result, deployed.expected(value), rtol=1e-5, atol=1e-6)
        for name, value, code in FAILURES.values():
            if name != deployed.name:
                continue
            body, content_type = binary(wire(name, value))
            with pytest.raises(ClientError) as refusal:
                runtime.invoke_endpoint(EndpointName="m", Body=body, ContentType=content_type)
            response: dict[str, Any] = refusal.value.response  # type: ignore[assignment]
            assert response["OriginalStatusCode"] == 400
            assert code in {one["code"] for one in json.loads(response["OriginalMessage"])["violations"]}


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[[1", b"[" * 50_000], ids=["empty", "no UTF-8", "cut", "deep"])
def test_what_is_no_request_is_a_400_without_a_traceback(served: tuple[Deployed, int], body: bytes) -> None:
    answer = ask(served[1], "POST", "/invocations", body, {"Content-Type": "application/json"})
    assert answer.status == 400
    assert json.loads(answer.body)["violations"]
    assert answer.headers["content-type"] == "application/json"


def test_the_health_check_of_sagemaker_is_answered(served: tuple[Deployed, int]) -> None:
    assert ask(served[1], "GET", "/ping").status == 200
