"""The two streams: results on stdout, progress and errors on stderr. Rich itself honours NO_COLOR and dumb terminals."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

UNWRAPPED = 10_000
"""The width of a stream that is no terminal: one row stays one line, so that `grep` and `diff` work on it."""


def stdout() -> Console:
    """A console for results."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else UNWRAPPED)


def stderr() -> Console:
    """A console for progress, warnings and errors."""
    from rich.console import Console

    return Console(file=sys.stderr, highlight=False, width=None if sys.stderr.isatty() else UNWRAPPED)


def near(path: Path) -> Path:
    """``path`` as it is said from here: relative where it lies below the current folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
