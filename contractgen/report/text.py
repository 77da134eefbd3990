"""What a person reads in the terminal: a contract, its evidence, a verification, the files written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from contractgen.contract import model
from contractgen.contract.expression import render
from contractgen.report import phrases
from contractgen.report.layout import Columns
from contractgen.report.phrases import count
from contractgen.report.results import Finding, RuntimeResult, Verification

_SOURCE_STYLES = {
    "declared": "cyan",
    "traced": "green",
    "weights": "green",
    "probed": "green",
    "assumed": "yellow",
}


def heading(text: str) -> Text:
    """The first line of a section."""
    return Text(text, style="bold")


def signature(contract: model.Contract) -> RenderableType:
    """The contract itself: one line per tensor, then dims and relations."""
    parts: list[RenderableType] = [Text.assemble((contract.name, "bold"), "  ", (contract.fingerprint, "dim"))]
    if contract.description:
        parts.append(Text(contract.description))
    parts += [Text(), heading("Inputs"), Columns([_leaf(line) for line in phrases.input_lines(contract)])]
    parts += [Text(), heading("Outputs"), Columns([_leaf(line) for line in phrases.output_lines(contract)])]
    if contract.dims:
        rows = [
            [Text(name, style="magenta"), Text(phrases.dim(dim)), Text(_role(dim), style="dim")]
            for name, dim in contract.dims.items()
        ]
        parts += [Text(), heading("Dims"), Columns(rows)]
    if contract.relations:
        parts += [Text(), heading("Relations"), Columns([[render(relation)] for relation in contract.relations])]
    return Group(*parts)


def _leaf(line: phrases.Line) -> list[Text]:
    remarks = [line.domain, *line.notes] if line.domain else list(line.notes)
    return [Text(line.path, style="bold cyan"), Text(line.dtype), Text(line.shape), Text("; ".join(remarks))]


def _role(dim: model.Dim) -> str:
    return f"{dim.role} axis" if dim.role else ""


def questions(contract: model.Contract) -> RenderableType | None:
    """The assumed claims as questions, or None where there are none."""
    assumed = phrases.questions(contract)
    if not assumed:
        return None
    title = Text("Please confirm (assumed, nothing proves it)", style="bold yellow")
    rows: list[list[Text | str]] = [[Text("?", style="yellow"), phrases.about(each), each.detail] for each in assumed]
    return Group(title, Columns(rows))


def evidence(contract: model.Contract) -> RenderableType | None:
    """Why each claim is believed, one line each, or None for a contract without evidence."""
    rows: list[list[Text | str]] = [
        [phrases.about(each), Text(each.source, style=_SOURCE_STYLES[each.source]), each.detail]
        for each in phrases.answers(contract)
    ]
    return Group(heading("Evidence"), Columns(rows)) if rows else None


def verification(result: Verification) -> RenderableType:
    """The figures and findings of a verification."""
    inputs = sum(result.refused_by_code.values())
    by_code = ", ".join(f"{code} {number}" for code, number in sorted(result.refused_by_code.items()) if number)
    rows: list[list[Text | str]] = [
        ["sound", _rate(result.soundness.text, result.soundness.good == result.soundness.cases),
         "accepted inputs ran, and every runtime agreed"],
        ["complete", _rate(result.completeness.text, result.completeness.good == result.completeness.cases),
         "refused inputs fail in the model, or a stated policy accounts for them"],
        ["refused", _rate(result.refused_by_client.text, result.refused_by_client.good == result.refused_by_client.cases),
         "bad inputs stopped by the client"],
        ["", _rate(result.refused_by_validator.text,
                   result.refused_by_validator.good == result.refused_by_validator.cases),
         f"bad inputs stopped by the validator{f' ({by_code})' if inputs else ''}"],
    ]  # fmt: skip
    if result.policies:
        accounted = ", ".join(f"{name} {number}" for name, number in sorted(result.policies.items()))
        rows.append(
            ["policies", Text(str(sum(result.policies.values()))), f"the kernels take more than is meant: {accounted}"]
        )
    if result.round_trips:
        formats = ", ".join(f"{name} {number}" for name, number in result.round_trips.items())
        rows.append(["wire", Text(str(sum(result.round_trips.values()))), f"requests arrived unchanged: {formats}"])
    parts: list[RenderableType] = [
        heading("Verified"),
        Columns(rows),
        Columns([_runtime(each) for each in result.runtimes]),
    ]
    exercised = sum(claim.exercised for claim in result.claims)
    parts.append(Columns([["claims", f"{exercised}/{len(result.claims)}", "exercised on both sides"]]))
    unseen: list[list[Text | str]] = [
        [Text(claim.unseen, style="yellow"), claim.text] for claim in result.not_exercised
    ]
    parts += [Columns(unseen)] if unseen else []
    parts += [Columns([[Text("note", style="cyan"), note]]) for note in result.notes]
    if result.not_run:
        parts.append(Columns([[Text("note", style="cyan"), f"{count(result.not_run, 'case')} left out by the budget"]]))
    if result.findings:
        parts += [Text(), findings(result.findings)]
    return Group(*parts)


def _rate(text: str, whole: bool) -> Text:
    return Text(text, style="green" if whole else "bold red")


def _runtime(runtime: RuntimeResult) -> list[Text | str]:
    if not runtime.available:
        return [runtime.name, Text("not made", style="yellow"), runtime.reason]
    good = runtime.run - runtime.failed - runtime.disagreed
    words = (
        "ran and agreed"
        if runtime.compared == "values"
        else "ran; shapes and dtypes agreed (values vary from run to run)"
    )
    if runtime.worst is not None and runtime.worst.absolute > 0:
        words += f"; worst difference {runtime.worst.absolute:.2g} in {runtime.worst.output} ({runtime.worst.ratio:.2g} of the tolerance)"
    if runtime.not_applicable:
        words += f"; {count(runtime.not_applicable, 'case')} not applicable"
    if runtime.reason:
        words += f"; {runtime.reason}"
    return [runtime.name, _rate(f"{good}/{runtime.run}", good == runtime.run), words]


def findings(found: Sequence[Finding]) -> RenderableType:
    """Each finding with the smallest input that shows it."""
    parts: list[RenderableType] = []
    for each in found:
        style = "bold yellow" if each.severity == "question" else "bold red"
        times = f" ({count(each.count, 'case')})" if each.count > 1 else ""
        parts.append(Text.assemble((f"{each.kind}: ", style), each.message, (times, "dim")))
        rows = [["", line] for line in each.input]
        if each.runtime:
            rows.append(["in", each.runtime])
        if each.case:
            rows.append(["case", each.case])
        parts.append(Columns(rows))
    return Group(*parts)


def files(written: Iterable[tuple[str, str]]) -> RenderableType:
    """What became of each file: ``(path, written | unchanged)``."""
    return Group(heading("Files"), Columns([[path, Text(what, style="dim")] for path, what in written]))


def diff(unified: str) -> RenderableType:
    """A unified diff, removed lines red and added ones green."""
    out = Text()
    for line in unified.splitlines():
        style = "bold" if line.startswith(("---", "+++")) else _DIFF_STYLES.get(line[:1], "")
        out.append(line + "\n", style=style)
    out.rstrip()
    return out


_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}
