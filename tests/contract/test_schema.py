from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from contractgen.contract.codec import ContractError, from_json, to_json
from contractgen.contract.model import Contract
from contractgen.contract.schema import contract_schema, contract_schema_text
from tests.contract.examples import DATA, changed, ranker_json
from tests.contract.malformed import MALFORMED, Malformed
from tests.contract.strategies import contracts

SCHEMA = Draft202012Validator(contract_schema())


def test_the_schema_is_a_valid_2020_12_schema_with_its_urn() -> None:
    Draft202012Validator.check_schema(contract_schema())
    assert contract_schema()["$id"] == "urn:contractgen:contract:1"
    assert contract_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_data_is_a_copy_of_the_text_each_time() -> None:
    contract_schema()["properties"].clear()
    assert contract_schema() == json.loads(contract_schema_text())


@given(contracts())
def test_every_valid_contract_passes(contract: Contract) -> None:
    SCHEMA.validate(to_json(contract))


@pytest.mark.parametrize("name", ["ranker.json", "every_node.json"])
def test_the_samples_pass(name: str) -> None:
    SCHEMA.validate(json.loads((DATA / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case.name)
def test_each_malformed_contract_is_refused(case: Malformed) -> None:
    SCHEMA.validate(ranker_json())
    assert not SCHEMA.is_valid(case.data())


def test_members_that_start_with_x_are_free_at_the_top_alone() -> None:
    assert SCHEMA.is_valid(changed(ranker_json(), **{"x-owner": {"any": [1]}}))
    assert not SCHEMA.is_valid(changed(ranker_json(), model={"name": "m", "x-owner": 1}))
    with pytest.raises(ContractError, match=r"\$\.model\.x-owner"):
        from_json(changed(ranker_json(), model={"name": "m", "x-owner": 1}))


@pytest.mark.parametrize("definition", sorted(contract_schema()["$defs"]))
def test_every_definition_is_used(definition: str) -> None:
    assert f'"#/$defs/{definition}"' in contract_schema_text()


def test_every_object_of_the_schema_is_closed() -> None:
    open_objects = [
        where
        for where, part in _parts(contract_schema(), "$")
        if "properties" in part and part.get("additionalProperties") is not False
    ]
    assert open_objects == []


def _parts(value: Any, where: str) -> list[tuple[str, dict[str, Any]]]:
    if isinstance(value, list):
        return [part for index, item in enumerate(value) for part in _parts(item, f"{where}[{index}]")]
    if not isinstance(value, dict):
        return []
    return [(where, value), *(part for key, item in value.items() for part in _parts(item, f"{where}.{key}"))]
