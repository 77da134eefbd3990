"""Generated files as modules that were never on disk."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass
from typing import Any

from contractgen.contract import model
from contractgen.generate.render import render


@dataclass(frozen=True)
class Generated:
    """The two modules of one contract."""

    client: Any
    validator: Any


def module_of(text: str, name: str) -> Any:
    """Run the text of a generated file."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(text, f"{name}.py", "exec"), module.__dict__)
    return module


def generated(contract: model.Contract) -> Generated:
    """The modules of a contract."""
    files = render(contract)
    return Generated(module_of(files["client.py"], "client_x"), module_of(files["validator.py"], "validator_x"))
