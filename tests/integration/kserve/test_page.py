"""The page of this target, as a reader would type it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.pages import ROOT, type_page

LOOPBACK = """
import uvicorn
plain = uvicorn.Config.__init__
def on_loopback(self, *args, **named):  # KServe has no option for the host
    plain(self, *args, **{**named, "host": "127.0.0.1"})
uvicorn.Config.__init__ = on_loopback
"""


def test_the_page_is_true(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    patch = tmp_path_factory.mktemp("patch")
    (patch / "sitecustomize.py").write_text(LOOPBACK)
    path = f"{patch}:{ROOT}:{tmp_path}"
    assert type_page("kserve", tmp_path, "/v2/models/linear/ready", {"PYTHONPATH": path}) == 4
