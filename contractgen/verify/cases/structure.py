"""Cases about structure: what is required, what is known, and what kind of thing stands where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from contractgen.contract.model import Constant, Dict, List, Node, Optional, Tensor, Tuple
from contractgen.verify.cases.model import Break, Claim, Ground, Met, there
from contractgen.verify.places import Switch, has_tensor
from contractgen.verify.recipe import Extra, Length, Missing, Recipe, Replaced

ANY = frozenset({"structure", "missing", "unexpected", "dtype", "rank", "shape", "value"})
"""A thing of another kind can be read, and refused, in several ways."""


def structure_claims(ground: Ground) -> Iterator[Claim]:
    """Everything that the contract says of the tree of arguments."""
    base = ground.base()
    extra = () if base is None else (
        Break("extra", replace(base, edit=Extra("")), frozenset({"unexpected"}), "unexpected"),
    )  # fmt: skip
    yield Claim("inputs.keys", "model", "keys", "no other parameters", extra)
    variadic = {parameter.name for parameter in ground.contract.inputs if parameter.kind == "variadic"}
    for path, node, required, within in ground.found.nodes:
        if isinstance(node, Constant) or not has_tensor(node):
            continue
        about = f"input:{path}"
        if required and must_come(node):
            missing = () if base is None else (
                Break("missing", replace(base, edit=Missing(path)), _missing_codes(node)),
            )  # fmt: skip
            yield Claim(f"{about}.required", about, "required", f"{path} is required", missing,
                        there(within))  # fmt: skip
        if path not in variadic:  # Python itself makes a tuple of these
            yield _kind(path, node, base, within, required=required)
    for switch in ground.found.switches:
        about = f"input:{switch.path}"
        state = "None" if switch.none else "absent"
        yield Claim(f"{about}.optional{'?' if switch.none else ''}", about, "required",
                    f"{switch.path} may be {state}", (), _left_out(switch),
                    "inside")  # fmt: skip
        yield Claim(f"{about}.present{'?' if switch.none else ''}", about, "required",
                    f"{switch.path} may be given", (), there(frozenset({switch.id})), "inside")  # fmt: skip
    for mapping in ground.found.mappings:
        about = f"input:{mapping.path}"
        unknown = () if base is None else (
            Break("extra", replace(base, edit=Extra(mapping.path)), frozenset({"unexpected"}), "unexpected"),
        )  # fmt: skip
        yield Claim(f"{about}.keys", about, "keys", f"{mapping.path} has no other keys", unknown,
                    there(mapping.within))  # fmt: skip


def _left_out(switch: Switch) -> Met:
    return lambda recipe: switch.within <= recipe.on and switch.id not in recipe.on


def _missing_codes(node: Node) -> frozenset[str]:
    return frozenset({"missing"}) if not isinstance(node, List) else frozenset({"missing", "shape", "structure"})


def must_come(node: Node) -> bool:
    """Whether something of a node must be on the wire: what holds optional parts alone cannot be told from absent."""
    if isinstance(node, Tensor):
        return True
    if isinstance(node, (Optional, Constant)):
        return False
    if isinstance(node, List):
        return must_come(node.item)
    if isinstance(node, Tuple):
        return any(must_come(item) for item in node.items)
    return any(field.required and must_come(field.node) for field in node.fields)


def _kind(path: str, node: Node, base: Recipe | None, within: frozenset[str], *, required: bool) -> Claim:
    inner = node.node if isinstance(node, Optional) else node
    text = {Tensor: "a tensor", Dict: "a dict", List: "a list"}.get(type(inner), "nothing")
    if isinstance(inner, Tuple):
        text = f"a {inner.sequence}"
    breaks: list[Break] = []
    if base is not None and inner is node:
        kinds = {
            "dict": not isinstance(node, Dict),
            "list": isinstance(node, Dict),
            "text": True,
            "none": required and must_come(node),
        }
        for by, fits in kinds.items():
            if fits:
                edit = Replaced(path, by)  # type: ignore[arg-type]
                breaks.append(Break(by, replace(base, edit=edit), ANY, "structure", client_only=True))
        if isinstance(node, Tuple):
            breaks.append(Break("item-more", replace(base, edit=Extra(path)), ANY, "structure"))
            if must_come(node.items[-1]):
                breaks.append(
                    Break("item-less", replace(base, edit=Length(path, len(node.items) - 1)), ANY, "structure")
                )
    about = f"input:{path}"
    return Claim(f"{about}.kind", about, "kind", f"{path} is {text}", tuple(breaks), there(within),
                 "both" if breaks else "inside")  # fmt: skip
