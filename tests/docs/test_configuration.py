"""The page of the configuration names every key, and its examples are read as they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contractgen import config
from contractgen.cli.diff import read_settings
from contractgen.config import read_config

PAGE = (Path(__file__).parent.parent.parent / "docs/configuration.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_every_key_has_its_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted((*config._SETTINGS, "contracts", "diff", "models"))
    assert all(f"`{key}`" in PAGE for key in (*config._DIM_KEYS, *config._TENSOR_KEYS))


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_read(example: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(example, encoding="utf-8")
    read = read_config(tmp_path)
    assert read.models
    read_settings(read.diff)
    ranker = read.settings(tmp_path / "ranker.pth")
    if "ranker.pth" in example:
        assert ranker.tensors["batch.ids"] == {"dtype": "int32", "max": 29999}
        assert ranker.dims["seq"] == {"max": 256, "multiple_of": 8}
