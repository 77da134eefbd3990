"""The SageMaker SDK 3 in front of `contractgen serve`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import boto3
import numpy as np
import pytest
from sagemaker.core.resources import Endpoint

from tests.integration.reference_server import endpoint_of, reference_server
from tests.integration.samples import Deployed, good, importing


@pytest.fixture(scope="module", params=["linear", "multimodal"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[Deployed, int]]:
    deployed: Deployed = request.getfixturevalue(request.param)
    with reference_server(deployed) as port:
        yield deployed, port


def test_it_gets_what_the_model_says(served: tuple[Deployed, int], monkeypatch: pytest.MonkeyPatch) -> None:
    sample, port = served
    value = good(sample.name)
    with endpoint_of(port) as at, importing(sample.render("sagemaker-client")):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", at.url)
        adapter = importlib.import_module("sagemaker_v3")
        endpoint = Endpoint(endpoint_name="model")
        endpoint.serializer, endpoint.deserializer = adapter.Serializer(), adapter.Deserializer()
        codec = adapter.sagemaker_client
        session = boto3.Session(region_name="us-east-1")
        answer = endpoint.invoke(value, content_type=codec.CONTENT_TYPE, accept=codec.ACCEPT, session=session)
    np.testing.assert_allclose(answer.body, sample.expected(value), rtol=1e-5, atol=1e-6)
