"""Other tools' formats allow what the contract allows, refuse what they can say, and say what they cannot."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from contractgen.contract.codec import load_contract
from contractgen.contract.model import Contract
from contractgen.generate.render import render_validator
from contractgen.generate.sources import load_source
from contractgen.report.formats.json_schema import lost, request_schema, response_schema
from contractgen.report.formats.model_metadata import model_metadata
from contractgen.report.formats.openapi import CODES, openapi
from contractgen.testing import broken_cases
from tests.compare.pairs import pair
from tests.compare.universe import RESPONSE, arrays, joined, messages

ROOT = Path(__file__).parent.parent.parent.parent
SAMPLES = sorted(ROOT.glob("sample_models/*/contract/contract.json"))


def plain(value: Any) -> Any:
    """Arrays as nested lists."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


def is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(is_finite, value.values()))
    return (
        all(map(is_finite, value)) if isinstance(value, list) else not isinstance(value, float) or math.isfinite(value)
    )


@pytest.mark.parametrize("seed", range(40))
def test_a_schema_allows_what_the_contract_allows(seed: int) -> None:
    contract = pair(seed)[0]
    schemas = request_schema(contract), response_schema(contract)
    validators = [jsonschema.Draft202012Validator(schema) for schema in schemas]
    for schema in schemas:
        jsonschema.Draft202012Validator.check_schema(schema)
    for message in itertools.islice(messages(joined(contract, with_outputs=True)), 40):
        sent = plain({name: arrays(value) for name, value in message.items()})
        response = sent.pop(RESPONSE)
        for validator, part in zip(validators, (sent, response), strict=True):
            if is_finite(part):
                assert validator.is_valid(part), (part, list(validator.iter_errors(part)))


GENERIC = ("integers are written", "numbers fit", "NaN and infinities")
"""Losses about how numbers are written, which every schema has."""


def test_what_a_schema_does_not_list_as_lost_it_refuses() -> None:
    contracts = [load_contract(path) for path in SAMPLES] + [pair(seed)[0] for seed in range(150)]
    complete = [one for one in contracts if all(text.startswith(GENERIC) for text in lost(one, one.inputs))]
    refused = 0
    for contract in complete:
        schema = jsonschema.Draft202012Validator(request_schema(contract))
        validator = load_source(render_validator(contract), "validator")
        for case in broken_cases(contract, max_elements=1 << 10):
            if "dtype" in case.codes:
                continue  # the loss that every schema has: 1.0 is an integer to it
            try:
                body, headers = case.request("application/json")
            except ValueError:
                continue  # JSON cannot carry it
            sent = json.loads(body)
            if not is_finite(sent):
                continue
            try:
                validator.parse(body, headers)
            except validator.ContractViolation:
                refused += 1
            else:
                continue
            assert not schema.is_valid(sent), (case.id, sent)
    assert refused > 300


def text_model() -> Contract:
    return load_contract(ROOT / "sample_models/text/contract/contract.json")


@pytest.mark.parametrize(
    ("request_", "allowed"),
    [
        ({"ids": [[1, 2]]}, True),
        ({"ids": [[1, 2]], "mask": [[1, 0]]}, True),
        ({"ids": [[1, 2]], "mask": [[1, 2]]}, False),
        ({"ids": [[1, 5000]]}, False),
        ({"ids": [[-1]]}, False),
        ({"ids": [1, 2]}, False),
        ({"ids": []}, False),
        ({"ids": [[1.5]]}, False),
        ({"ids": [[0] * 513]}, False),
        ({}, False),
        ({"ids": [[1]], "masks": [[1]]}, False),
    ],
)
def test_a_schema_refuses_what_it_can_say(request_: dict[str, Any], allowed: bool) -> None:
    assert jsonschema.Draft202012Validator(request_schema(text_model())).is_valid(request_) is allowed


def test_what_is_lost_is_said() -> None:
    assert "seq is one size in all its places" in request_schema(text_model())["description"]
    description = model_metadata(text_model())["description"]
    assert "mask is optional" in description
    assert "what ids may contain" in description
    assert "seq is at least 1 and at most 512" in description


def test_metadata_is_what_the_protocol_has() -> None:
    metadata = model_metadata(text_model())
    assert metadata["inputs"] == [
        {"name": "ids", "datatype": "INT64", "shape": [-1, -1]},
        {"name": "mask", "datatype": "INT64", "shape": [-1, -1]},
    ]
    (output,) = metadata["outputs"]
    assert output["datatype"] == "FP32"


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.parent.parent.name)
def test_openapi_refers_to_schemas_that_are_there(path: Path) -> None:
    document = openapi(load_contract(path), "/predict")
    assert document["openapi"] == "3.1.0"
    assert list(document["paths"]) == ["/predict"]
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert "$schema" not in schema
    text = json.dumps(document["paths"])
    assert {name for name in schemas if f"#/components/schemas/{name}" in text} == set(schemas)


def test_openapi_is_what_its_specification_wants() -> None:
    contracts = [load_contract(path) for path in SAMPLES] + [each for seed in range(60) for each in pair(seed)]
    for contract in contracts:
        errors = list(OpenAPIV31SpecValidator(json.loads(json.dumps(openapi(contract)))).iter_errors())
        assert not errors, (contract, errors)


def test_the_specification_would_see_a_mistake() -> None:
    document = openapi(load_contract(SAMPLES[0]))
    del document["info"]["version"]
    assert not OpenAPIV31SpecValidator(document).is_valid()


def test_the_codes_are_those_of_the_runtime() -> None:
    from contractgen.generate.runtime.violations import CATALOGUE

    assert {kind[0] for kind in CATALOGUE.values()} == set(CODES)
