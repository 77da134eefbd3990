"""What the tests in front of real serving stacks share. They are collected only in the environment that they are for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.environments import VARIABLE
from tests.integration.samples import Deployed, deploy

HERE = Path(__file__).parent
collect_ignore = [
    str(path) for path in HERE.iterdir() if path.is_dir() and path.name != os.environ.get(VARIABLE)
]  # fmt: skip


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 wants a region and keys; nothing here leaves the machine."""
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nobody")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The linear sample: a tensor [batch, 20]."""
    with deploy("linear", tmp_path_factory.mktemp("linear")) as deployed:
        yield deployed


@pytest.fixture(scope="session")
def multimodal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The multimodal sample: a dict of two tensors."""
    with deploy("multimodal", tmp_path_factory.mktemp("multimodal")) as deployed:
        yield deployed
