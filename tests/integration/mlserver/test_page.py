"""The page of this target, as a reader would type it."""

from __future__ import annotations

from pathlib import Path

from tests.integration.pages import type_page


def test_the_page_is_true(tmp_path: Path) -> None:
    assert type_page("mlserver", tmp_path, "/v2/models/linear/ready") == 4
