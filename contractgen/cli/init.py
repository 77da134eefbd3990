"""`contractgen init`: write ``[tool.contractgen]`` by looking at the repository."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from contractgen.cli.failures import reported
from contractgen.cli.options import Traceback
from contractgen.cli.survey import Artifact, ModelClass, Survey, survey
from contractgen.config import read_config
from contractgen.errors import UsageError


def init(
    show: Annotated[bool, typer.Option("--print", help="Print what would be written and write nothing.")] = False,
    traceback: Traceback = False,
) -> None:
    """Add [tool.contractgen] to pyproject.toml: an entry per model file, with the class that its weights belong to.

    Nothing is loaded or run. In a terminal it asks where there is a choice; elsewhere it leaves the choice as a comment.
    """
    with reported(traceback):
        from contractgen.report.phrases import count

        root = Path.cwd()
        target = root / "pyproject.toml"
        present = target.read_text(encoding="utf-8") if target.is_file() else ""
        if "[tool.contractgen" in present:
            raise UsageError(f"{target.name} has [tool.contractgen] already", hint="Edit it, or remove it first.")
        read_config(root)
        found = survey(root)
        text = table(found, root, _chosen(found, root))
        if show:
            typer.echo(text, nl=False)
            return
        gap = "" if not present else "\n" if present.endswith("\n") else "\n\n"
        target.write_text(present + gap + text, encoding="utf-8", newline="\n")
        files = count(len(found.artifacts), "model file")
        typer.echo(f"written  {target.name}  [tool.contractgen] with {files}")
        for artifact in found.artifacts:
            typer.echo(f"next     contractgen export {artifact.path.relative_to(root).as_posix()}")
        if not found.artifacts:
            typer.echo("next     contractgen export MODEL   (no model file was found here)")


def _chosen(found: Survey, root: Path) -> dict[Path, ModelClass]:
    """The class of each artifact that needs one, where there is no doubt or a person was asked."""
    chosen: dict[Path, ModelClass] = {}
    for artifact in found.artifacts:
        if not artifact.needs_class:
            continue
        options = candidates(artifact, found.classes)
        if len(options) == 1:
            chosen[artifact.path] = options[0]
        elif options and sys.stdin.isatty() and sys.stdout.isatty():
            typer.echo(f"{artifact.path.relative_to(root).as_posix()} holds weights. Of which class?")
            for number, option in enumerate(options, 1):
                typer.echo(f"  {number}  {option.reference(root)}")
            answer = typer.prompt("number, 0 for none", type=int, default=0)
            if 1 <= answer <= len(options):
                chosen[artifact.path] = options[answer - 1]
    return chosen


def candidates(artifact: Artifact, classes: Sequence[ModelClass]) -> list[ModelClass]:
    """The classes that an artifact's weights may belong to: whole models, those nearest to the file where some are near."""
    whole = [one for one in classes if not one.inside] or list(classes)
    beside = [one for one in whole if one.path.parent == artifact.path.parent]
    return beside if len(beside) == 1 else whole


def table(found: Survey, root: Path, chosen: dict[Path, ModelClass]) -> str:
    """The table's text."""
    lines = ["[tool.contractgen]", 'contracts = ["contracts/*/contract.json"]']
    for artifact in found.artifacts:
        name = artifact.path.relative_to(root).as_posix()
        lines += ["", f"[tool.contractgen.models.{_quoted(name)}]"]
        if artifact.path in chosen:
            lines.append(f"model = {_quoted(chosen[artifact.path].reference(root))}")
        elif artifact.needs_class:
            options = candidates(artifact, found.classes)
            lines.append("# Weights alone: name what builds the model." + (" One of these?" if options else ""))
            lines += [f"# model = {_quoted(option.reference(root))}" for option in options]
            if not options:
                lines.append('# model = "package.module:Class"')
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's, but for the one of DEL, which file names hardly have."""
    return json.dumps(text, ensure_ascii=False)
