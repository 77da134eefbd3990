"""Copies the runtime's modules into one text: their code verbatim, their imports merged, what nothing uses left out."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from contractgen.generate.features import FEATURES
from contractgen.generate.pruning import mentioned, pruned

RUNTIME = Path(__file__).with_name("runtime")
PACKAGE = "contractgen.generate.runtime"


@dataclass(frozen=True)
class Definition:
    """A class, a function or a constant: its text with the comments above it, and the names that it uses."""

    name: str
    code: str
    uses: frozenset[str]
    is_short: bool


@dataclass(frozen=True)
class Module:
    """A module of the runtime: what its docstring says, what it imports, and what it defines."""

    title: str
    imports: dict[str, tuple[str, str]]
    """By the name that is bound: where it comes from (nothing for `import x`), and what stands behind `import`."""
    definitions: tuple[Definition, ...]


def module(name: str, features: frozenset[str] = FEATURES) -> Module:
    """Read a module of the runtime, as far as it is for these features."""
    return module_for(name, features & mentioned(text_of(name)))


@cache
def text_of(name: str) -> str:
    """The source of a module of the runtime."""
    return (RUNTIME / f"{name}.py").read_text(encoding="utf-8")


@cache
def module_for(name: str, features: frozenset[str]) -> Module:
    """Read a module for those of its own features that are wanted: most contracts of a build step share them."""
    source = pruned(text_of(name), features)
    tree = ast.parse(source)
    imports: dict[str, tuple[str, str]] = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                text = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
                imports[alias.asname or alias.name.partition(".")[0]] = ("", text)
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith((PACKAGE, "__future__")):
            imports.update({alias.name: (node.module or "", alias.name) for alias in node.names})
    return Module(ast.get_docstring(tree) or name, imports, tuple(definitions(source, tree)))


def definitions(source: str, tree: ast.Module) -> Iterator[Definition]:
    """What a module defines, in order; a string below a constant belongs to it."""
    lines = source.splitlines()
    start = 0
    body = tree.body
    for place, node in enumerate(body):
        end = node.end_lineno or 0
        name = defined_name(node)
        following = body[place + 1] if place + 1 < len(body) else None
        if name and isinstance(following, ast.Expr):
            end = following.end_lineno or 0
        if name:
            code = "\n".join(lines[start:end]).strip("\n")
            uses = names_in(node)
            is_short = isinstance(node, (ast.Assign, ast.AnnAssign))
            yield Definition(name, code, frozenset(uses - {name}), is_short)
        start = end


def defined_name(node: ast.stmt) -> str | None:
    """The name that a statement at the top of a module defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return node.name
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return targets[0].id if targets and isinstance(targets[0], ast.Name) else None


def names_in(tree: ast.AST) -> set[str]:
    """All names below a node, and those in types that are written as text.

    `ast.walk` would say the same; a build step waits for this, and its own loop takes half the time.
    """
    found = set()
    todo = [tree]
    for node in todo:
        if isinstance(node, ast.Name):
            found.add(node.id)
            continue
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and node.value.startswith("tuple[Array"):
                found.add("Array")
            continue
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                todo += [item for item in value if isinstance(item, ast.AST)]
            elif isinstance(value, ast.AST):
                todo.append(value)
    return found


def names_used(code: str) -> set[str]:
    """All names in a piece of code."""
    return names_in(ast.parse(code))


def needed(modules: Iterable[Module], names: set[str]) -> list[Module]:
    """The modules with those definitions that the names need, directly or not."""
    parts = list(modules)
    known = {one.name: one for part in parts for one in part.definitions}
    reached: set[str] = set()
    todo = [name for name in names if name in known]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += [used for used in known[name].uses if used in known]
    kept = [
        Module(part.title, part.imports, tuple(one for one in part.definitions if one.name in reached))
        for part in parts
    ]
    return [part for part in kept if part.definitions]


def import_lines(modules: Iterable[Module], used: set[str]) -> str:
    """The merged imports of what the modules and our own code use: the standard library, then numpy, as isort has them."""
    wanted: set[tuple[str, str]] = set()
    for part in modules:
        here = used.union(*(one.uses for one in part.definitions))
        wanted |= {line for name, line in part.imports.items() if name in here}
    common = {
        "np": ("", "numpy as np"),
        "npt": ("", "numpy.typing as npt"),
        "Any": ("typing", "Any"),
        "Mapping": ("collections.abc", "Mapping"),
        "Sequence": ("collections.abc", "Sequence"),
    }
    wanted |= {line for name, line in common.items() if name in used}
    blocks = []
    for numpy in (False, True):
        here_lines = {one for one in wanted if (one[0] or one[1]).startswith("numpy") == numpy}
        lines = [f"import {name}" for source, name in sorted(here_lines, key=lambda one: one[1].lower()) if not source]
        for source in sorted({source for source, _ in here_lines if source}):
            names = sorted((name for origin, name in here_lines if origin == source), key=import_order)
            lines.append(f"from {source} import {', '.join(names)}")
        blocks.append("\n".join(lines))
    return "\n\n".join(block for block in blocks if block)


def import_order(name: str) -> tuple[int, str]:
    """Isort's order of names: constants, classes, functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def section(part: Module) -> str:
    """The code of a module under its title."""
    text = heading(part.title)
    before: Definition | None = None
    for one in part.definitions:
        if one.is_short and (before is None or before.is_short):
            text += "\n" if before else "\n\n"
        else:
            text += "\n\n\n"
        text += one.code
        before = one
    return text


def heading(title: str) -> str:
    """A title below a rule."""
    return "\n".join(["# " + "-" * 118, *(f"# {line}".rstrip() for line in title.splitlines())])
