"""`contractgen diff`: two contracts, from files and from git, in every format, and its exit codes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import ROOT, contractgen

SAMPLE = ROOT / "sample_models/text/contract/contract.json"


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def with_seq(folder: Path, most: int | None, name: str = "new.json") -> Path:
    """The sample with another maximum of its dim `seq`."""
    document = json.loads(SAMPLE.read_text())
    del document["fingerprint"]
    document["dims"]["seq"]["max"] = most
    (folder / name).write_text(json.dumps(document, indent=2) + "\n")
    return folder / name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(SAMPLE, tmp_path / "old.json")
    with_seq(tmp_path, 256)
    return tmp_path


def allow(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(f"[[tool.contractgen.diff.allow]]\n{text}\n")


def test_a_break_is_shown_with_its_reason_and_an_example(folder: Path) -> None:
    ran = contractgen("diff", "old.json", "new.json", cwd=folder)
    assert ran.code == 1, ran.both
    lines = ran.out.splitlines()
    assert lines[0] == "old.json -> new.json"
    assert lines[2] == "error    input-max  dim seq at inputs.ids axis 1: was seq (1 to 512), now at most 256"
    assert lines[3] == "         breaks   old clients with the new server: a request with a larger size is refused"
    assert lines[4] == "         example  request {ids: int64[1, 257] of 0}"
    assert "1 breaking change" in lines
    assert "suggested version step: major" in lines


def test_equal_contracts_are_told_so(folder: Path) -> None:
    ran = contractgen("diff", "old.json", "old.json", cwd=folder)
    assert (ran.code, ran.err) == (0, "")
    assert "both allow the same requests and promise the same responses" in ran.out
    assert "suggested version step: none" in ran.out


@pytest.mark.parametrize(("mode", "code"), [("backward", 0), ("forward", 1), ("full", 1)])
def test_the_mode_says_which_direction_has_to_keep_working(mode: str, code: int, folder: Path) -> None:
    ran = contractgen("diff", "new.json", "old.json", "--mode", mode, cwd=folder)
    assert ran.code == code, ran.both
    assert "suggested version step: minor" in ran.out


def test_the_mode_may_stand_in_the_configuration(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.contractgen.diff]\nmode = "full"\n')
    assert contractgen("diff", "new.json", "old.json", cwd=folder).code == 1
    assert contractgen("diff", "new.json", "old.json", "--mode", "backward", cwd=folder).code == 0


def test_json_has_every_finding_with_its_witness(folder: Path) -> None:
    ran = contractgen("diff", "old.json", "new.json", "--format", "json", cwd=folder)
    assert ran.code == 1
    result = json.loads(ran.out)
    (comparison,) = result["comparisons"]
    (finding,) = comparison["findings"]
    assert (finding["rule"], finding["breaks"], finding["severity"]) == ("input-max", "backward", "error")
    assert finding["witness"] == {
        "request": {"ids": {"wire_name": "ids", "dtype": "int64", "shape": [1, 257], "fill": 0}}
    }
    assert result["summary"] == {"errors": 1, "warnings": 0, "other_changes": 0, "allowed": 0, "step": "major"}


def test_markdown_is_a_table(folder: Path) -> None:
    ran = contractgen("diff", "old.json", "new.json", "--format", "markdown", cwd=folder)
    assert ran.code == 1
    row = "| breaking | `input-max` | dim seq at inputs.ids axis 1 | seq (1 to 512) | at most 256 |"
    assert any(line.startswith(row) for line in ran.out.splitlines()), ran.out


def test_github_gets_an_annotation_at_the_line_of_the_dim(folder: Path) -> None:
    ran = contractgen("diff", "old.json", "new.json", "--format", "github", cwd=folder)
    assert ran.code == 1
    lines = (folder / "new.json").read_text().splitlines()
    number = 1 + next(index for index, line in enumerate(lines) if '"seq": {' in line)
    first = ran.out.splitlines()[0]
    assert first.startswith(f"::error file=new.json,line={number},title=input-max::dim seq at inputs.ids axis 1: was")
    assert "%0A" in first


def test_sarif_is_what_the_standard_wants(folder: Path) -> None:
    ran = contractgen("diff", "old.json", "new.json", "--format", "sarif", cwd=folder)
    assert ran.code == 1
    log: dict[str, Any] = json.loads(ran.out)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    (result,) = run["results"]
    assert result["level"] == "error"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "input-max"
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "new.json"}
    assert "[1, 257]" in result["message"]["text"]


def test_an_allowed_finding_passes_and_its_reason_is_shown(folder: Path) -> None:
    allow(folder, 'rule = "input-max"\nabout = "dim seq"\nreason = "no caller sends more than 200 tokens"')
    ran = contractgen("diff", "old.json", "new.json", cwd=folder)
    assert (ran.code, ran.err) == (0, ""), ran.both
    assert "no caller sends more than 200 tokens" in ran.out
    assert "0 breaking changes, 1 allowed" in ran.out
    sarif = json.loads(contractgen("diff", "old.json", "new.json", "--format", "sarif", cwd=folder).out)
    (result,) = sarif["runs"][0]["results"]
    assert result["suppressions"][0]["justification"] == "no caller sends more than 200 tokens"


@pytest.mark.parametrize("text", ['about = "dim height"', 'contract = "elsewhere/*.json"'])
def test_an_allowance_of_something_else_forgives_nothing(text: str, folder: Path) -> None:
    allow(folder, f'rule = "input-max"\n{text}\nreason = "r"')
    assert contractgen("diff", "old.json", "new.json", cwd=folder).code == 1


def test_a_stale_allowance_is_warned_about(folder: Path) -> None:
    allow(folder, 'rule = "input-min"\nabout = "dim seq"\nreason = "long ago"')
    ran = contractgen("diff", "old.json", "old.json", cwd=folder)
    assert ran.code == 0
    assert "warning: the allowance of input-min about 'dim seq' is stale" in ran.err
    assert "long ago" in ran.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('rule = "input-max"', "has no reason"),
        ('rule = "input-max"\nreason = "  "', "has no reason"),
        ('rule = "input-maximum"\nreason = "r"', "'input-maximum' is no rule"),
        ('rule = "input-max"\nreason = "r"\nwhere = "x"', "unknown key `where`"),
        ('rule = "input-max"\nreason = 3', "reason must be a string"),
    ],
)
def test_a_wrong_allowance_is_a_usage_error(text: str, message: str, folder: Path) -> None:
    allow(folder, text)
    ran = contractgen("diff", "old.json", "new.json", cwd=folder)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


@pytest.fixture
def repository(folder: Path) -> Path:
    """A contract at the tags v1 (up to 512), v2 (256), v3 (512), after v0 without it; now up to 300."""
    git(folder, "init", "--quiet")
    for tag, most in (("v0", 0), ("v1", 512), ("v2", 256), ("v3", 512)):
        if most:
            (folder / "contracts").mkdir(exist_ok=True)
            with_seq(folder / "contracts", most, "m.json")
            git(folder, "add", "contracts")
        git(folder, "commit", "--quiet", "--allow-empty", "--message", tag)
        git(folder, "tag", tag)
    with_seq(folder / "contracts", 300, "m.json")
    return folder


def test_the_old_contract_may_be_in_git(repository: Path) -> None:
    assert contractgen("diff", "v2:contracts/m.json", "contracts/m.json", cwd=repository).code == 0
    assert contractgen("diff", "HEAD:contracts/m.json", "contracts/m.json", cwd=repository).code == 1
    ran = contractgen("diff", "HEAD:./m.json", "m.json", cwd=repository / "contracts")
    assert ran.code == 1, ran.both


def test_against_compares_each_contract_with_itself_in_a_revision(repository: Path) -> None:
    shutil.copy(repository / "old.json", repository / "contracts/added.json")
    ran = contractgen("diff", "--against", "HEAD", "contracts/m.json", "contracts/added.json", cwd=repository)
    assert ran.code == 1
    assert [line for line in ran.out.splitlines() if "->" in line] == ["HEAD:contracts/m.json -> contracts/m.json"]
    assert "not in HEAD, so nothing to break: contracts/added.json" in ran.err
    assert contractgen("diff", "--against", "v2", "contracts/m.json", cwd=repository).code == 0
    assert contractgen("diff", "--against", "HEAD", "contracts/added.json", cwd=repository).code == 0
    assert contractgen("diff", "--against", "v9", "contracts/m.json", cwd=repository).code == 2


def test_since_compares_with_the_newest_tag(repository: Path) -> None:
    ran = contractgen("diff", "--since", "v1", "contracts/m.json", cwd=repository)
    assert ran.code == 1
    assert [line for line in ran.out.splitlines() if "->" in line] == ["v3:contracts/m.json -> contracts/m.json"]


def test_transitive_compares_with_every_tag_that_has_it(repository: Path) -> None:
    ran = contractgen("diff", "--since", "v0", "--transitive", "contracts/m.json", "--format", "json", cwd=repository)
    assert ran.code == 1
    result = json.loads(ran.out)
    steps = [(one["old"], one["step"]) for one in result["comparisons"]]
    assert steps == [
        (f"{tag}:contracts/m.json", step) for tag, step in (("v1", "major"), ("v2", "minor"), ("v3", "major"))
    ]
    assert "not compared, since they do not have it: v0" in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["new.json"], "give OLD and NEW"),
        (["a.json", "b.json", "c.json"], "give OLD and NEW"),
        (["nowhere.json", "new.json"], "nowhere.json: cannot be read: No such file"),
        (["main:nowhere.json", "new.json"], "cannot be read from git"),
        (["old.json", "new.json", "--transitive"], "--transitive goes with --since"),
        (["old.json", "new.json", "--since", "v1"], "with --since give NEW alone"),
        (["new.json", "--since", "v9"], "not a git repository"),
        (["--upload-pack=x:a", "new.json"], ""),
        (["old.json", "broken.json"], "broken.json"),
        (["old.json", "."], "cannot be read"),
    ],
)
def test_a_comparison_that_fails_is_never_0(arguments: list[str], message: str, folder: Path) -> None:
    (folder / "broken.json").write_text("{")
    ran = contractgen("diff", *arguments, cwd=folder)
    assert (ran.code, ran.out) == (2, ""), ran.both
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_a_tag_that_does_not_exist_is_no_comparison(repository: Path) -> None:
    ran = contractgen("diff", "--since", "v9", "contracts/m.json", cwd=repository)
    assert ran.code == 2
    assert "v9 is no revision of this repository" in ran.err


def test_tags_without_the_contract_are_no_comparison(repository: Path) -> None:
    ran = contractgen("diff", "--since", "v1", "new.json", cwd=repository)
    assert ran.code == 2
    assert "no tag since v1 has new.json" in ran.err


def test_a_contract_of_a_tag_that_is_broken_is_never_0(repository: Path) -> None:
    (repository / "contracts/m.json").write_text("{}")
    git(repository, "add", "contracts")
    git(repository, "commit", "--quiet", "--message", "broken")
    git(repository, "tag", "v4")
    with_seq(repository / "contracts", None, "m.json")
    ran = contractgen("diff", "--since", "v1", "--transitive", "contracts/m.json", cwd=repository)
    assert ran.code == 2
    assert "v4:contracts/m.json" in ran.err


def test_what_was_not_found_out_is_a_warning_and_not_0() -> None:
    rules = ROOT / "tests/compare/rules/input-undecided"
    ran = contractgen("diff", "old.json", "new.json", cwd=rules)
    assert ran.code == 1
    assert "warning  input-undecided  dim y at inputs.value axis 1" in ran.out
    assert "it was not found out whether this breaks input-max" in ran.out
