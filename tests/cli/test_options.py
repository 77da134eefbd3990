"""The small grammars of option values."""

from __future__ import annotations

from pathlib import Path

import pytest

from contractgen.cli.options import literal, model_settings, pairs
from contractgen.config import Settings
from contractgen.errors import UsageError


def settings(**given: object) -> Settings:
    nothing = {"model": None, "arguments": None, "example": None, "budget": None, "dims": None, "tensors": None}
    return model_settings(**{**nothing, **given})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("20", 20),
        ("0.5", 0.5),
        ("[1, 2]", [1, 2]),
        ("true", True),
        ("None", None),
        ("relu", "relu"),
        ("'20'", "20"),
        ("__import__('os')", "__import__('os')"),
        ("(" * 10_000, "(" * 10_000),
    ],
)
def test_a_value_is_a_literal_where_it_reads_as_one(text: str, value: object) -> None:
    assert literal(text) == value


def test_arguments_are_name_and_value() -> None:
    assert pairs(["input_size=20", "mode=a=b"], "--arg") == {"input_size": 20, "mode": "a=b"}


@pytest.mark.parametrize("text", ["input_size", "=20"])
def test_an_argument_without_name_or_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected NAME=VALUE"):
        pairs([text], "--arg")


def test_declarations_name_a_dim_or_tensor_and_its_member() -> None:
    said = settings(
        dims=["batch.max=64", "batch.min=2", "dim_0.name=rows"],
        tensors=["batch.ids.dtype=int32", "x.shape=batch,20", "mask.one_of=0,1", "x.finite=false"],
    )
    assert said.dims == {"batch": {"max": 64, "min": 2}, "dim_0": {"name": "rows"}}
    assert said.tensors == {
        "batch.ids": {"dtype": "int32"},
        "x": {"shape": ["batch", 20], "finite": False},
        "mask": {"one_of": [0, 1]},
    }


@pytest.mark.parametrize(
    ("dims", "message"),
    [
        (["batch=64"], "expected NAME.KEY=VALUE"),
        (["batch.maks=64"], "unknown key `maks`"),
        (["batch.max=many"], "must be a whole number, not 'many'"),
    ],
)
def test_a_declaration_that_means_nothing_is_refused(dims: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        settings(dims=dims)


def test_files_start_from_the_current_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings(model="train.py:Net").model == f"{tmp_path / 'train.py'}:Net"
    assert settings(model="package.train:Net").model == "package.train:Net"


def test_an_unknown_kind_of_artifact_is_refused() -> None:
    with pytest.raises(UsageError, match="`tflite` is no kind of artifact"):
        settings(artifacts=["tflite"])
