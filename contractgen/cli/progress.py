"""The stages of an export as they happen: a live line in a terminal, nothing elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.status import Status


class Stages:
    """A callback ``(stage, detail)``: keeps one live line and leaves one line per finished stage."""

    def __init__(self, console: Console, status: Status | None) -> None:
        """Without ``status`` nothing is shown."""
        self._console = console
        self._status = status
        self._stage = ""
        self._detail = ""
        self._since = 0.0

    def __call__(self, stage: str, detail: str) -> None:
        """Say that ``stage`` is at ``detail``."""
        if self._status is None:
            return
        if stage != self._stage:
            self.finish()
            self._stage, self._since = stage, time.monotonic()
        self._detail = detail
        self._status.update(f"[bold]{escape(stage)}[/] {escape(detail)}")

    def finish(self) -> None:
        """Leave the line of the stage that has ended."""
        if self._stage:
            took = time.monotonic() - self._since
            self._console.print(f"[green]✓[/] [bold]{self._stage:<9}[/]{took:5.1f} s  [dim]{escape(self._detail)}[/]")
            self._stage = ""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the live line away while a question is asked."""
        if self._status is None:
            yield
            return
        self._status.stop()
        try:
            yield
        finally:
            self._status.start()


@contextmanager
def shown(console: Console) -> Iterator[Stages]:
    """Show the stages on ``console`` while the block runs."""
    if not console.is_terminal:
        yield Stages(console, None)
        return
    with console.status("starting") as status:
        stages = Stages(console, status)
        yield stages
        stages.finish()
