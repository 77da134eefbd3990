"""Verifications as JSON, JUnit, SARIF and annotations."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import xmlschema

from contractgen.contract.codec import dumps
from contractgen.errors import UsageError
from contractgen.report import results_github, results_sarif
from contractgen.report.junit import junit
from contractgen.report.results import ClaimResult, Difference, Finding, Kind, Rate, RuntimeResult, Verification
from contractgen.report.results_lines import line_of
from contractgen.report.results_reading import load_results
from contractgen.report.results_schema import verification_schema
from tests.report.contracts import EVERYTHING

HERE = Path(__file__).parent

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
        "errors": "0",
        "skipped": "1",
        "time": "1.250",
    }
    names = [case.attrib["name"] for case in suite]
    assert names == ["dim:batch.min", "dim:batch.max", "parity: onnx differs from eager"]
    failure = suite[0].find("failure")
    assert failure is not None
    assert failure.text == "x: float32[0, 20]\ncase dim:batch.min/zero"
    assert failure.attrib["message"] == "the model runs on 0 \\x00 rows"


def test_results_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    for document in (RESULT.to_json(), {"ok": False, "verification": RESULT.to_json()}):
        path.write_text(json.dumps(document))
        assert load_results(path) == RESULT


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda body: {}, "holds no results of a check"),
        (lambda body: [body], "holds no results of a check"),
        (lambda body: {**body, "more": 1}, r"\$\.more is unknown"),
        (lambda body: {name: body[name] for name in body if name != "seed"}, r"\$\.seed is missing"),
        (lambda body: {**body, "seed": True}, r"\$\.seed cannot be true"),
        (lambda body: {**body, "seed": None}, r"\$\.seed cannot be null"),
        (lambda body: {**body, "notes": "x"}, r'\$\.notes cannot be "x"'),
        (lambda body: {**body, "policies": {"rank": "2"}}, r"\$\.policies\.rank cannot be"),
        (
            lambda body: {**body, "findings": [{**body["findings"][0], "kind": "odd"}]},
            r"\$\.findings\[0\]\.kind cannot be",
        ),
        (lambda body: {**body, "runtimes": [[]]}, r"\$\.runtimes\[0\] cannot be \[\]"),
    ],
)
def test_what_is_no_result_is_told_with_its_place(change: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(change(json.loads(json.dumps(RESULT.to_json())))))
    with pytest.raises(UsageError, match=message):
        load_results(path)


def test_a_file_that_cannot_be_read_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_results(tmp_path / "none.json")
    (tmp_path / "cut.json").write_text('{"format": ')
    with pytest.raises(UsageError, match="is no JSON"):
        load_results(tmp_path / "cut.json")


HOSTILE = "]]> \x00\x1b\ud800\ufffe <script> & \u2028 é"


@pytest.mark.parametrize("text", ["plain", HOSTILE])
def test_junit_keeps_the_schema_that_build_servers_read(text: str) -> None:
    schema = xmlschema.XMLSchema(HERE / "junit-10.xsd")
    result = replace(
        RESULT,
        model=text,
        claims=(*RESULT.claims, ClaimResult(text, text, 0, 0)),
        findings=(*RESULT.findings, Finding("sound", text, text, text, (text,), text)),
    )
    document = junit(result)
    schema.validate(document.encode().decode().partition("\n")[2])
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema.validate(document.partition("\n")[2].replace(' tests="', ' texts="', 1))


def test_a_claim_says_which_side_was_not_seen() -> None:
    sides = {
        (inside, outside): ClaimResult("c", "c", inside, outside).unseen for inside in (0, 1) for outside in (0, 1)
    }
    assert sides == {(0, 0): "neither met nor broken", (0, 1): "never met", (1, 0): "never broken", (1, 1): ""}
    assert ClaimResult("c", "c", 1, 0, "inside").exercised


def test_sarif_keeps_its_schema_and_knows_every_kind() -> None:
    schema: dict[str, Any] = json.loads((HERE / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
    findings = tuple(
        Finding(kind, "dim:batch.min", HOSTILE.encode("ascii", "replace").decode()) for kind in get_args(Kind)
    )
    log: Any = results_sarif.report(replace(RESULT, findings=findings), "1.0", "a b/contract.json", "")
    jsonschema.Draft7Validator(schema).validate(json.loads(json.dumps(log)))
    (run,) = log["runs"]
    assert [result["ruleId"] for result in run["results"]] == list(get_args(Kind))
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/contract.json"


def test_an_annotation_is_one_line_and_a_question_is_a_warning() -> None:
    asked = (replace(RESULT.findings[0], severity="question", message="100% of,\nthem"), RESULT.findings[1])
    text = results_github.report(replace(RESULT, findings=asked), "contract.json", '{\n    "batch":  {"min": 1}\n}')
    first, second, summary = text.splitlines()
    assert first.startswith(
        "::warning file=contract.json,line=2,title=complete%3A dim%3Abatch.min::100%25 of,%0Athem%0A"
    )
    assert second.startswith("::error file=contract.json,line=1,title=parity::onnx differs from eager: by 1%0A")
    assert summary == (
        "linear: 1 finding, 1 question; sound 9/10, complete 20/20, refused by client 20/20, by validator 20/20"
    )


TEXT = dumps(EVERYTHING)


@pytest.mark.parametrize(
    ("claim", "line"),
    [
        ("dim:seq.max", '"seq":'),
        ("dim:seq.tie@batch.mask[1]", '"seq":'),
        ("relation:0", '"relations":'),
        ("tensor:batch.ids.max", '"wire_name": "batch.ids"'),
        ("tensor:pair.1.shape[0]", '"wire_name": "pair.1"'),
        ("tensor:batch.ids[..., 1].min", '"wire_name": "batch.ids"'),
        ("input:bias.required", '"name": "bias"'),
        ("input:batch.mask.required", '"key": "mask"'),
        ("input:batch", '"name": "batch"'),
        ("list:frames.length", '"name": "frames"'),
        ("output:output", '"name": "output"'),
        ("inputs.batch.ids:shape", '"key": "ids"'),
        ("inputs.frames[2]:dtype", '"name": "frames"'),
        ("wire:truncated@application/json", "{"),
        ("", "{"),
    ],
)
def test_a_claim_is_found_at_its_line(claim: str, line: str) -> None:
    assert line in TEXT.splitlines()[line_of(claim, TEXT) - 1]
