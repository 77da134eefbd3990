"""The page of this target, as a reader would type it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.pages import type_page
from tests.integration.servers import ask
from tests.integration.triton.server import triton


def test_the_page_is_true_and_gives_a_repository_that_triton_serves(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    assert type_page("triton", folder) == 5
    with triton(folder / "models", tmp_path) as port:
        body = json.dumps({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}).encode()
        assert ask(port, "POST", "/v2/models/linear/infer", body).status == 400
