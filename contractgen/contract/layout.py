"""The on-disk text of a contract's JSON: a line is what a reviewer reads at once, a parameter, a tensor, a dim.

What fits on a line stays on it. A container that does not is opened, one line for each of its members; a tensor that
does not is broken before its shape. Dims are a table: their braces and what follows their ``max`` stand in columns.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

WIDTH: Final = 140
"""The longest line of a tree. Prose (evidence) is never broken."""


def lay_out(data: Mapping[str, Any]) -> str:
    """The text of a contract's JSON form, with a final newline."""
    members: list[list[str]] = []
    for key, value in data.items():
        if key == "dims":
            members.append(_block("dims", "{", [[line] for line in _dim_lines(value)], "}"))
        elif key in ("inputs", "outputs"):
            members.append(
                _block(key, "[", [_node_member(_without_node(part), part["node"], "", 4) for part in value], "]")
            )
        elif key in ("relations", "evidence"):
            members.append(_block(key, "[", [[f"    {_line(item)}"] for item in value], "]"))
        else:
            members.append(_free(key, value))
    return "\n".join(["{", *_joined(members), "}", ""])


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _free(key: str, value: object) -> list[str]:
    """A member without a layout of its own, indented as `json` does it where it is long."""
    line = f"  {_line(key)}: {_line(value)}"
    if len(line) <= WIDTH:
        return [line]
    first, *rest = json.dumps(value, ensure_ascii=False, indent=2).split("\n")
    return [f"  {_line(key)}: {first}", *(f"  {line}" for line in rest)]


def _block(key: str, opening: str, items: Sequence[list[str]], closing: str) -> list[str]:
    if not items:
        return [f"  {_line(key)}: {opening}{closing}"]
    return [f"  {_line(key)}: {opening}", *_joined(items), f"  {closing}"]


def _joined(items: Iterable[list[str]]) -> list[str]:
    """The lines of all items, a comma after each item but the last."""
    lines: list[str] = []
    for item in items:
        if lines:
            lines[-1] += ","
        lines += item
    return lines


def _dim_lines(dims: Mapping[str, Mapping[str, Any]]) -> list[str]:
    free = [name for name, dim in dims.items() if "equals" not in dim]
    name_width = max((len(_line(name)) for name in free), default=0) + 1
    max_width = max((len(_line(dims[name]["max"])) for name in free), default=0) + 1
    lines = []
    for name, dim in dims.items():
        if "equals" in dim:
            lines.append(f"    {_line(name)}: {_line(dim)}")
            continue
        members = [f"{_line(key)}: {_line(value)}" for key, value in dim.items()]
        most = list(dim).index("max")
        members[most] = members[most].removesuffix(_line(dim["max"])) + f"{_line(dim['max'])},".ljust(max_width)
        text = ", ".join(members[:most]) + ", " + members[most] + " " + ", ".join(members[most + 1 :])
        lines.append(f"    {f'{_line(name)}:'.ljust(name_width)} {{{text}}}")
    return lines


def _without_node(part: Mapping[str, Any]) -> str:
    """``{"key": "ids", "required": true, `` of a parameter, a field or an output."""
    members = [f"{_line(key)}: {_line(value)}" for key, value in part.items() if key != "node"]
    return "{" + ", ".join(members) + ", "


def _node_member(opening: str, node: Mapping[str, Any], closing: str, indent: int) -> list[str]:
    """The lines of a parameter, a field or an output, given the text before its node and after its own brace."""
    return _node(f'{opening}"node": ', node, "}" + closing, indent)


def _node(before: str, node: Mapping[str, Any], after: str, indent: int) -> list[str]:
    """The lines of a node with the text that stands before and after it."""
    margin = " " * indent
    line = f"{margin}{before}{_line(node)}{after}"
    if len(line) <= WIDTH:
        return [line]
    kind = node["type"]
    if kind == "tensor":
        return _tensor(margin + before, node, after, indent)
    if before:
        return [f"{margin}{before.rstrip()}", *_node("", node, after, indent + 2)]
    if kind == "dict":
        fields = node["fields"]
        items = [_node_member(_without_node(field), field["node"], "", indent + 2) for field in fields]
        return _opened(f'{margin}{{"type": "dict", "fields": [', items, "]}" + after)
    if "items" in node:
        return _opened(
            f'{margin}{{"type": "{kind}", "items": [',
            [_node("", item, "", indent + 2) for item in node["items"]],
            "]}" + after,
        )
    if kind == "list":
        return _node(
            f'{{"type": "list", "length": {_line(node["length"])}, "item": ', node["item"], "}" + after, indent
        )
    if kind == "optional":
        return _node('{"type": "optional", "node": ', node["node"], "}" + after, indent)
    return [line]


def _opened(opening: str, items: Sequence[list[str]], closing: str) -> list[str]:
    lines = [opening, *_joined(items)]
    lines[-1] += closing
    return lines


def _tensor(before: str, node: Mapping[str, Any], after: str, indent: int) -> list[str]:
    head = ", ".join(f"{_line(key)}: {_line(node[key])}" for key in ("type", "wire_name", "dtype"))
    first = f"{before}{{{head},"
    margin = " " * (indent + 2)
    shape, values = f'"shape": {_line(node["shape"])}', f'"values": {_line(node["values"])}'
    line = f"{margin}{shape}, {values}}}{after}"
    if len(line) <= WIDTH:
        return [first, line]
    columns = (node["values"] or {}).get("along_last")
    line = f"{margin}{values}}}{after}"
    if len(line) <= WIDTH or not columns:
        return [first, f"{margin}{shape},", line]
    others = {key: value for key, value in node["values"].items() if key != "along_last"}
    opening = f'{margin}"values": {_line(others)[:-1]}{", " if others else ""}"along_last": ['
    return [
        first,
        f"{margin}{shape},",
        *_opened(opening, [[f"{margin}  {_line(column)}"] for column in columns], "]}}" + after),
    ]
