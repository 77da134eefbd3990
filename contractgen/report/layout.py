"""Aligned columns whose last one wraps under itself: readable in a terminal, one line per row in a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_GAP = 2
_NARROWEST = 24


class Columns:
    """Rows of cells. Every column but the last is as wide as its widest cell; the last wraps at the console's width."""

    def __init__(self, rows: Sequence[Sequence[Text | str]], *, indent: int = 2) -> None:
        """``rows`` all have the same number of cells."""
        self.rows = [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
        self.indent = indent

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield one `Text` per line."""
        if not self.rows:
            return
        widths = [max(cell.cell_len for cell in column) for column in list(zip(*self.rows, strict=True))[:-1]]
        start = self.indent + sum(width + _GAP for width in widths if width)
        room = max(options.max_width - start, _NARROWEST)
        for row in self.rows:
            line = Text(" " * self.indent)
            for cell, width in zip(row, widths, strict=False):
                if width:
                    line.append_text(cell)
                    line.append(" " * (width - cell.cell_len + _GAP))
            wrapped = row[-1].wrap(console, room)
            for index, part in enumerate(wrapped):
                out = line if index == 0 else Text(" " * start)
                out.append_text(part)
                out.rstrip()
                yield out
            if not wrapped:
                line.rstrip()
                yield line
