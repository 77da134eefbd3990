"""What a check came to, as sections of a contract's page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from contractgen.report.html_parts import code, section
from contractgen.report.phrases import count
from contractgen.report.results import ClaimResult, Finding, Rate, RuntimeResult, Verification


def verdict(result: Verification) -> str:
    """One line under the title: whether the check passed, and how many inputs that rests on."""
    errors = sum(finding.severity == "error" for finding in result.findings)
    cases = result.soundness.cases + result.refused_by_client.cases
    text = f"{count(errors, 'finding')}" if errors else "verified"
    return f'<p><span class="{"bad" if errors else "good"}">{text}</span> with {count(cases, "input")}</p>'


def findings(result: Verification) -> str:
    """Each finding with the smallest input that shows it; nothing where there are none."""
    if not result.findings:
        return ""
    title = "Questions of the check" if result.ok else "Findings"
    return f"<section><h2>{title}</h2>{''.join(map(_finding, result.findings))}</section>"


def figures(result: Verification) -> Iterator[str]:
    """Figures, runtimes and claims."""
    yield section("Verified", ("", "cases", ""), _figures(result))
    yield section("Runtimes", ("runtime", "cases", ""), map(_runtime, result.runtimes))
    if result.notes:
        yield f"<section><h2>Notes</h2><ul>{''.join(f'<li>{escape(note)}</li>' for note in result.notes)}</ul></section>"
    yield _claims(result)


def _finding(finding: Finding) -> str:
    asks = finding.severity == "question"
    lines = [f"<pre>{escape(chr(10).join(finding.input))}</pre>"] if finding.input else []
    about = [("claim", finding.claim), ("in", finding.runtime), ("case", finding.case)]
    tags = "".join(f"<dt>{name}</dt><dd>{code(value)}</dd>" for name, value in about if value)
    times = f' <span class="quiet">({count(finding.count, "case")})</span>' if finding.count > 1 else ""
    return (
        f'<div class="{"ask" if asks else "wrong"}"><p><strong>{finding.kind}</strong> '
        f"{escape(finding.message)}{times}</p>{''.join(lines)}<dl>{tags}</dl></div>"
    )


def _rate(rate: Rate) -> str:
    return f'<span class="{"good" if rate.good == rate.cases else "bad"}">{rate.text}</span>'


def _figures(result: Verification) -> Iterator[tuple[str, ...]]:
    codes = ", ".join(f"{name} {number}" for name, number in result.refused_by_code.items())
    yield "sound", _rate(result.soundness), "accepted inputs ran, and every runtime agreed"
    yield (
        "complete",
        _rate(result.completeness),
        "refused inputs fail in the model, or a stated policy accounts for them",
    )
    yield "refused", _rate(result.refused_by_client), "bad inputs stopped by the client"
    yield "", _rate(result.refused_by_validator), f"bad inputs stopped by the validator ({escape(codes)})"
    if result.policies:
        names = ", ".join(f"{name} {number}" for name, number in result.policies.items())
        yield "policies", str(sum(result.policies.values())), f"the kernels take more than is meant: {escape(names)}"
    if result.round_trips:
        formats = ", ".join(f"{name} {number}" for name, number in result.round_trips.items())
        yield "wire", str(sum(result.round_trips.values())), f"requests arrived unchanged: {escape(formats)}"


def _runtime(runtime: RuntimeResult) -> tuple[str, ...]:
    if not runtime.available:
        return code(runtime.name), '<span class="quiet">not made</span>', escape(runtime.reason)
    words = "ran and agreed" if runtime.compared == "values" else "ran; shapes and dtypes agreed"
    worst = runtime.worst
    if worst is not None and worst.absolute > 0:
        words += f"; worst difference {worst.absolute:.2g} in {worst.output} ({worst.ratio:.2g} of the tolerance)"
    if runtime.not_applicable:
        words += f"; {count(runtime.not_applicable, 'case')} not applicable"
    good = Rate(runtime.run - runtime.failed - runtime.disagreed, runtime.run)
    return code(runtime.name), _rate(good), escape(words)


def _claims(result: Verification) -> str:
    unseen = result.not_exercised
    told = f"{len(result.claims) - len(unseen)} of {len(result.claims)} claims exercised on both sides"
    left = section("Claims of which a side was not seen", ("claim", "", "says"), map(_unseen, unseen))
    rows = section("", ("claim", "met", "broken", "says"), map(_claim, result.claims))
    return f"{left}<details><summary>{told}</summary>{rows}</details>"


def _unseen(claim: ClaimResult) -> tuple[str, ...]:
    return code(claim.id), claim.unseen, escape(claim.text)


def _claim(claim: ClaimResult) -> tuple[str, ...]:
    met = "" if claim.sides == "outside" else str(claim.inside)
    broken = "" if claim.sides == "inside" else str(claim.outside)
    return code(claim.id), met, broken, escape(claim.text)
