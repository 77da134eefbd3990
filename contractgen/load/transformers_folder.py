"""Models of transformers: a folder with ``config.json`` and weights. Code that such a folder brings is never run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from contractgen.errors import LoadError, UsageError
from contractgen.load.loaded import Opened, Request, listed, said

_INSTALL = "pip install 'contractgen[transformers]'"


def open_transformers(request: Request) -> Opened:
    """The model of a transformers folder, by the class that its configuration names."""
    folder = request.path
    config = read_config(folder)
    kind = class_of(config)
    try:
        with _silent_transformers():
            module, report = kind.from_pretrained(
                folder, config=config, local_files_only=True, trust_remote_code=False, output_loading_info=True
            )
    except Exception as error:
        raise LoadError(f"{folder} cannot be loaded as {kind.__name__}: {said(error)}") from error
    missing = sorted(str(key) for key in report.get("missing_keys", ()))
    notes = [f"{folder} has no weights for {listed(missing)}; they are random"] if missing else []
    return Opened(module, "transformers", None, tuple(notes))


def read_config(folder: Path) -> Any:
    """The configuration of a transformers folder. Raises UsageError where transformers is not installed."""
    try:
        from transformers import AutoConfig
    except ImportError as error:
        raise UsageError(
            f"{folder} holds a transformers model, and transformers is not installed", hint=_INSTALL
        ) from error
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise LoadError(
            f"{folder / 'config.json'} cannot be read: {said(error)}",
            hint="A model whose code comes with its folder is not loaded; give its class with --model path/file.py:Class.",
        ) from error


def class_of(config: Any) -> Any:
    """The class that a configuration names, or the plain model of its type."""
    import transformers

    for name in config.architectures or ():
        kind = getattr(transformers, str(name), None)
        if isinstance(kind, type) and issubclass(kind, torch.nn.Module):
            return kind
    if config.architectures:
        raise LoadError(
            f"the configuration names the class {config.architectures[0]}, which transformers {transformers.__version__} "
            "does not have",
            hint="Code that a folder brings is not run. Give the class with --model path/file.py:Class.",
        )
    return transformers.AutoModel._model_mapping[type(config)]


@contextlib.contextmanager
def _silent_transformers() -> Iterator[None]:
    """No progress bars and log lines while weights are read."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
