"""KServe's own client in front of `contractgen serve`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

from tests.integration.reference_server import reference_server
from tests.integration.samples import DATATYPES, FAILURES, Deployed, good, wire

Served = tuple[Deployed, str]


@pytest.fixture(scope="module", params=["linear", "multimodal"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    deployed: Deployed = request.getfixturevalue(request.param)
    with reference_server(deployed) as port:
        yield deployed, f"http://127.0.0.1:{port}"


def inputs_of(tensors: dict[str, Any], binary: bool) -> list[InferInput]:
    entries = []
    for name, array in tensors.items():
        entries.append(InferInput(name, list(array.shape), DATATYPES[array.dtype.name]))
        entries[-1].set_data_from_numpy(array, binary_data=binary)
    return entries


def client() -> InferenceRESTClient:
    return InferenceRESTClient(RESTConfig(protocol="v2", retries=0, timeout=60))


def test_it_finds_the_server_alive_and_ready(served: Served) -> None:
    deployed, url = served

    async def ask() -> tuple[bool, bool, bool]:
        asking = client()
        return (
            await asking.is_server_live(url), await asking.is_server_ready(url), await asking.is_model_ready(url, deployed.name),
        )  # fmt: skip

    assert asyncio.run(ask()) == (True, True, True)


@pytest.mark.parametrize("binary", [False, True])
def test_it_gets_what_the_model_says(served: Served, binary: bool) -> None:
    deployed, url = served
    value = good(deployed.name)
    request = InferRequest(deployed.name, inputs_of(wire(deployed.name, value), binary))
    result = asyncio.run(client().infer(url, request, model_name=deployed.name))
    np.testing.assert_allclose(result.outputs[0].as_numpy(), deployed.expected(value), rtol=1e-5, atol=1e-6)


CASES = [pytest.param(name, value, code, id=failure) for failure, (name, value, code) in FAILURES.items()]


@pytest.mark.parametrize(("served", "value", "code"), CASES, indirect=["served"])
def test_it_reads_why_it_is_refused(served: Served, value: Any, code: str) -> None:
    deployed, url = served
    request = InferRequest(deployed.name, inputs_of(wire(deployed.name, value), False))
    with pytest.raises(httpx.HTTPStatusError) as refusal:
        asyncio.run(client().infer(url, request, model_name=deployed.name))
    assert refusal.value.response.status_code == 400
    assert code in {one["code"] for one in refusal.value.response.json()["violations"]}
