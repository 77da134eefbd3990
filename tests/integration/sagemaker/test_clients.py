"""The three failures that the project exists for, through boto3 and the SageMaker SDK 2 to a handler service."""

from __future__ import annotations

import json
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from sagemaker.predictor import Predictor
from sagemaker.session import Session

from tests.integration.gateway import Gateway
from tests.integration.samples import FAILURES, Deployed, binary, good, wire


def runtime_of(endpoint: Gateway) -> Any:
    quick = Config(retries={"max_attempts": 0}, read_timeout=30)
    return boto3.client("sagemaker-runtime", endpoint_url=endpoint.url, config=quick)


def predictor_of(endpoint: Gateway, module: Any) -> Predictor:
    session = Session(boto_session=boto3.Session(), sagemaker_runtime_client=runtime_of(endpoint))
    return Predictor("model", session, serializer=module.Serializer(), deserializer=module.Deserializer())


def test_boto3_gets_what_the_model_says(sample: Deployed, endpoint: Gateway, calls: Any) -> None:
    value = good(sample.name)
    result = calls("sagemaker_client").invoke(runtime_of(endpoint), "model", value)
    np.testing.assert_allclose(result, sample.expected(value), rtol=1e-5, atol=1e-6)


def test_the_predictor_gets_what_the_model_says(sample: Deployed, endpoint: Gateway, calls: Any) -> None:
    predictor = predictor_of(endpoint, calls("sagemaker_v2"))
    for batch in (1, 7):
        value = good(sample.name, batch)
        np.testing.assert_allclose(predictor.predict(value), sample.expected(value), rtol=1e-5, atol=1e-6)


CASES = [pytest.param(name, value, code, id=failure) for failure, (name, value, code) in FAILURES.items()]


@pytest.mark.parametrize(("sample", "value", "code"), CASES, indirect=["sample"])
class TestAFailure:
    def test_is_refused_before_boto3_sends_a_byte(
        self, sample: Deployed, endpoint: Gateway, calls: Any, value: Any, code: str
    ) -> None:
        codec = calls("sagemaker_client")
        with pytest.raises(codec.client.ContractViolation) as refusal:
            codec.invoke(runtime_of(endpoint), "model", value)
        assert code in {one.code for one in refusal.value.violations}
        assert endpoint.received == 0

    def test_is_refused_before_the_predictor_sends_a_byte(
        self, sample: Deployed, endpoint: Gateway, calls: Any, value: Any, code: str
    ) -> None:
        predictor = predictor_of(endpoint, calls("sagemaker_v2"))
        with pytest.raises(ValueError, match="inputs") as refusal:
            predictor.predict(value)
        assert code in {one.code for one in refusal.value.violations}  # type: ignore[attr-defined]
        assert endpoint.received == 0

    def test_is_refused_by_the_server_where_the_client_checks_nothing(
        self, sample: Deployed, endpoint: Gateway, calls: Any, value: Any, code: str
    ) -> None:
        body, content_type = binary(wire(sample.name, value))
        with pytest.raises(ClientError) as refusal:
            runtime_of(endpoint).invoke_endpoint(EndpointName="model", Body=body, ContentType=content_type)
        assert endpoint.received == 1
        response: dict[str, Any] = refusal.value.response  # type: ignore[assignment]
        assert type(refusal.value).__name__ == "ModelError"
        assert response["OriginalStatusCode"] == 400
        assert code in {one["code"] for one in json.loads(response["OriginalMessage"])["violations"]}
        assert code in {one.code for one in calls("sagemaker_client").violations(refusal.value)}


def test_an_error_that_is_no_violation_has_none(calls: Any, sample: Deployed) -> None:
    violations = calls("sagemaker_client").violations
    for message in ("", "no JSON", "[1]", '{"error": "internal error", "violations": []}', '{"violations": [1]}'):
        assert violations(ClientError({"OriginalMessage": message}, "InvokeEndpoint")) == []  # type: ignore[typeddict-unknown-key]
    assert violations(OSError("no connection")) == []
