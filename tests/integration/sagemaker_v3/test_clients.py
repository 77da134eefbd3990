"""The three failures that the project exists for, through the SageMaker SDK 3 to the generated validator."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

import boto3
import numpy as np
import pytest
from sagemaker.core.resources import Endpoint

from tests.integration.gateway import Gateway, gateway
from tests.integration.samples import FAILURES, Deployed, good, importing, wire


@pytest.fixture(params=["linear", "multimodal"])
def sample(request: pytest.FixtureRequest) -> Deployed:
    deployed: Deployed = request.getfixturevalue(request.param)
    return deployed


@pytest.fixture
def gate(sample: Deployed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A container of validator and model; the toolkit's own is in the environment of version 2."""
    validator = sample.validator

    def container(body: bytes, headers: dict[str, str]) -> tuple[int, bytes, str]:
        try:
            args, _, reply = validator.receive(body, headers)
            answer = validator.respond(sample.expected(*args), accept=headers.get("Accept", ""), reply=reply)
        except validator.ContractViolation as violation:
            answer = validator.error_response(violation)
        return answer.status, answer.body, answer.content_type

    with gateway(container) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", running.url)
        yield running


@pytest.fixture
def adapter(sample: Deployed) -> Iterator[Any]:
    with importing(sample.render("sagemaker-client")):
        yield importlib.import_module("sagemaker_v3")


@pytest.fixture
def endpoint(gate: Gateway, adapter: Any) -> Endpoint:
    # Endpoint is a pydantic model that looks up AWS only when asked to.
    made = Endpoint(endpoint_name="model")
    made.serializer, made.deserializer = adapter.Serializer(), adapter.Deserializer()
    return made


def invoke(endpoint: Endpoint, adapter: Any, body: Any) -> Any:
    codec = adapter.sagemaker_client
    session = boto3.Session(region_name="us-east-1")
    return endpoint.invoke(body, content_type=codec.CONTENT_TYPE, accept=codec.ACCEPT, session=session)


def test_the_endpoint_gives_what_the_model_says(sample: Deployed, endpoint: Endpoint, adapter: Any) -> None:
    for batch in (1, 5):
        value = good(sample.name, batch)
        result = invoke(endpoint, adapter, value).body
        np.testing.assert_allclose(result, sample.expected(value), rtol=1e-5, atol=1e-6)


CASES = [pytest.param(name, value, code, id=failure) for failure, (name, value, code) in FAILURES.items()]


@pytest.mark.parametrize(("sample", "value", "code"), CASES, indirect=["sample"])
class TestAFailure:
    def test_is_refused_before_a_byte_is_sent(
        self, sample: Deployed, endpoint: Endpoint, gate: Gateway, adapter: Any, value: Any, code: str
    ) -> None:
        with pytest.raises(adapter.sagemaker_client.client.ContractViolation) as refusal:
            invoke(endpoint, adapter, value)
        assert code in {one.code for one in refusal.value.violations}
        assert gate.received == 0

    def test_is_refused_by_the_server_where_the_client_checks_nothing(
        self, sample: Deployed, endpoint: Endpoint, gate: Gateway, adapter: Any, value: Any, code: str
    ) -> None:
        class Unchecked(adapter.Serializer):  # type: ignore[misc]
            def serialize(self, data: Any) -> bytes:
                import io

                stream = io.BytesIO()
                np.savez(stream, **wire(sample.name, data))
                return stream.getvalue()

        endpoint.serializer = Unchecked()
        with pytest.raises(Exception) as refusal:  # noqa: PT011 (botocore makes the class of the error at run time)
            invoke(endpoint, adapter, value)
        assert type(refusal.value).__name__ == "ModelError"
        assert gate.received == 1
        response: dict[str, Any] = refusal.value.response  # type: ignore[attr-defined]
        assert response["OriginalStatusCode"] == 400
        assert code in {one["code"] for one in json.loads(response["OriginalMessage"])["violations"]}
        assert code in {one.code for one in adapter.sagemaker_client.violations(refusal.value)}
