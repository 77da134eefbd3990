"""The commands about contracts alone load no framework, so that any build step can run them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_architecture import CONTRACT, loaded_by


@pytest.mark.parametrize(
    "arguments",
    [
        ["diff", CONTRACT, CONTRACT],
        ["diff", CONTRACT, CONTRACT, "--format", "sarif"],
        ["convert", CONTRACT, "--to", "openapi"],
        ["convert", CONTRACT, "--to", "model-metadata"],
        ["explain", "input-max"],
        ["init", "--print"],
    ],
    ids=lambda arguments: " ".join(argument for argument in arguments if argument != CONTRACT),
)
def test_a_light_command_imports_no_framework(arguments: list[str], tmp_path: Path) -> None:
    assert loaded_by(arguments, tmp_path) == set()
