"""Straight-line code that takes arguments apart into tensors by their names, and puts tensors together as arguments."""

from __future__ import annotations

from dataclasses import dataclass, field

from contractgen.contract import model
from contractgen.generate.check_code import name_code
from contractgen.generate.layout import Code, group, labelled, literal, statement
from contractgen.generate.spec_text import constant_value

INDENT = "    "


def flatten_code(contract: model.Contract, names: dict[str, str], *, strict: bool) -> list[str]:
    """The lines that fill `tensors` from the parameters; they `return None` where the structure is another.

    With `strict`, a tuple does not pass for a list. Absent optional parameters are None.
    """
    emitter = Flattener(strict)
    for part in contract.inputs:
        value = names[part.name]
        if part.required or isinstance(part.node, (model.Optional, model.Constant)):
            emitter.node(part.node, value, (), 0)
        else:
            emitter.add(f"if {value} is not None:", 0)
            emitter.node(part.node, value, (), 1)
    return emitter.lines


@dataclass
class Flattener:
    """Writes the lines of `flatten_code`."""

    strict: bool
    lines: list[str] = field(default_factory=list)
    temporaries: int = 0

    def node(self, node: model.Node, value: str, index: tuple[str, ...], depth: int) -> None:
        """Take one node apart."""
        if isinstance(node, model.Tensor):
            self.add(f"tensors[{name_code(node.wire_name, index)}] = {value}", depth)
        elif isinstance(node, model.Constant):
            constant = literal(constant_value(node))
            is_single = node.type in {"bool", "none"}
            test = f"{value} is not {constant}"
            if not is_single:
                test = f"type({value}) is not {node.type} or {value} != {constant}"
            self.unless(test, depth)
        elif isinstance(node, model.Optional):
            self.add(f"if {value} is not None:", depth)
            self.node(node.node, value, index, depth + 1)
        elif isinstance(node, model.Dict):
            self.dict(node, value, index, depth)
        elif isinstance(node, model.List):
            # An empty list leaves no trace among the tensors; where it may also be absent, the explaining checker decides.
            self.unless(f"type({value}) is not list" + (f" or not {value}" if depth else ""), depth)
            counter = f"i{len(index)}"
            item = self.temporary()
            self.add(f"for {counter}, {item} in enumerate({value}):", depth)
            self.node(node.item, item, (*index, counter), depth + 1)
        else:
            self.unless(f"type({value}) is not {node.sequence} or len({value}) != {len(node.items)}", depth)
            for i, part in enumerate(node.items):
                self.node(part, self.named(part, f"{value}[{i}]", depth), index, depth)

    def dict(self, node: model.Dict, value: str, index: tuple[str, ...], depth: int) -> None:
        """Take a dict apart."""
        required = sum(part.required for part in node.fields)
        self.unless(f"type({value}) is not dict", depth)
        keys = group("{", [literal(part.key) for part in node.fields], "}") if node.fields else "set()"
        operator = "!=" if required == len(node.fields) else "-"
        self.lines += statement(keys, depth, f"if {value}.keys() {operator} ", ":")
        self.add("return None", depth + 1)
        for part in node.fields:
            if part.required:
                self.unless_in(part.key, value, depth, skip=required == len(node.fields))
                self.node(part.node, self.named(part.node, f"{value}[{literal(part.key)}]", depth), index, depth)
            else:
                self.add(f"if {literal(part.key)} in {value}:", depth)
                self.node(
                    part.node, self.named(part.node, f"{value}[{literal(part.key)}]", depth + 1), index, depth + 1
                )

    def unless_in(self, key: str, value: str, depth: int, *, skip: bool) -> None:
        """Leave where a required key is absent, unless that was seen to already."""
        if not skip:
            self.unless(f"{literal(key)} not in {value}", depth)

    def named(self, node: model.Node, code: str, depth: int) -> str:
        """A local name for an expression that is used more than once."""
        if isinstance(node, model.Tensor):
            return code
        name = self.temporary()
        self.add(f"{name} = {code}", depth)
        return name

    def temporary(self) -> str:
        """A fresh local name."""
        self.temporaries += 1
        return f"part{self.temporaries}"

    def unless(self, test: str, depth: int) -> None:
        """Leave where a test holds."""
        self.add(f"if {test}:", depth)
        self.add("return None", depth + 1)

    def add(self, line: str, depth: int) -> None:
        """One line at a depth."""
        self.lines.append(INDENT * depth + line)


def tree_code(node: model.Node, tensors: str) -> Code | None:
    """The expression that puts a node together from its tensors; None where that depends on which of them came."""
    if isinstance(node, model.Tensor):
        return f"{tensors}[{literal(node.wire_name)}]"
    if isinstance(node, model.Constant):
        return literal(constant_value(node))
    if isinstance(node, model.Dict):
        parts = [(part.key, tree_code(part.node, tensors) if part.required else None) for part in node.fields]
        present = [labelled(literal(key), code) for key, code in parts if code is not None]
        return group("{", present, "}") if len(present) == len(parts) else None
    if isinstance(node, model.Tuple):
        items = [code for item in node.items if (code := tree_code(item, tensors)) is not None]
        opening, closing = "[]" if node.sequence == "list" else "()"
        return group(opening, items, closing) if len(items) == len(node.items) else None
    return None
