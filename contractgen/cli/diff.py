"""`contractgen diff OLD NEW`: what changed from one contract to another, and what that breaks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from contractgen.cli.console import near, stderr, stdout
from contractgen.cli.failures import FINDINGS, reported
from contractgen.cli.options import Traceback
from contractgen.cli.revisions import Source, at_revision, read, tagged
from contractgen.config import read_config
from contractgen.contract.compare import api
from contractgen.contract.compare.allow import Allowance, forgiven
from contractgen.contract.compare.rules import RULES
from contractgen.errors import UsageError

if TYPE_CHECKING:
    from contractgen.report.findings import Compared


class Mode(str, Enum):
    """Which direction has to keep working."""

    backward = "backward"
    forward = "forward"
    full = "full"


_MODES: Final[dict[Mode, api.Mode]] = {Mode.backward: "backward", Mode.forward: "forward", Mode.full: "full"}


class DiffFormat(str, Enum):
    """How a comparison is printed."""

    text = "text"
    json = "json"
    markdown = "markdown"
    github = "github"
    sarif = "sarif"


def diff(
    contracts: Annotated[
        list[str],
        typer.Argument(
            metavar="CONTRACT",
            help="OLD and NEW, or NEW alone with --since, or several with --against: files, or REV:path in git.",
            show_default=False,
        ),
    ],
    mode: Annotated[
        Mode | None,
        typer.Option(
            "--mode",
            help="backward: old clients with a new server; forward: new clients with an old server; full: both.",
            show_default="backward",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="REV", help="Compare each NEW with itself in REV."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TAG", help="Compare NEW with the newest tag that has it, from TAG on."),
    ] = None,
    transitive: Annotated[bool, typer.Option("--transitive", help="With --since: with every such tag.")] = False,
    output: Annotated[
        DiffFormat, typer.Option("--format", help="How the comparison is printed on stdout.")
    ] = DiffFormat.text,
    traceback: Traceback = False,
) -> None:
    """Compare one contract, OLD, with another, NEW. Exits 1 where something breaks, or where it was not found out whether it does."""
    with reported(traceback):
        config = read_config(Path.cwd())
        settings = read_settings(config.diff)
        chosen = _MODES[mode if mode is not None else settings.mode]
        results: list[Compared] = []
        used: set[Allowance] = set()
        spoken_of: set[Allowance] = set()
        for old, new in _pairs(contracts, against, since, transitive):
            file = _from_root(new.file, config.root)
            result, of_use = _compared(old, new, chosen, file, settings.allow)
            results.append(result)
            used |= of_use
            spoken_of.update(one for one in settings.allow if one.is_for(file))
        stale = [one for one in settings.allow if one in spoken_of and one not in used]
        if results:
            _print(results, stale, output)
        for one in stale:
            about = f" about {one.about!r}" if one.about else ""
            stderr().print(
                f"[bold yellow]warning:[/] the allowance of {escape(one.rule)}{escape(about)} is stale: "
                f"no such finding; remove it ({escape(one.reason)})",
                soft_wrap=True,
            )
        if any(finding.severity != "info" for one in results for finding in one.comparison.findings):
            raise typer.Exit(FINDINGS)


def _pairs(
    contracts: Sequence[str], against: str | None, since: str | None, transitive: bool
) -> list[tuple[Source, Source]]:
    """What to compare with what, the oldest first."""
    if against is not None:
        if since is not None or transitive:
            raise UsageError("--against and --since exclude each other")
        found = [(at_revision(spec, against), read(spec)) for spec in contracts]
        added = [new.name for old, new in found if old is None]
        if added:
            stderr().print(f"[dim]not in {escape(against)}, so nothing to break: {escape(', '.join(added))}[/]")
        return [(old, new) for old, new in found if old is not None]
    if since is None:
        if transitive:
            raise UsageError(
                "--transitive goes with --since", hint="For example: contractgen diff --since v1 --transitive NEW"
            )
        if len(contracts) != 2:
            raise UsageError("give OLD and NEW, or --since TAG and NEW", hint="OLD may be REV:path in git.")
        return [(read(contracts[0]), read(contracts[1]))]
    if len(contracts) != 1:
        raise UsageError("with --since give NEW alone", hint="The tags are what it is compared with.")
    new = read(contracts[0])
    olds, without = tagged(contracts[0], since, every=transitive)
    if without:
        stderr().print(f"[dim]not compared, since they do not have it: {escape(', '.join(without))}[/]", soft_wrap=True)
    return [(old, new) for old in olds]


def _compared(
    old: Source, new: Source, mode: api.Mode, file: str, allowances: Sequence[Allowance]
) -> tuple[Compared, frozenset[Allowance]]:
    from contractgen.report.findings import Compared

    kept, allowed, used = forgiven(api.compare(old.contract, new.contract, mode), file, allowances)
    return Compared(old.name, new.name, new.file, new.text, kept, allowed), used


def _print(results: Sequence[Compared], stale: Sequence[Allowance], output: DiffFormat) -> None:
    if output is DiffFormat.text:
        from contractgen.report import findings_text

        stdout().print(findings_text.report(results))
    elif output is DiffFormat.markdown:
        from contractgen.report import findings_markdown

        typer.echo(findings_markdown.report(results), nl=False)
    elif output is DiffFormat.github:
        from contractgen.report import findings_github

        typer.echo(findings_github.report(results), nl=False)
    elif output is DiffFormat.sarif:
        import contractgen
        from contractgen.report import findings_sarif

        typer.echo(json.dumps(findings_sarif.report(results, contractgen.__version__), indent=2, ensure_ascii=False))
    else:
        from contractgen.report import findings

        typer.echo(json.dumps(findings.to_json(results, stale), indent=2, ensure_ascii=False))


def _from_root(file: str, root: Path) -> str:
    """A contract's path as the configuration names it: from the folder of pyproject.toml."""
    path = Path(file).resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else near(path).as_posix()


class DiffSettings:
    """What ``[tool.contractgen.diff]`` says."""

    def __init__(self, mode: Mode = Mode.backward, allow: Sequence[Allowance] = ()) -> None:
        """By default nothing is allowed."""
        self.mode = mode
        self.allow = tuple(allow)


_ALLOW_KEYS = ("rule", "about", "contract", "reason")


def read_settings(table: Mapping[str, object]) -> DiffSettings:
    """Read ``[tool.contractgen.diff]``. Raises `UsageError`, also for an allowance without a reason."""
    where = "pyproject.toml [tool.contractgen.diff]"
    for key in table:
        if key not in {"mode", "allow"}:
            raise UsageError(f"{where}: unknown key `{key}`", hint="Known keys: allow, mode.")
    mode = table.get("mode", "backward")
    if mode not in {each.value for each in Mode}:
        raise UsageError(f"{where} mode must be backward, forward or full, not {mode!r}")
    entries = table.get("allow", [])
    if not isinstance(entries, list):
        raise UsageError(f"{where} allow must be a list of tables: [[tool.contractgen.diff.allow]]")
    return DiffSettings(Mode(mode), [_allowance(entry, f"{where} allow {i + 1}") for i, entry in enumerate(entries)])


def _allowance(entry: object, where: str) -> Allowance:
    if not isinstance(entry, dict):
        raise UsageError(f"{where} must be a table")
    for key, value in entry.items():
        if key not in _ALLOW_KEYS:
            raise UsageError(f"{where}: unknown key `{key}`", hint=f"Known keys: {', '.join(_ALLOW_KEYS)}.")
        if not isinstance(value, str):
            raise UsageError(f"{where} {key} must be a string, not {value!r}")
    if entry.get("rule") not in RULES:
        raise UsageError(f"{where}: {entry.get('rule')!r} is no rule", hint="docs/rules.md lists them.")
    if not entry.get("reason", "").strip():
        raise UsageError(f"{where} has no reason", hint='Say why nobody is hurt: reason = "...".')
    return Allowance(entry["rule"], entry["reason"], entry.get("about"), entry.get("contract"))
