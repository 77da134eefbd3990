"""`[tool.contractgen]`: what it says about an artifact, and how a mistake in it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from contractgen.config import Settings, read_config
from contractgen.errors import UsageError


def project(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def test_without_a_file_everything_is_unsaid(tmp_path: Path) -> None:
    config = read_config(tmp_path)
    assert config.settings(tmp_path / "model.pth") == Settings()
    assert config.out == tmp_path / "contracts"


def test_the_nearest_file_upwards_is_read(tmp_path: Path) -> None:
    project(tmp_path, '[tool.contractgen]\nmodel = "far:Model"\n')
    near = tmp_path / "a"
    (near / "b").mkdir(parents=True)
    project(near, '[tool.contractgen]\nmodel = "near:Model"\n')
    assert read_config(near / "b").settings(near / "model.pth").model == "near:Model"


def test_paths_start_from_the_file(tmp_path: Path) -> None:
    project(
        tmp_path,
        """
        [tool.contractgen]
        out = "made"
        [tool.contractgen.models."weights/a.pth"]
        model = "code/train.py:Net"
        example = "inputs.npz"
        out = "service/contract"
        """,
    )
    (tmp_path / "deep").mkdir()
    config = read_config(tmp_path / "deep")
    settings = config.settings(tmp_path / "deep/../weights/a.pth")
    assert settings.model == f"{tmp_path / 'code/train.py'}:Net"
    assert settings.example == str(tmp_path / "inputs.npz")
    assert settings.out == tmp_path / "service/contract"
    assert config.out == tmp_path / "made"


def test_a_models_own_table_stands_over_the_common_keys(tmp_path: Path) -> None:
    project(
        tmp_path,
        """
        [tool.contractgen]
        model = "net:Net"
        budget = 30
        dims.batch = {min = 2, max = 8}
        [tool.contractgen.models."a.pth"]
        model = "other:Net"
        arguments = {width = 3}
        dims.batch.max = 4
        dims.seq.max = 9
        tensors."batch.ids".dtype = "int32"
        """,
    )
    config = read_config(tmp_path)
    own = config.settings(tmp_path / "a.pth")
    assert (own.model, own.budget, own.arguments) == ("other:Net", 30, {"width": 3})
    assert own.dims == {"batch": {"min": 2, "max": 4}, "seq": {"max": 9}}
    assert own.tensors == {"batch.ids": {"dtype": "int32"}}
    assert config.settings(tmp_path / "b.pth").model == "net:Net"


def test_the_command_line_stands_over_the_file() -> None:
    line = Settings(model="line:Net", dims={"batch": {"max": 2}})
    file = Settings(model="file:Net", example="e:f", dims={"batch": {"min": 1, "max": 9}})
    joined = line.over(file)
    assert (joined.model, joined.example) == ("line:Net", "e:f")
    assert joined.dims == {"batch": {"min": 1, "max": 2}}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[tool.contractgen]\nmodle = 'a:b'", "unknown key `modle`", "Did you mean `model`?"),
        ("[tool.contractgen.models.'a.pth']\nargumets = {}", "unknown key `argumets`", "Did you mean `arguments`?"),
        ("[tool.contractgen]\nmodel = 3", "model must be a string, not 3", ""),
        ("[tool.contractgen]\nbudget = true", "budget must be a number of seconds, not True", ""),
        ("[tool.contractgen]\nname = 'x'", "`name` belongs to one artifact", "Move it"),
        ("[tool.contractgen.models.'a.pth']\nname = '../x'", "name must be a name that a folder can have", ""),
        ("[tool.contractgen]\nartifacts = ['onxx']", "`onxx` is no kind of artifact", "onnx"),
        ("[tool.contractgen.dims.batch]\nmaximum = 3", "dims batch: unknown key `maximum`", "max"),
        ("[tool.contractgen.dims.batch]\nmax = 0", "dims batch.max must be a whole number, not 0", ""),
        ("[tool.contractgen.dims.batch]\nmax = '3'", "dims batch.max must be a whole number, not '3'", ""),
        ("[tool.contractgen.dims.d]\nname = 'a b'", "dims d.name must be an identifier", ""),
        ("[tool.contractgen.tensors.x]\nshape = 'a'", "tensors x.shape must be a list of sizes", ""),
        ("[tool.contractgen.tensors.x]\nfinite = 1", "tensors x.finite must be true or false", ""),
        ("[tool.contractgen.tensors]\nx = 1", "tensors x must be a table", ""),
        ("[tool.contractgen", "pyproject.toml cannot be read", ""),
        ("tool = 3", "pyproject.toml [tool] must be a table, not 3", ""),
        ("[tool]\ncontractgen = 3", "[tool.contractgen] must be a table, not 3", ""),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, message: str, hint: str, tmp_path: Path) -> None:
    project(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_config(tmp_path)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_all_contracts_are_found_by_the_globs_or_below_the_output_folder(tmp_path: Path) -> None:
    for name in ("contracts/b", "contracts/a", "service/contract"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "contract.json").touch()
    assert [path.parent.name for path in read_config(tmp_path).contract_files()] == ["a", "b"]
    project(tmp_path, "[tool.contractgen]\ncontracts = ['*/contract.json', 'service/**/contract.json']")
    assert read_config(tmp_path).contract_files() == (tmp_path / "service/contract/contract.json",)


def test_contracts_are_found_below_an_output_folder_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "elsewhere/a").mkdir(parents=True)
    (tmp_path / "elsewhere/a/contract.json").touch()
    (tmp_path / "here").mkdir()
    for out in ("../elsewhere", str(tmp_path / "elsewhere")):
        project(tmp_path / "here", f"[tool.contractgen]\nout = '{out}'")
        (found,) = read_config(tmp_path / "here").contract_files()
        assert found.resolve() == tmp_path / "elsewhere/a/contract.json"


@pytest.mark.parametrize("pattern", ["/abs/*.json", ""])
def test_a_pattern_that_cannot_be_looked_for_is_a_usage_error(pattern: str, tmp_path: Path) -> None:
    project(tmp_path, f"[tool.contractgen]\ncontracts = ['{pattern}']")
    with pytest.raises(UsageError, match="is no pattern of paths"):
        read_config(tmp_path).contract_files()
