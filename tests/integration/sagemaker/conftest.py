"""Endpoints in process: the handler service of SageMaker's toolkit behind a gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.gateway import Gateway, gateway
from tests.integration.sagemaker.toolkit import Toolkit, toolkit
from tests.integration.samples import Deployed, importing


@pytest.fixture(params=["linear", "multimodal"])
def sample(request: pytest.FixtureRequest) -> Deployed:
    deployed: Deployed = request.getfixturevalue(request.param)
    return deployed


@pytest.fixture
def service(sample: Deployed) -> Iterator[Toolkit]:
    with toolkit(sample.unpacked(sample.render("sagemaker"))) as ready:
        yield ready


@pytest.fixture
def endpoint(service: Toolkit) -> Iterator[Gateway]:
    with gateway(service) as running:
        yield running


@pytest.fixture
def calls(sample: Deployed) -> Iterator[Any]:
    """Imports one of the generated modules of the target sagemaker-client."""
    import importlib

    with importing(sample.render("sagemaker-client")):
        yield importlib.import_module
