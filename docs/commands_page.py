"""The page of the commands, from their own signatures and docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from enum import Enum
from importlib import import_module
from typing import Any, get_args, get_origin, get_type_hints

from typer.models import ArgumentInfo, OptionInfo

from contractgen.cli.main import COMMANDS

HEAD = """\
# Commands

This page is generated from the code of `contractgen.cli`; `python -m docs.renew` renews it, and a test holds it.
`contractgen COMMAND --help` says the same.

Results go to stdout, progress, warnings and errors to stderr; `NO_COLOR` is honoured, and what is no terminal gets neither
colours nor wrapped lines. Below each error stands the code that `contractgen explain` and [Errors](errors.md) explain.
`contractgen --version` prints the version.

`contractgen --install-completion` makes the shell (bash, zsh, fish, PowerShell) complete commands, options and their values;
`--show-completion` prints the script.

| exit code | meaning |
|---|---|
| 0 | ok |
| 1 | findings: stale files, breaking changes, a verification that failed, a declaration that the model refutes |
| 2 | a wrong option, path or configuration, a contract that cannot be used, a comparison that could not be made |
| 3 | the model cannot be loaded, or no input was found that it runs on |
| 70 | a defect of contractgen |
| 130 | interrupted |
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(section(name) for name in COMMANDS)]) + "\n"


def section(name: str) -> str:
    """One command."""
    function = getattr(import_module(f"contractgen.cli.{name}"), name)
    parameters = list(described(function))
    usage = [f"contractgen {name}", *(label for label, _, is_option in parameters if not is_option)]
    rows = [f"| {code(label)} | {cell(text)} |" for label, text, _ in parameters]
    table = "\n".join(["| argument or option | |", "|---|---|", *rows])
    return f"## {name}\n\n    {' '.join([*usage, '[OPTIONS]'])}\n\n{inspect.getdoc(function)}\n\n{table}\n"


def described(function: Callable[..., Any]) -> Iterator[tuple[str, str, bool]]:
    """Each parameter's spelling, what it does, and whether it is an option."""
    hints = get_type_hints(function, include_extras=True)
    for parameter in inspect.signature(function).parameters.values():
        kind, info = get_args(hints[parameter.name])[:2]
        kinds = [one for one in get_args(kind) or (kind,) if one is not type(None)]
        text = info.help or ""
        if isinstance(info, ArgumentInfo):
            label = (info.metavar or parameter.name.upper()).removesuffix("...").strip("[]")
            many = "..." if any(get_origin(one) is list for one in kinds) else ""
            optional = parameter.default is not parameter.empty
            yield f"[{label}]{many}" if optional else f"{label}{many}", text, False
            continue
        assert isinstance(info, OptionInfo)
        # Within `Annotated`, typer.Option takes the first spelling for its default.
        spelled = [one for one in (info.default, *(info.param_decls or ())) if isinstance(one, str)]
        names = ", ".join(spelled or [f"--{parameter.name.replace('_', '-')}"])
        value = info.metavar or value_of(kinds[0])
        default = info.show_default if isinstance(info.show_default, str) else shown(parameter.default)
        yield f"{names} {value}".rstrip(), text + (f" Default: {default}." if default else ""), True


def value_of(kind: Any) -> str:
    """How a value is called: its choices, or its type."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(one.value) for one in kind)
    return {"bool": "", "Path": "PATH", "str": "TEXT", "int": "NUMBER", "float": "NUMBER"}[kind.__name__]


def shown(default: Any) -> str:
    """A default that says something."""
    if default is None or default is inspect.Parameter.empty or isinstance(default, bool):
        return ""
    return str(default.value if isinstance(default, Enum) else default)


def code(text: str) -> str:
    """Text as code within a cell of a table."""
    return "`" + text.replace("|", "\\|") + "`"


def cell(text: str) -> str:
    """Text within a cell of a table."""
    return text.replace("|", "\\|").replace("<", "&lt;")
