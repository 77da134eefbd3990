"""The page of the Python API, from its signatures and docstrings."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from contractgen import api
from contractgen.contract.compare.api import Comparison, Finding
from contractgen.generate.runtime.violations import Violation
from contractgen.report.results import Finding as VerificationFinding
from contractgen.report.results import Verification

HEAD = """\
# Python

This page is generated from the docstrings of `contractgen.api`; `python -m docs.renew` renews it, and a test holds it. The
examples are run by `tests/test_api.py`, in a folder with a model's class and weights (`train.py`, `model.pth`), their contract,
and one that was released before (`released.json`); they assume

```python
import contractgen
import numpy as np
```

Importing the package imports neither torch nor onnx; `export` and `Contract.check` do when they are called. Errors are
`contractgen.errors.ContractgenError`, with `message`, `hint` and the `exit_code` that the [commands](commands.md) give them.
"""

FUNCTIONS = (api.export, api.load_contract, api.diff)
METHODS = (api.Contract.violations, api.Contract.check)
RESULTS = (api.Exported, Verification, VerificationFinding, Violation, Comparison, Finding)


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    parts += [f"## contractgen.{each.__name__}\n\n{signature(each)}\n\n{prose(each)}" for each in FUNCTIONS]
    parts.append(f"## contractgen.Contract\n\n{prose(api.Contract)}")
    parts += [f"### Contract.{each.__name__}\n\n{signature(each)}\n\n{prose(each)}" for each in METHODS]
    parts.append("## What comes back")
    parts += [f"### {each.__module__}.{each.__qualname__}\n\n{prose(each)}\n\n{members(each)}" for each in RESULTS]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def signature(function: Callable[..., Any]) -> str:
    """The signature with a parameter a line."""
    found = inspect.signature(function)
    lines = []
    was_keyword = False
    for parameter in found.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not was_keyword:
            lines.append("    *,")
            was_keyword = True
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        lines.append(f"    {stars}{parameter.name}: {parameter.annotation}{default},")
    returns = found.return_annotation
    return "\n".join(["```python", f"{function.__name__}(", *lines, f") -> {returns}", "```"])


def prose(what: Any) -> str:
    """A docstring with its examples fenced."""
    parts = []
    for block in (inspect.getdoc(what) or "").split("\n\n"):
        is_example = block.lstrip().startswith(">>>")
        parts.append(f"```pycon\n{textwrap.dedent(block)}\n```" if is_example else block.replace("``", "`"))
    return "\n\n".join(parts)


def members(kind: type) -> str:
    """The attributes of a class, each with the string below it."""
    rows = [f"| `{name}` | `{cell(annotation)}` | {cell(text)} |" for name, annotation, text in attributes(kind)]
    return "\n".join(["| attribute | type | |", "|---|---|---|", *rows])


def attributes(kind: type) -> Iterator[tuple[str, str, str]]:
    """Fields and properties in order: name, type and what their string says."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    for node, below in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign):
            said = below.value if isinstance(below, ast.Expr) else None
            text = str(said.value) if isinstance(said, ast.Constant) else ""
            yield ast.unparse(node.target), ast.unparse(node.annotation), text.replace("``", "`")
        elif isinstance(node, ast.FunctionDef) and any(ast.unparse(one) == "property" for one in node.decorator_list):
            returns = ast.unparse(node.returns) if node.returns else ""
            yield node.name, returns, (ast.get_docstring(node) or "").replace("``", "`")


def cell(text: str) -> str:
    """Text within a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")
