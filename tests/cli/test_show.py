"""`contractgen show`, `schema` and what every command shares."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import ROOT, contractgen, everything

CONTRACT = ROOT / "sample_models/linear/contract/contract.json"


def test_show_prints_the_signature_without_the_evidence(tmp_path: Path) -> None:
    ran = contractgen("show", CONTRACT, cwd=tmp_path)
    assert ran.code == 0, ran.both
    assert "  x  float32  [batch, 20]  finite" in ran.out
    assert "  batch  1 or more  batch axis" in ran.out
    assert "Evidence" not in ran.out


def test_why_adds_the_evidence(tmp_path: Path) -> None:
    ran = contractgen("show", CONTRACT, "--why", cwd=tmp_path)
    document = json.loads(CONTRACT.read_text())
    for each in document["evidence"]:
        assert each["detail"] in ran.out


def test_a_pipe_gets_one_line_per_row_without_colour(tmp_path: Path) -> None:
    ran = contractgen("show", CONTRACT, "--why", cwd=tmp_path, COLUMNS="20")
    assert "\x1b" not in ran.out
    assert "  x  float32  [batch, 20]  finite" in ran.out


def test_json_is_the_contract(tmp_path: Path) -> None:
    ran = contractgen("show", CONTRACT, "--format", "json", cwd=tmp_path)
    assert json.loads(ran.out) == json.loads(CONTRACT.read_text())


def test_html_is_written_where_it_was_asked_for(tmp_path: Path) -> None:
    ran = contractgen("show", CONTRACT, "--html", "page.html", cwd=tmp_path)
    assert (ran.code, ran.out) == (0, "written  page.html\n")
    assert "<!doctype html>" in (tmp_path / "page.html").read_text()


def test_html_into_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    ran = contractgen("show", CONTRACT, "--html", "nowhere/page.html", cwd=tmp_path)
    assert ran.code == 2
    assert "nowhere/page.html cannot be written" in ran.err


def test_schema_holds_for_every_sample(tmp_path: Path) -> None:
    from jsonschema import Draft202012Validator

    ran = contractgen("schema", cwd=tmp_path)
    schema = json.loads(ran.out)
    Draft202012Validator.check_schema(schema)
    for path in ROOT.glob("sample_models/*/contract/contract.json"):
        Draft202012Validator(schema).validate(json.loads(path.read_text()))


def test_the_results_of_a_check_have_a_schema_too(tmp_path: Path) -> None:
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(json.loads(contractgen("schema", "verification", cwd=tmp_path).out))


def test_version(tmp_path: Path) -> None:
    import contractgen as package

    assert contractgen("--version", cwd=tmp_path).out == f"contractgen {package.__version__}\n"


@pytest.mark.parametrize("arguments", [["frobnicate"], ["show"], ["show", "--frob"], ["show", "x", "--format", "yaml"]])
def test_a_wrong_call_is_a_usage_error(arguments: list[str], tmp_path: Path) -> None:
    ran = contractgen(*arguments, cwd=tmp_path)
    assert ran.code == 2
    assert ran.out == ""
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON: line 1, column 1"),
        (b"\xff", "not UTF-8"),
        (b"[]", "$"),
        (b'{"format": "contractgen/2"}', "$.format"),
    ],
    ids=["empty", "no text", "no object", "another format"],
)
def test_a_file_that_is_no_contract_is_told_with_its_place(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "contract.json").write_bytes(content)
    ran = contractgen("show", "contract.json", cwd=tmp_path)
    assert ran.code == 2
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_traceback_shows_where_an_error_was_raised(tmp_path: Path) -> None:
    ran = contractgen("show", "nowhere.json", "--traceback", cwd=tmp_path)
    assert ran.code == 2
    assert "Traceback" in ran.err


def test_an_unexpected_exception_is_an_internal_error(tmp_path: Path) -> None:
    program = """
import sys
from contractgen.cli import show
show.load_contract = lambda path: 1 / 0
sys.argv = ["contractgen", "show", "x.json", *sys.argv[1:]]
from contractgen.cli.main import run
run()
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for extra, shown in (([], False), (["--traceback"], True)):
        done = subprocess.run(
            [sys.executable, "-c", program, *extra], cwd=tmp_path, capture_output=True, text=True, env=environment
        )
        assert done.returncode == 70
        assert "internal error: ZeroDivisionError" in done.stderr
        assert ("Traceback" in done.stderr) == shown


def test_an_interrupt_is_130(tmp_path: Path) -> None:
    program = """
import sys
from contractgen.cli import show
def stop(path):
    raise KeyboardInterrupt
show.load_contract = stop
sys.argv = ["contractgen", "show", "x.json"]
from contractgen.cli.main import run
run()
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_terminal_gets_colour_unless_it_is_not_wanted(no_color: str, coloured: bool, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "NO_COLOR": no_color}
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "contractgen.cli", "show", str(CONTRACT)], stdout=follower, cwd=tmp_path, env=environment
    ) as process:
        os.close(follower)
        seen = everything(leader)
        assert process.wait() == 0
    assert ("\x1b[36m" in seen or "\x1b[1;36m" in seen) == coloured
