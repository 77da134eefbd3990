"""The pieces that the sections of a page are made of."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


def section(title: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table below its title; nothing where there are no rows. Cells are HTML already."""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    if not body:
        return ""
    above = f"<h2>{escape(title)}</h2>" if title else ""
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    return f"<section>{above}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></section>"


def code(text: str) -> str:
    """Text in a fixed font."""
    return f"<code>{escape(text)}</code>"
