"""Generated sources as modules, without files."""

from __future__ import annotations

import itertools
import sys
from types import ModuleType

_numbers = itertools.count()


def load_source(source: str, name: str) -> ModuleType:
    """The module that a text defines. Raises whatever its code raises, `SyntaxError` where it is none.

    It is registered under a name of its own: dataclasses look up the module that they are defined in.
    """
    unique = f"_contractgen_{name}_{next(_numbers)}"
    module = ModuleType(unique)
    sys.modules[unique] = module
    try:
        exec(compile(source, f"<{name}>", "exec"), module.__dict__)  # noqa: S102 (running our own code is the point)
    except BaseException:
        del sys.modules[unique]
        raise
    return module


def unload(module: ModuleType) -> None:
    """Forget a module of `load_source`."""
    sys.modules.pop(module.__name__, None)
