"""The two sides of a contract as one tree each, and the steps by which places in two such trees are told to be the same.

Inputs are a dict of the parameters. Outputs are the node that forward returns: that of a single output, or a tuple.
"""

from __future__ import annotations

import json
import re
from typing import Final, Literal, TypeAlias

from contractgen.contract.model import Constant, Contract, Dict, Field, Node, Optional, Tuple

Side: TypeAlias = Literal["input", "output"]

Path: TypeAlias = tuple[str, ...]
"""The steps from the root of a side, each as it is shown: ``("batch", ".ids", "[0]")``."""

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def root(contract: Contract, side: Side) -> Node:
    """The tree of one side."""
    if side == "input":
        return Dict(tuple(Field(part.name, part.node, part.required) for part in contract.inputs))
    if len(contract.outputs) == 1:
        return contract.outputs[0].node
    return Tuple(tuple(part.node for part in contract.outputs))


def key_step(key: str) -> str:
    """The step to a key of a dict."""
    return f".{key}" if _PLAIN.fullmatch(key) else f"[{json.dumps(key, ensure_ascii=False)}]"


def index_step(index: int) -> str:
    """The step to an item of a tuple."""
    return f"[{index}]"


ITEM_STEP: Final = "[*]"
"""The step to the items of a list."""


def path_text(side: Side, path: Path) -> str:
    """A place as people read it: ``inputs.batch.ids``, ``outputs[0]``."""
    return f"{side}s{''.join(path)}"


def core(node: Node) -> tuple[Node | None, bool]:
    """What a node is when it is not None (nothing, for the constant None), and whether it may be None."""
    if isinstance(node, Optional):
        inner, _ = core(node.node)
        return inner, True
    if isinstance(node, Constant) and node.type == "none":
        return None, True
    return node, False
