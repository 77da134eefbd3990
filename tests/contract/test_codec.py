from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from contractgen.contract.canonical import fingerprint
from contractgen.contract.codec import ContractError, dumps, from_json, load_contract, loads, to_json
from contractgen.contract.model import Constant, Contract, Dim, List, Optional, Output, Parameter, Tensor, Values
from tests.contract.examples import DATA, changed, of_dims, ranker, ranker_json, tensor_json
from tests.contract.malformed import MALFORMED, Malformed
from tests.contract.strategies import contracts


@given(contracts())
def test_a_contract_survives_writing_and_reading(contract: Contract) -> None:
    text = dumps(contract)
    assert loads(text) == contract
    assert dumps(loads(text)) == text


@given(contracts())
def test_the_text_is_the_json_of_the_data_in_lf_lines_with_a_final_newline(contract: Contract) -> None:
    text = dumps(contract)
    assert json.loads(text) == to_json(contract)
    assert text.endswith("}\n")
    assert "\r" not in text
    assert not any(line.endswith(" ") for line in text.split("\n"))


def test_the_design_sample_keeps_its_bytes() -> None:
    text = (DATA / "ranker.json").read_text(encoding="utf-8")
    assert dumps(loads(text)) == text


def test_every_node_and_a_wide_table_of_categories_keep_their_bytes() -> None:
    text = (DATA / "every_node.json").read_text(encoding="utf-8")
    assert dumps(loads(text)) == text
    load_contract(DATA / "every_node.json")


def test_lines_stay_short_enough_to_review() -> None:
    lines = (DATA / "every_node.json").read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= 141


def test_what_has_no_parts_stays_on_one_line_however_long() -> None:
    one_of = Tensor("x", "int64", (1,), Values(one_of=tuple(range(100))))
    prompt = Constant("word " * 60, "str")
    inputs = (Parameter("x", one_of), Parameter("prompt", prompt), Parameter("list", List(prompt, 2)))
    text = dumps(Contract("m", inputs, ranker().outputs, ranker().dims))
    assert loads(text).inputs == inputs
    lines = [line.strip() for line in text.splitlines()]
    assert '"shape": [1],' in lines
    assert f'"values": {{"one_of": {list(range(100))}}}}}}},' in lines


def test_a_dim_that_changes_changes_one_line() -> None:
    before = dumps(of_dims(a=Dim(max=100), b=Dim(max=512))).splitlines()
    after = dumps(of_dims(a=Dim(max=100), b=Dim(max=513))).splitlines()
    assert [(x, y) for x, y in zip(before, after, strict=True) if x != y] == [
        ('    "b": {"min": 1, "max": 512, "multiple_of": 1}', '    "b": {"min": 1, "max": 513, "multiple_of": 1}')
    ]


def test_members_with_a_default_may_be_left_out() -> None:
    data = {
        "format": "contractgen/1",
        "model": {"name": "m"},
        "dims": {"n": {}},
        "inputs": [{"name": "x", "node": {"type": "tensor", "wire_name": "x", "dtype": "float32", "shape": ["n"]}}],
        "outputs": [
            {"name": "output", "node": {"type": "tensor", "wire_name": "output", "dtype": "float32", "shape": []}}
        ],
    }
    tensor = Tensor("x", "float32", ("n",))
    output = Output("output", Tensor("output", "float32", ()))
    assert from_json(data) == Contract("m", (Parameter("x", tensor),), (output,), {"n": Dim()})


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.name)
def test_a_malformed_contract_is_refused_with_the_path_of_its_mistake(case: Malformed) -> None:
    with pytest.raises(ContractError) as caught:
        loads(json.dumps(case.data()))
    assert caught.value.path == case.path
    assert case.problem in caught.value.problem
    assert len(str(caught.value)) < 240


@pytest.mark.parametrize("data", [None, [], "contract", 3, True])
def test_what_is_no_object_is_no_contract(data: object) -> None:
    with pytest.raises(ContractError, match=r"^\$: is .* where a contract"):
        from_json(data)


@pytest.mark.parametrize(
    ("members", "hint"),
    [({"input": []}, ""), ({"dim": {}, "dims": {}}, ""), ({"relation": []}, "did you mean 'relations'?")],
)
def test_a_misspelt_member_gets_a_suggestion_where_the_right_one_is_absent(members: dict[str, Any], hint: str) -> None:
    data = changed(ranker_json(), **members)
    del data["relations"]
    with pytest.raises(ContractError) as caught:
        from_json(data)
    assert caught.value.hint == hint


def test_a_misspelt_dtype_gets_a_suggestion() -> None:
    data = changed(ranker_json(), outputs=[{"name": "output", "node": tensor_json("output", [1], dtype="flaot32")}])
    with pytest.raises(ContractError) as caught:
        from_json(data)
    assert caught.value.hint == "did you mean 'float32'?"


def test_extensions_are_kept_as_they_are() -> None:
    contract = from_json(changed(ranker_json(), **{"x-owner": {"team": ["a", None, -1]}}))
    assert contract.extensions == {"x-owner": {"team": ["a", None, -1]}}
    assert json.loads(dumps(contract))["x-owner"] == {"team": ["a", None, -1]}


def test_a_long_extension_is_broken_into_lines() -> None:
    contract = dataclasses.replace(ranker(), extensions={"x-notes": ["a" * 80, "b" * 80]})
    assert f'  "x-notes": [\n    "{"a" * 80}",\n    "{"b" * 80}"\n  ]\n}}\n' in dumps(contract)


def test_an_empty_value_domain_is_written_as_null() -> None:
    tensor = Tensor("x", "float32", (2,), Values())
    columns = Tensor("y", "float32", (2,), Values(along_last=(Values(), Values(finite=True))))
    contract = Contract("m", (Parameter("x", tensor), Parameter("y", columns)), (Output("output", tensor),))
    first, second = to_json(contract)["inputs"]
    assert first["node"]["values"] is None
    assert second["node"]["values"] == {"along_last": [None, {"finite": True}]}
    assert loads(dumps(contract)).inputs[1] == contract.inputs[1]


@pytest.mark.parametrize(
    "constant", [Constant("inf", "float"), Constant("nan", "float"), Constant("1e-5", "float"), Constant("", "str")]
)
def test_constants_that_json_has_no_word_for_are_texts(constant: Constant) -> None:
    contract = dataclasses.replace(ranker(), inputs=(*ranker().inputs, Parameter("scale", Optional(constant))))
    assert loads(dumps(contract)) == contract


def test_load_fills_in_a_missing_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "contract.json"
    path.write_text(dumps(ranker()), encoding="utf-8")
    assert ranker().fingerprint == ""
    assert load_contract(path).fingerprint == fingerprint(ranker())


def test_load_lists_all_problems_each_on_a_line_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "contract.json"
    dims = {**ranker().dims, "unused": Dim(), "seq": Dim(min=3, max=2)}
    path.write_text(dumps(dataclasses.replace(ranker(), dims=dims)), encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        load_contract(path)
    assert str(caught.value).splitlines() == [
        f"{path}: $.dims.seq: has min 3, which is more than its max 2",
        "$.dims.unused: is used nowhere; remove it",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not JSON"),
        (b"\x80\x04", "not UTF-8: byte 0 belongs to no character"),
        (b'{"format": "contractgen/1"}', "$: has no 'model'"),
    ],
)
def test_a_file_that_is_no_contract_is_named_in_the_error(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "contract.json"
    path.write_bytes(content)
    with pytest.raises(ContractError) as caught:
        load_contract(path)
    assert str(caught.value).startswith(f"{path}: {problem}")


def test_a_missing_file_and_a_directory_are_contract_errors(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="cannot be read: No such file"):
        load_contract(tmp_path / "absent.json")
    with pytest.raises(ContractError, match="cannot be read: Is a directory"):
        load_contract(tmp_path)
