"""Copies modules of the runtime into one text: their code verbatim, their imports merged, those of each other dropped."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

RUNTIME = Path(__file__).with_name("runtime")
PACKAGE = "contractgen.generate.runtime"


@dataclass(frozen=True)
class Module:
    """A module of the runtime: what its docstring says, what it imports, its code, and the names that it defines."""

    title: str
    imports: tuple[tuple[str, str], ...]
    code: str
    names: tuple[str, ...]


@cache
def module(name: str) -> Module:
    """Read a module of the runtime."""
    source = (RUNTIME / f"{name}.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    title = ast.get_docstring(tree) or name
    imports: list[tuple[str, str]] = []
    names: list[str] = []
    first = 0
    for node in tree.body:
        if isinstance(node, ast.Import):
            imports += [("", f"{alias.name} as {alias.asname}" if alias.asname else alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith((PACKAGE, "__future__")):
            imports += [(node.module or "", alias.name) for alias in node.names]
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.append(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [target.id for target in targets if isinstance(target, ast.Name)]
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            first = node.end_lineno or 0
    code = "\n".join(source.splitlines()[first:]).strip("\n")
    return Module(title, tuple(imports), code, tuple(names))


def import_lines(modules: tuple[Module, ...], more: tuple[tuple[str, str], ...] = ()) -> str:
    """The merged import block: the standard library first, then numpy, as isort orders them."""
    wanted = {one for part in modules for one in part.imports} | set(more)
    blocks = []
    for numpy in (False, True):
        here = {one for one in wanted if (one[0] or one[1]).startswith("numpy") == numpy}
        lines = [f"import {name}" for source, name in sorted(here, key=lambda one: one[1].lower()) if not source]
        for source in sorted({source for source, _ in here if source}):
            names = sorted((name for origin, name in here if origin == source), key=import_order)
            lines.append(f"from {source} import {', '.join(names)}")
        blocks.append("\n".join(lines))
    return "\n\n".join(block for block in blocks if block)


def import_order(name: str) -> tuple[int, str]:
    """Isort's order of names: constants, classes, functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def section(part: Module) -> str:
    """The code of a module under its title."""
    lines = [f"# {line}".rstrip() for line in part.title.splitlines()]
    rule = "# " + "-" * 100
    return "\n".join([rule, *lines, rule, "", "", part.code])
