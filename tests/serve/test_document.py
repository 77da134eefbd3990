"""The OpenAPI document that the server hands out is valid, and the server does what it says."""

from __future__ import annotations

import subprocess
import sys

import openapi_spec_validator

from tests.serve.command import Served

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method"
)


def test_names_every_path_that_there_is(served: Served) -> None:
    document = served.get("/openapi.json").json
    openapi_spec_validator.validate(document)
    assert {"/contract.json", "/metrics", "/invocations", "/v2/models/linear/infer"} <= set(document["paths"])
    for path, operations in document["paths"].items():
        if "get" in operations:
            assert served.get(path).status == 200
        else:
            assert served.get(path).status == 405
    assert served.get("/contract.json").json["format"] == "contractgen/1"


def test_is_what_the_server_does(served: Served) -> None:
    command = [
        *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run"),
        *(f"{served.url}/openapi.json", "--checks", CHECKS, "--generation-deterministic", "--max-examples", "5"),
        *("--phases", "examples,coverage"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
