"""Generated files as a user has them: imported from where they lie."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Pair:
    """A client and a validator of one contract."""

    client: ModuleType
    validator: ModuleType

    def through(self, *args: Any, **kwargs: Any) -> Any:
        """The ``(args, kwargs)`` that come out of the validator for what the client was given."""
        request = self.client.serialize(*args, **kwargs)
        return self.validator.parse(request.body, request.headers)

    def refusal(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The violations that the client and, for arrays in memory, the validator both report."""
        return tuple(_violations(self.client, self.client.serialize, *args, **kwargs))

    def refusal_of_arrays(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The violations that the validator reports for arrays in memory."""
        return tuple(_violations(self.validator, self.validator.validate, *args, **kwargs))

    def refusal_of_body(self, body: bytes, headers: dict[str, str]) -> tuple[Any, ...]:
        """The violations that the validator reports for a body."""
        return tuple(_violations(self.validator, self.validator.parse, body, headers))


def _violations(module: ModuleType, call: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        call(*args, **kwargs)
    except module.ContractViolation as error:
        return error.violations
    raise AssertionError("nothing was refused")


def load(folder: Path) -> Pair:
    """Import the generated files of a folder, each under a name of its own."""
    return Pair(_module(folder / "client.py"), _module(folder / "validator.py"))


def _module(path: Path) -> ModuleType:
    name = f"generated_{abs(hash(path))}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
