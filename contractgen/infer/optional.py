"""Optional inputs: parameters that default to None and keys that are asked for but not needed, proven by running with them.

One that changes nothing is never read; one that silences a required input is an alternative to it; one that adds a loss
is for training. Those are left out of the contract and listed in its evidence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import torch

from contractgen.infer.dtypes import usual_dtypes
from contractgen.infer.hypothesis import Fixed, Group, Hypothesis, Leaf, Node, Path, Unknown, dotted
from contractgen.infer.probe import Input, Prober, Refill, out_tensors
from contractgen.infer.search import Found, Limits, Search
from contractgen.infer.values import Fill

_SOME = Limits(trials=30, confirmations=6, fill=False, patience=5)
_TRAINING = re.compile(r"(^|_)(labels?|targets?|loss|y_true)($|_)|_labels?$|_targets?$")
_FILLS: tuple[Fill, ...] = ("mixed", "ones", "zeros", "normal", "ramp")


@dataclass
class Optionals:
    """The input with all the optional ones that it takes together, and what was left out, with the reason."""

    found: Found
    before: Found
    """The input without any of them."""
    paths: list[Path] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def add_optionals(search: Search, found: Found) -> Optionals:
    """Give each optional input in turn, on top of those that were taken before."""
    result = Optionals(found, found)
    candidates: list[tuple[Path, Node]] = [((name,), node) for name, node in search.signature.optional.items()]
    candidates += [((*path, key), Unknown()) for path, key in sorted(search.asked, key=str)]
    for path, node in candidates:
        if not _absent(result.found.hypothesis, path):
            continue
        reason = _try(search, result, path, node)
        if reason:
            result.left_out[dotted(path)] = reason
    return result


def _absent(hypothesis: Hypothesis, path: Path) -> bool:
    known = dict(hypothesis.nodes())
    return path not in known or isinstance(known[path], Fixed)


def _try(search: Search, result: Optionals, path: Path, node: Node) -> str:
    """Take one optional input into the result, or say why not."""
    before = result.found
    if _TRAINING.search(str(path[-1])):
        return "its name says that it is for training"
    start = before.hypothesis.with_node(path, node)
    frozen = frozenset(before.hypothesis.leaves())
    found = search.find(start, frozen=frozen, limits=_SOME)
    if found is None:
        return "no value was found that the model runs on beside the other inputs"
    added = [at for at in found.hypothesis.leaves() if at[: len(path)] == path]
    if not added or not isinstance(found.hypothesis.node(path), (Leaf, Group)):
        return "it is no tensor: it stays at its default"
    found = usual_dtypes(search, found, added)
    old = Prober(search.runner, before.hypothesis, before.plan)
    new = Prober(search.runner, found.hypothesis, found.plan)
    if _has_loss(new) and not _has_loss(old):
        return "with it the model returns a loss: it is for training"
    if not any(_matters(new, leaf) for leaf in added):
        return "the model never reads it"
    silenced = [leaf for leaf in before.hypothesis.leaves() if _matters(old, leaf) and not _matters(new, leaf)]
    if silenced:
        return f"with it the model no longer reads {dotted(silenced[0])}: it is an alternative to it"
    result.found = found
    result.paths.append(path)
    return ""


def _has_loss(prober: Prober) -> bool:
    return any(path and path[0] == "loss" for path, _ in out_tensors(prober.base().tree))


def _matters(prober: Prober, path: Path) -> bool:
    """Whether some other content of one tensor changes the outputs."""
    inputs = [Input()] + [Input((), ((path, Refill(fill, seed)),)) for seed, fill in enumerate(_FILLS)]
    base, *others = prober.run(inputs, tensors=True)
    if not base.ok:
        return False
    for other in others:
        if other.ok and len(other.value.tensors) == len(base.value.tensors):
            for a, b in zip(base.value.tensors, other.value.tensors, strict=True):
                if a.shape != b.shape or not torch.equal(torch.nan_to_num(a), torch.nan_to_num(b)):
                    return True
    return False
