"""The Python API: what its docstrings show is what happens."""

from __future__ import annotations

import doctest
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import contractgen
from contractgen import api
from contractgen.contract import codec
from contractgen.errors import UsageError

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "sample_models"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a class, its weights, their contract, and the one that was released before."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLES / "linear/model.py", "train.py")
    shutil.copytree(SAMPLES / "linear/contract", "contracts/model")
    released = json.loads(Path("contracts/model/contract.json").read_text())
    del released["fingerprint"]
    released["dims"]["batch"]["max"] = 8
    Path("released.json").write_text(json.dumps(released))
    return tmp_path


def weights(folder: Path) -> None:
    import torch

    torch.manual_seed(0)
    torch.save(torch.nn.ModuleDict({"linear": torch.nn.Linear(20, 1)}).state_dict(), folder / "model.pth")


EXAMPLES = {
    one.name: one for module in (contractgen, api) for one in doctest.DocTestFinder().find(module) if one.examples
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_of_a_docstring_is_true(name: str, folder: Path) -> None:
    example = EXAMPLES[name]
    if any("model.pth" in line.source for line in example.examples):
        weights(folder)
    said: list[str] = []
    example.globs = {"contractgen": contractgen, "np": np}
    doctest.DocTestRunner().run(example, out=said.append)
    assert not said, "".join(said)


def test_everything_public_has_an_example() -> None:
    public = {name for name in contractgen.__all__ if name not in {"__version__", "Exported"}}
    shown = {name.removeprefix("contractgen.api.") for name in EXAMPLES}
    assert public | {"Contract.check", "Contract.violations", "contractgen"} == shown


def test_what_the_package_names_is_there() -> None:
    for name in contractgen.__all__:
        assert getattr(contractgen, name) is not None
    assert set(contractgen.__all__) <= set(dir(contractgen))
    with pytest.raises(AttributeError, match="no attribute 'exports'"):
        _ = contractgen.exports


@pytest.mark.parametrize("sample", sorted(path.name for path in SAMPLES.iterdir() if (path / "contract").is_dir()))
def test_inputs_are_judged_as_the_generated_client_judges_them(sample: str) -> None:
    from contractgen.testing import broken_cases, valid_cases

    path = SAMPLES / sample / "contract/contract.json"
    contract = contractgen.load_contract(path)
    for case in valid_cases(contract, random=3, max_elements=1 << 12):
        assert contract.violations(*case.args, **case.kwargs) == []
    codes: set[str] = set()
    for broken in broken_cases(contract, max_elements=1 << 12):
        try:
            found = contract.violations(*broken.args, **broken.kwargs)
        except TypeError:
            continue  # a parameter is missing or unknown: Python's own error, which has no violations
        codes |= (said := {one.code for one in found})
        assert said & broken.codes, broken.id
    assert codes


def test_an_input_may_be_a_tensor_or_a_list() -> None:
    import torch

    contract = contractgen.load_contract(SAMPLES / "linear/contract/contract.json")
    assert contract.violations(torch.zeros(2, 20)) == []
    assert contract.violations([[0.0] * 20]) == []
    assert [one.code for one in contract.violations(torch.zeros(2, 21))] == ["shape"]
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        contract.violations(y=1)


def test_a_contract_that_was_changed_is_judged_anew() -> None:
    from dataclasses import replace

    contract = contractgen.load_contract(SAMPLES / "linear/contract/contract.json")
    narrow = replace(contract, dims={"batch": replace(contract.dims["batch"], max=1)}, fingerprint="")
    assert isinstance(narrow, contractgen.Contract)
    two = np.zeros((2, 20), np.float32)
    assert contract.violations(two) == []
    assert [one.code for one in narrow.violations(two)] == ["shape"]


def test_an_input_given_to_check_is_told_where_it_belongs() -> None:
    contract = contractgen.load_contract(SAMPLES / "linear/contract/contract.json")
    with pytest.raises(TypeError, match=r"check takes a model file, not ndarray; violations\(\.\.\.\) takes an input"):
        contract.check(np.zeros((1, 20)))  # type: ignore[arg-type]


def test_contracts_are_compared_as_they_are_or_by_their_files() -> None:
    rules = ROOT / "tests/compare/rules/input-max"
    old, new = rules / "old.json", rules / "new.json"
    by_file = contractgen.diff(old, str(new))
    assert by_file == contractgen.diff(contractgen.load_contract(old), codec.load_contract(new))
    assert [(finding.rule.id, finding.about) for finding in by_file.breaking] == [
        ("input-max", "dim seq at inputs.value axis 1")
    ]
    assert contractgen.diff(new, old).breaking == ()
    assert contractgen.diff(new, old, "full").breaking
    assert contractgen.diff(old, codec.load_contract(old)).step == "none"


@pytest.mark.parametrize("give", [str, Path])
def test_a_path_may_be_text(give: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.json"):
        contractgen.load_contract(give(tmp_path / "nowhere.json"))


def test_the_graphs_that_an_export_writes_are_the_ones_that_verification_ran(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime
    import torch

    from contractgen.verify.runtimes import build, onnx_runtime

    weights(folder)
    monkeypatch.setattr(onnx_runtime, "LARGE", 0)  # weights in a file beside the graph, as for a large model
    making = build.write_onnx

    def counted(*args: Any, **keywords: Any) -> None:
        making(*args, **keywords)
        with (folder / "made").open("a") as file:  # it is made in another process
            file.write("1")

    monkeypatch.setattr(build, "write_onnx", counted)
    done = contractgen.export("model.pth", model="train.py:MyModel", out="c", artifacts=["onnx", "pt2"])
    assert done.ok, done.verification.findings
    assert (folder / "made").read_text() == "1"
    written = {path.name for path in Path("c").iterdir()}
    assert written == {"contract.json", "client.py", "validator.py", "model.onnx", "model.onnx.data", "model.pt2"}
    assert not list(folder.glob(".contractgen-*"))
    x = np.ones((3, 20), np.float32)
    (result,) = onnxruntime.InferenceSession("c/model.onnx").run(None, {"x": x})
    expected = torch.export.load("c/model.pt2").module()(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(result, expected, rtol=1e-5)
