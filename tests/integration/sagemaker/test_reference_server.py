"""boto3 and the SageMaker SDK 2 in front of `contractgen serve`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from tests.integration.gateway import Gateway
from tests.integration.reference_server import endpoint_of, reference_server
from tests.integration.sagemaker.test_clients import predictor_of, runtime_of
from tests.integration.samples import FAILURES, Deployed, binary, good, wire


@pytest.fixture(scope="module")
def ports(linear: Deployed, multimodal: Deployed) -> Iterator[dict[str, int]]:
    with reference_server(linear) as first, reference_server(multimodal) as second:
        yield {"linear": first, "multimodal": second}


@pytest.fixture
def served(sample: Deployed, ports: dict[str, int]) -> Iterator[Gateway]:
    with endpoint_of(ports[sample.name]) as running:
        yield running


def test_both_get_what_the_model_says(sample: Deployed, served: Gateway, calls: Any) -> None:
    value = good(sample.name)
    found = calls("sagemaker_client").invoke(runtime_of(served), "model", value)
    np.testing.assert_allclose(found, sample.expected(value), rtol=1e-5, atol=1e-6)
    found = predictor_of(served, calls("sagemaker_v2")).predict(value)
    np.testing.assert_allclose(found, sample.expected(value), rtol=1e-5, atol=1e-6)


CASES = [pytest.param(name, value, code, id=failure) for failure, (name, value, code) in FAILURES.items()]


@pytest.mark.parametrize(("sample", "value", "code"), CASES, indirect=["sample"])
def test_a_failure_is_a_model_error_that_says_why(sample: Deployed, served: Gateway, value: Any, code: str) -> None:
    body, content_type = binary(wire(sample.name, value))
    with pytest.raises(ClientError) as refusal:
        runtime_of(served).invoke_endpoint(EndpointName="model", Body=body, ContentType=content_type)
    response: dict[str, Any] = refusal.value.response  # type: ignore[assignment]
    assert response["Error"]["Code"] == "ModelError"
    assert response["OriginalStatusCode"] == 400
    assert code in {one["code"] for one in json.loads(response["OriginalMessage"])["violations"]}
