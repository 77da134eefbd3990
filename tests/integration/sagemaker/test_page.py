"""The page of this target, as a reader would type it."""

from __future__ import annotations

from pathlib import Path

from tests.integration.pages import type_page


def test_the_page_of_sagemaker_is_true(tmp_path: Path) -> None:
    assert type_page("sagemaker", tmp_path) == 3


def test_the_page_of_the_clients_is_true(tmp_path: Path) -> None:
    assert type_page("sagemaker-client", tmp_path) == 1


def test_the_page_of_torchserve_is_true(tmp_path: Path) -> None:
    own = {"TMPDIR": str(tmp_path), "LOG_LOCATION": str(tmp_path / "logs"), "METRICS_LOCATION": str(tmp_path / "logs")}
    assert type_page("torchserve", tmp_path, "/ping", own) == 5
