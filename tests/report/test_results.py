"""Verifications as JSON and JUnit."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import jsonschema

from contractgen.report.junit import junit
from contractgen.report.results import ClaimResult, Difference, Finding, Rate, RuntimeResult, Verification
from contractgen.report.results_schema import verification_schema

RESULT = Verification(
    model="linear", fingerprint="sha256:00", seed=0, seconds=1.25, soundness=Rate(9, 10), completeness=Rate(20, 20),
    refused_by_client=Rate(20, 20), refused_by_validator=Rate(20, 20), refused_by_code={"shape": 12},
    policies={"rank": 2}, round_trips={"application/x-npy": 5},
    runtimes=(
        RuntimeResult("eager", available=True, run=10),
        RuntimeResult("onnx", available=True, run=10, disagreed=1, worst=Difference(math.inf, math.inf, "output", "c7", ("x",))),
    ),
    claims=(ClaimResult("dim:batch.min", "batch is 1 or more", 3, 2), ClaimResult("dim:batch.max", "batch is at most 4", 3, 0)),
    findings=(
        Finding("complete", "dim:batch.min", "the model runs on 0 \x00 rows", "dim:batch.min/zero", ("x: float32[0, 20]",)),
        Finding("parity", "", "onnx differs from eager: by 1", "valid/smallest", (), "onnx"),
    ),
)  # fmt: skip


def test_json_fits_its_schema_and_holds_no_infinity() -> None:
    text = json.dumps(RESULT.to_json(), allow_nan=False)
    jsonschema.Draft202012Validator.check_schema(verification_schema())
    jsonschema.validate(json.loads(text), verification_schema())
    assert json.loads(text)["runtimes"][1]["worst"]["ratio"] is None


def test_the_schema_refuses_what_it_does_not_know() -> None:
    body = {**RESULT.to_json(), "more": 1}
    assert list(jsonschema.Draft202012Validator(verification_schema()).iter_errors(body))


def test_questions_do_not_fail() -> None:
    asked = tuple(replace(finding, severity="question") for finding in RESULT.findings)
    assert not RESULT.ok
    assert replace(RESULT, findings=asked).ok  # type: ignore[arg-type]


def test_junit_has_a_case_per_claim_and_a_failure_per_finding() -> None:
    (suite,) = ET.fromstring(junit(RESULT).partition("\n")[2])
    assert suite.attrib == {
        "name": "contractgen linear",
        "tests": "3",
        "failures": "2",
        "skipped": "1",
        "time": "1.250",
    }
    names = [case.attrib["name"] for case in suite]
    assert names == ["dim:batch.min", "dim:batch.max", "parity: onnx differs from eager"]
    failure = suite[0].find("failure")
    assert failure is not None
    assert failure.text == "x: float32[0, 20]\ncase dim:batch.min/zero"
    assert failure.attrib["message"] == "the model runs on 0 \\x00 rows"
