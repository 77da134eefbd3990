"""Serving a model, from its files to the last request."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from contractgen.errors import UsageError
from contractgen.serve.batching import check_batches
from contractgen.serve.logs import log_to_stderr
from contractgen.serve.metrics import FOLDER
from contractgen.serve.prepare import check_fits, example_request, in_child, is_ready, prepare
from contractgen.serve.process import bound, leave
from contractgen.serve.settings import Prepared, Settings
from contractgen.serve.supervisor import supervise


def serve(settings: Settings, *, confirm: Callable[[str], bool] | None, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. The process ends with code 1 where requests were cut off by the bound of the drain.

    ``say`` gets one line once requests are taken. Raises a `ContractgenError` where the model cannot be served, OSError
    where the address cannot be had.
    """
    check_fits(settings.runtime, settings.contract)
    if settings.batch > 1:
        check_batches(settings.contract)
    if not settings.artifact.exists():
        raise UsageError(f"{settings.artifact}: there is no such file")
    log_to_stderr()
    listening = bound(settings)
    host, port = listening.getsockname()[:2]
    site = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def started() -> None:
        say(f"serving {settings.contract.name} on {site}")

    with listening, tempfile.TemporaryDirectory(prefix="contractgen-serve-") as folder:
        prepared = _prepared(settings, Path(folder), confirm)
        numbers = Path(folder) / "metrics"
        numbers.mkdir()
        os.environ[FOLDER] = str(numbers)
        cut = supervise(prepared, listening, started)
    if cut:
        leave(1)


def _prepared(settings: Settings, folder: Path, confirm: Callable[[str], bool] | None) -> Prepared:
    """What the processes start from. What needs torch once is done in a child that ends before requests are taken."""
    if is_ready(settings):
        return Prepared(settings, None, example_request(settings.contract))
    return in_child(partial(prepare, settings, folder, confirm))
