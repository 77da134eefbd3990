"""A contract as one page that needs nothing but itself: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from html import escape

from contractgen.contract import model
from contractgen.contract.expression import render
from contractgen.report import html_results, phrases
from contractgen.report.html_parts import code, section
from contractgen.report.results import Verification

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --shade: #8881; --quiet: #777; --ask: #b26a00; --name: #0b6bcb;
  --good: #1a7f37; --bad: #c62828; }
@media (prefers-color-scheme: dark) { :root { --ask: #f0b35a; --name: #74b5ff; --good: #57c77a; --bad: #ff7b72; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; }
h2 { margin-top: 2rem; font-size: 1.1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--quiet); font-size: .85rem; }
code { font: .9em ui-monospace, monospace; }
td:first-child code { color: var(--name); }
.quiet { color: var(--quiet); overflow-wrap: anywhere; }
.ask, .wrong { border-left: 4px solid var(--ask); padding-left: 1rem; margin: 1rem 0; }
.wrong { border-color: var(--bad); }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
pre { overflow-x: auto; background: var(--shade); padding: .5rem .8rem; border-radius: .3rem; }
pre, dt, dd { font-size: .9rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; margin: .5rem 0; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
summary { margin-top: 2rem; cursor: pointer; }
.tag { border: 1px solid var(--line); border-radius: .7rem; padding: 0 .5rem; font-size: .85rem; }
""".strip()


def page(contract: model.Contract, results: Verification | None = None) -> str:
    """The page's HTML, with what a check of it came to. Everything that comes from the model is escaped."""
    sections = [
        "" if results is None else html_results.findings(results),
        _questions(contract),
        section("Inputs", _TENSOR_HEADS, map(_tensor, phrases.input_lines(contract))),
        section("Outputs", _TENSOR_HEADS, map(_tensor, phrases.output_lines(contract))),
        section(
            "Dims",
            ("name", "size", "role"),
            ((code(name), escape(phrases.dim(dim)), escape(dim.role or "")) for name, dim in contract.dims.items()),
        ),
        section("Relations", ("holds",), ((code(render(relation)),) for relation in contract.relations)),
        *(() if results is None else html_results.figures(results)),
        section(
            "Evidence",
            ("claim", "source", "why it is believed"),
            (
                (code(phrases.about(each)), f'<span class="tag">{escape(each.source)}</span>', escape(each.detail))
                for each in phrases.answers(contract)
            ),
        ),
    ]
    name = escape(contract.name)
    verdict = "" if results is None else html_results.verdict(results)
    description = f"<p>{escape(contract.description)}</p>" if contract.description else ""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            f'<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{name}</title>',
            f"<style>{_STYLE}</style></head>",
            f'<body><h1>{name}</h1><p class="quiet"><code>{escape(contract.fingerprint)}</code></p>{description}{verdict}',
            *(section for section in sections if section),
            "</body></html>",
            "",
        ]
    )


_TENSOR_HEADS = ("tensor", "dtype", "shape", "values", "")


def _tensor(line: phrases.Line) -> tuple[str, ...]:
    return code(line.path), escape(line.dtype), code(line.shape), escape(line.domain), escape("; ".join(line.notes))


def _questions(contract: model.Contract) -> str:
    asked = phrases.questions(contract)
    if not asked:
        return ""
    items = "".join(f"<li>{code(phrases.about(each))}: {escape(each.detail)}</li>" for each in asked)
    return f'<section class="ask"><h2>Please confirm (assumed, nothing proves it)</h2><ul>{items}</ul></section>'
