"""Generated files of a contract, as modules that were never on disk."""

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

    contract: model.Contract
    client: Any
    validator: Any

    def call(self, function: Any, arguments: dict[str, Any], **more: Any) -> Any:
        """Call `serialize` or `validate` with arguments by parameter name, as Python code would."""
        names = dict(zip([part.name for part in self.contract.inputs], parameters(function), strict=False))
        args: list[Any] = []
        kwargs = dict(more)
        by_position = True
        for part in self.contract.inputs:
            if part.kind == "variadic":
                args += list(arguments.get(part.name, ()))
            elif part.name not in arguments:
                by_position = any(one.kind == "variadic" for one in self.contract.inputs) and by_position
                if by_position and part.kind == "positional":
                    args.append(None)
            elif part.kind == "positional" and by_position:
                args.append(arguments[part.name])
            else:
                kwargs[names[part.name]] = arguments[part.name]
        return function(*args, **kwargs)


def parameters(function: Any) -> list[str]:
    code = function.__code__
    count = code.co_argcount
    variadic = [code.co_varnames[count + code.co_kwonlyargcount]] if code.co_flags & 4 else []
    keyword = [name for name in code.co_varnames[count : count + code.co_kwonlyargcount] if name != "content_type"]
    return [*code.co_varnames[:count], *variadic, *keyword]


def module_of(text: str, name: str) -> Any:
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(text, f"{name}.py", "exec"), module.__dict__)
    return module


def generated(contract: model.Contract) -> Generated:
    files = render(contract)
    return Generated(
        contract, module_of(files["client.py"], "client_x"), module_of(files["validator.py"], "validator_x")
    )
