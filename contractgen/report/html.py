"""A contract as one page that needs nothing but itself: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from contractgen.contract import model
from contractgen.contract.expression import render
from contractgen.report import phrases

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #777; --ask: #b26a00; --name: #0b6bcb; }
@media (prefers-color-scheme: dark) { :root { --ask: #f0b35a; --name: #74b5ff; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; }
h2 { margin-top: 2rem; font-size: 1.1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--quiet); font-size: .85rem; }
code { font: .9em ui-monospace, monospace; }
td:first-child code { color: var(--name); }
.quiet { color: var(--quiet); overflow-wrap: anywhere; }
.ask { border-left: 4px solid var(--ask); padding-left: 1rem; }
.tag { border: 1px solid var(--line); border-radius: .7rem; padding: 0 .5rem; font-size: .85rem; }
""".strip()


def page(contract: model.Contract) -> str:
    """The page's HTML. Everything that comes from the model is escaped."""
    sections = [
        _questions(contract),
        _section("Inputs", _TENSOR_HEADS, map(_tensor, phrases.input_lines(contract))),
        _section("Outputs", _TENSOR_HEADS, map(_tensor, phrases.output_lines(contract))),
        _section(
            "Dims",
            ("name", "size", "role"),
            ((_code(name), escape(phrases.dim(dim)), escape(dim.role or "")) for name, dim in contract.dims.items()),
        ),
        _section("Relations", ("holds",), ((_code(render(relation)),) for relation in contract.relations)),
        _section(
            "Evidence",
            ("claim", "source", "why it is believed"),
            (
                (_code(phrases.about(each)), f'<span class="tag">{escape(each.source)}</span>', escape(each.detail))
                for each in phrases.answers(contract)
            ),
        ),
    ]
    name = escape(contract.name)
    description = f"<p>{escape(contract.description)}</p>" if contract.description else ""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            f'<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{name}</title>',
            f"<style>{_STYLE}</style></head>",
            f'<body><h1>{name}</h1><p class="quiet"><code>{escape(contract.fingerprint)}</code></p>{description}',
            *(section for section in sections if section),
            "</body></html>",
            "",
        ]
    )


_TENSOR_HEADS = ("tensor", "dtype", "shape", "values", "")


def _tensor(line: phrases.Line) -> tuple[str, ...]:
    return _code(line.path), escape(line.dtype), _code(line.shape), escape(line.domain), escape("; ".join(line.notes))


def _questions(contract: model.Contract) -> str:
    asked = phrases.questions(contract)
    if not asked:
        return ""
    items = "".join(f"<li>{_code(phrases.about(each))}: {escape(each.detail)}</li>" for each in asked)
    return f'<section class="ask"><h2>Please confirm (assumed, nothing proves it)</h2><ul>{items}</ul></section>'


def _section(title: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    if not body:
        return ""
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    return (
        f"<section><h2>{escape(title)}</h2><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></section>"
    )


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
