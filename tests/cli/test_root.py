"""What holds for the command line as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

import contractgen as package
from contractgen.cli.main import COMMANDS
from tests.cli.command import contractgen


def test_the_version_is_printed(tmp_path: Path) -> None:
    assert contractgen("--version", cwd=tmp_path).out == f"contractgen {package.__version__}\n"


def test_every_command_has_help(tmp_path: Path) -> None:
    listed = contractgen("-h", cwd=tmp_path, TERM="dumb").out
    for name in COMMANDS:
        assert f"│ {name} " in listed
    ran = contractgen("init", "-h", cwd=tmp_path, TERM="dumb")
    assert ran.code == 0
    assert "Add [tool.contractgen] to pyproject.toml" in ran.out


def test_a_misspelt_command_is_a_usage_error_with_a_guess(tmp_path: Path) -> None:
    ran = contractgen("exprot", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "Did you mean 'export'" in ran.err


@pytest.mark.parametrize(
    ("shell", "variables", "offered"),
    [
        ("bash", {"COMP_WORDS": "contractgen d", "COMP_CWORD": "1"}, {"diff"}),
        ("bash", {"COMP_WORDS": "contractgen diff --tr", "COMP_CWORD": "2"}, {"--transitive", "--traceback"}),
        ("bash", {"COMP_WORDS": "contractgen diff --mode ", "COMP_CWORD": "3"}, {"backward", "forward", "full"}),
        ("fish", {"_TYPER_COMPLETE_ARGS": "contractgen conv", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}, {"convert"}),
    ],
    ids=["commands", "options", "values", "fish"],
)
def test_a_shell_completes(shell: str, variables: dict[str, str], offered: set[str], tmp_path: Path) -> None:
    # `python -m` goes by another name than the installed script, and the variable with it.
    completing = {"_PYTHON _M CONTRACTGEN.CLI_COMPLETE": f"complete_{shell}"}
    ran = contractgen(cwd=tmp_path, **completing, **variables)
    assert {line.partition("\t")[0] for line in ran.out.splitlines()} == offered, ran.both


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_printed(shell: str, tmp_path: Path) -> None:
    ran = contractgen("--show-completion", shell, cwd=tmp_path, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert ran.code == 0, ran.both
    assert f"complete_{shell}" in ran.out


@pytest.mark.parametrize("arguments", [["show", "nowhere.json"], ["diff", "a.json", "b.json"], ["generate"]])
def test_an_error_points_to_what_explains_it(arguments: list[str], tmp_path: Path) -> None:
    ran = contractgen(*arguments, cwd=tmp_path)
    assert ran.code == 2
    last = ran.err.splitlines()[-1]
    assert last.startswith("more: contractgen explain ")
    explained = contractgen("explain", last.split()[-1], cwd=tmp_path)
    assert explained.code == 0
    assert explained.out.startswith(f"{last.split()[-1]}: ")


def test_no_color_is_honoured_where_colour_is_forced(tmp_path: Path) -> None:
    forced = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    assert "\x1b[1;31m" in contractgen("show", "nowhere.json", cwd=tmp_path, **forced).err
    assert "31m" not in contractgen("show", "nowhere.json", cwd=tmp_path, NO_COLOR="1", **forced).err
    assert "\x1b" not in contractgen("show", "nowhere.json", cwd=tmp_path).err
