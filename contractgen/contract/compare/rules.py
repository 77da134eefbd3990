"""The rules: each kind of change that makes one contract refuse what the other allows.

A rule is about inputs or about outputs. Inputs are contravariant: a new server must accept each request that the old
contract allows. Outputs are covariant: a new server must send nothing that the old contract does not promise. So every
input rule has an output rule as its mirror, or says why it has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from contractgen.contract.compare.root import Side


@dataclass(frozen=True)
class Rule:
    """One kind of breaking change."""

    id: str
    side: Side
    what: str
    """What changed."""
    why: str
    """Why that breaks."""
    whom: str
    """For whom."""
    fix: str
    """What to do instead."""
    mirror: str | None
    """The rule of the other side; None with a waiver."""
    waiver: str = ""


_REQUESTS: Final = "callers whose requests were fine until now"
_RESPONSES: Final = "callers who read the responses"

# name: (what changed, why it breaks requests, why it breaks responses, what to do instead)
_MIRRORED: Final[dict[str, tuple[str, str, str, str]]] = {
    "missing": (
        "a key became required",
        "a request without it is refused as `missing`",
        "a response may come without it, where it was always there",
        "keep it optional, with the old behaviour where it is absent",
    ),
    "unexpected": (
        "a key is no longer known, or is new to the reader",
        "a request that has it is refused as `unexpected`",
        "a response has a key that the old contract does not know, which a generated client refuses",
        "keep the key (it may be ignored), or release it as a new major version",
    ),
    "none": (
        "a value may not be None any more",
        "a request with null there is refused",
        "a response may hold null where it never did",
        "keep accepting None",
    ),
    "kind": (
        "a value became another kind of thing: a tensor, dict, list, tuple or constant",
        "a request of the old structure is refused as `structure`",
        "a response has another structure than the reader expects",
        "add the new structure beside the old one, as an optional parameter or another output",
    ),
    "constant": (
        "a constant has another value",
        "a request that sends the old value is refused, and one that leaves it out now means something else",
        "a response holds another value",
        "keep the constant",
    ),
    "items": (
        "a tuple, or a list whose items have nodes of their own, has another number of items",
        "a request with the old number of items is refused",
        "a response unpacks into another number of items",
        "add a separate parameter or output",
    ),
    "dtype": (
        "a tensor has another dtype",
        "a request with the old dtype is refused: nothing is cast silently",
        "a response holds numbers of another dtype",
        "cast inside of the model",
    ),
    "rank": (
        "a tensor has another number of axes",
        "a request with the old number of axes is refused",
        "a response has another number of axes",
        "reshape inside of the model",
    ),
    "wire-name": (
        "a tensor has another name on the wire",
        "a request by the Open Inference Protocol or as .npz names a tensor that is not known",
        "a response holds the tensor under another name",
        "keep the wire name; it need not be the name of the variable",
    ),
    "size": (
        "an axis or a list has another fixed size, or became fixed",
        "a request with another size is refused as `shape`",
        "a response has another size than the one promised",
        "keep the size, or make it a dim that includes the old ones",
    ),
    "min": (
        "the least size of a dim is another",
        "a request with a smaller size is refused",
        "a response may be smaller than promised",
        "keep the old minimum; pad inside of the model",
    ),
    "max": (
        "the largest size of a dim is another",
        "a request with a larger size is refused",
        "a response may be larger than promised",
        "keep the old maximum; crop or split inside of the model",
    ),
    "multiple": (
        "a dim has to be a multiple of another number",
        "a request with a size in between is refused",
        "a response may have sizes in between",
        "pad inside of the model",
    ),
    "tie": (
        "two sizes have to be equal",
        "a request in which they differ is refused",
        "sizes of a response may differ that were promised to be equal",
        "broadcast or pad inside of the model",
    ),
    "derived": (
        "a size follows from others by another formula",
        "a request with the old size is refused",
        "a response has another size than the formula promised",
        "keep the formula",
    ),
    "relation": (
        "a condition over sizes was added or narrowed",
        "a request that does not meet it is refused as `relation`",
        "sizes of a response may not meet what was promised",
        "keep accepting what met the old conditions",
    ),
    "value-min": (
        "the least value of a tensor's elements is another",
        "a request with a smaller value is refused",
        "a response may hold a smaller value than promised",
        "clamp inside of the model",
    ),
    "value-max": (
        "the largest value of a tensor's elements is another",
        "a request with a larger value is refused",
        "a response may hold a larger value than promised",
        "clamp, or map unknown values to a reserved one, inside of the model",
    ),
    "value-set": (
        "a tensor's elements are of another set of values",
        "a request with another value is refused",
        "a response may hold a value that was not promised",
        "keep accepting the old values",
    ),
    "finite": (
        "a tensor's elements have to be finite",
        "a request with NaN or an infinity is refused",
        "a response may hold NaN or an infinity",
        "replace them inside of the model",
    ),
    "not-nan": (
        "a tensor's elements may not be NaN",
        "a request with NaN is refused",
        "a response may hold NaN",
        "replace it inside of the model",
    ),
    "order": (
        "a tensor's elements have to be in order along the last axis",
        "a request in another order is refused",
        "a response may be in another order than promised",
        "sort inside of the model",
    ),
    "attained": (
        "the largest of a tensor's elements has to be its maximum",
        "a request whose largest element is smaller is refused",
        "the largest element of a response may be smaller than promised",
        "pad inside of the model: take the size of a mask from another tensor, not from the largest length",
    ),
    "each-row": (
        "each row of a tensor has to have some elements that are not zero, or that are",
        "a request with a row that has fewer is refused",
        "a row of a response may have fewer",
        "answer inside of the model for a row that a mask leaves nothing of",
    ),
}

NAMES: Final = tuple(_MIRRORED)
"""The rules' names without their side: what a message can break."""

CALL: Final = Rule(
    "input-call",
    "input",
    "a parameter has another place among the positional ones, or can no longer be passed by position",
    "a call of the regenerated client by position passes the argument to another parameter; requests on the wire are "
    "not affected",
    "callers of the generated client in Python",
    "add new parameters at the end, or pass arguments by name",
    None,
    "a response is read by name or index, and an index is part of its structure: `output-kind` and `output-items`",
)


def _undecided(side: Side, other: Side, whom: str) -> Rule:
    return Rule(
        f"{side}-undecided",
        side,
        f"it was not found out whether a claim about {side}s was narrowed",
        "the conditions are too entangled for the search; the change may break or not",
        whom,
        "look at both claims; if the change is harmless, allow it in the configuration with the reason",
        f"{other}-undecided",
    )


UNDECIDED: Final[dict[Side, Rule]] = {
    "input": _undecided("input", "output", _REQUESTS),
    "output": _undecided("output", "input", _RESPONSES),
}


def _rules() -> dict[str, Rule]:
    found: dict[str, Rule] = {}
    for name, (what, request, response, fix) in _MIRRORED.items():
        found[f"input-{name}"] = Rule(f"input-{name}", "input", what, request, _REQUESTS, fix, f"output-{name}")
        found[f"output-{name}"] = Rule(
            f"output-{name}", "output", _as_output(what), response, _RESPONSES, fix, f"input-{name}"
        )
    return {**found, CALL.id: CALL, **{rule.id: rule for rule in UNDECIDED.values()}}


def _as_output(what: str) -> str:
    """The same change as it is met in outputs, where less is promised instead of more asked."""
    return {
        "a key became required": "a key is no longer always there",
        "a value may not be None any more": "a value may be None",
        "two sizes have to be equal": "two sizes are no longer equal",
        "a condition over sizes was added or narrowed": "a condition over sizes is no longer met",
        "a tensor's elements have to be finite": "a tensor's elements are no longer all finite",
        "a tensor's elements may not be NaN": "a tensor's elements may be NaN",
        "a tensor's elements have to be in order along the last axis": "a tensor's elements are no longer in order",
        "the largest of a tensor's elements has to be its maximum": "the largest of a tensor's elements may be below its maximum",
        "each row of a tensor has to have some elements that are not zero, or that are": "a row of a tensor may have fewer elements that are not zero, or that are",
        "a dim has to be a multiple of another number": "a dim is no longer a multiple of a number",
    }.get(what, what)


RULES: Final[dict[str, Rule]] = _rules()
"""All rules by id."""
