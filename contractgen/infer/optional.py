"""Optional inputs: parameters that may be None and keys that are asked for but not needed, proven by running with them.

One that changes nothing is never read; one that silences a required input is an alternative to it; one that adds a loss
is for training. Those are left out of the contract and listed in its evidence.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field, replace

from contractgen.infer.alongside import alongside
from contractgen.infer.dtypes import usual_dtypes
from contractgen.infer.hypothesis import Fixed, Group, Hypothesis, Leaf, Node, Path, Unknown, dotted, is_mask
from contractgen.infer.probe import Input, Prober, Refill, out_tensors, same_bits
from contractgen.infer.ranks import groups_of
from contractgen.infer.search import Found, Limits, Search
from contractgen.infer.trial import SymbolicTensor
from contractgen.infer.values import Fill, Plan

_SOME = Limits(trials=30, confirmations=6, fill=False, patience=8)
_ONCE = Limits(trials=1, confirmations=1, fill=False)
_LIKELY = 18
"""So many shapes are tried where the search finds none."""
_KINDS = 3
_ROOMS = (4, 16)
_TRAINING = re.compile(r"(?!input_)(.*_)?(labels?|targets?|loss|y_true)($|_(?!index))")
_NO_VALUE = "no value was found that the model runs on beside the other inputs"
_FILLS: tuple[Fill, ...] = ("mixed", "ones", "zeros", "normal", "ramp")


@dataclass
class Optionals:
    """The input with all the optional ones that it takes together, and what was left out, with the reason."""

    found: Found
    before: Found
    """The input without any of them."""
    paths: list[Path] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    needed: dict[Path, str] = field(default_factory=dict)
    """What is required after all, though the model runs without it, with the reason."""
    displaced: bool = False
    """Whether one of them gave the outputs other ranks at the sizes that were found first: a sign of a rank too few."""

    @property
    def names(self) -> frozenset[str]:
        """The parameters among them."""
        return frozenset(str(path[0]) for path in self.paths if len(path) == 1)

    @property
    def unfitting(self) -> bool:
        """Whether some optional input found no place beside the others."""
        return _NO_VALUE in self.left_out.values()


def add_optionals(search: Search, found: Found) -> Optionals:
    """Give each optional input in turn, on top of those that were taken before."""
    result = Optionals(found, found)
    candidates: list[tuple[Path, Node]] = [((name,), node) for name, node in search.signature.optional.items()]
    candidates += [((*path, key), Unknown()) for path, key in sorted(search.asked, key=str)]
    for path, node in candidates:
        if not _absent(result.found.hypothesis, path):
            continue
        reason = _try_bare(search, result, path, node) and _try(search, result, path, node)
        if reason:
            result.left_out[dotted(path)] = reason
    return result


def _try_bare(search: Search, result: Optionals, path: Path, node: Node) -> str:
    """Take an input that is annotated as a tuple of one tensor as that tensor: what indexes with one takes either."""
    if not (isinstance(node, Group) and len(node.children) == 1 and node.kind == "tuple"):
        return "it is no tuple of one tensor"
    return _try(search, result, path, node.children[0][1])


def _absent(hypothesis: Hypothesis, path: Path) -> bool:
    known = dict(hypothesis.nodes())
    return path not in known or isinstance(known[path], Fixed)


def _try(search: Search, result: Optionals, path: Path, node: Node) -> str:
    """Take one optional input into the result, or say why not."""
    before = result.found
    if _TRAINING.match(str(path[-1])):
        return "its name says that it is for training"
    if len(path) == 1 and path[0] in search.signature.objects:
        return "it is an object of a class of its own: it does not travel"
    if (other := _stands_for(before.hypothesis, str(path[-1]))) is not None:
        return f"its name says that it stands for what the model makes of {other}: it is an alternative to it"
    start = before.hypothesis.with_node(path, node)
    frozen = frozenset(before.hypothesis.leaves())
    found = search.find(start, frozen=frozen, limits=_SOME)
    if found is not None and found.hypothesis.node(path) == Unknown() and not found.trial.ok:
        found = _unseen(search, start, path, frozen)  # the run ended before it told what the input is
    if found is None:
        likely, limits = _likeliest(search, before.hypothesis, path)
        found = next(filter(None, (search.find(one, frozen=frozen, limits=limits) for one in likely)), None)
    if found is None:
        return _NO_VALUE
    added = [at for at in found.hypothesis.leaves() if at[: len(path)] == path]
    if not added or not isinstance(found.hypothesis.node(path), (Leaf, Group)):
        return "it is no tensor: it stays at its default"
    if not _runs_without(search, before, found):
        return "it was found only at sizes of the other inputs that the model does not run on without it"
    in_place = _with_their_rows(search, before, _in_place(search, before, found, path), path)
    displaced = _output_ranks(found) not in ((), _output_ranks(before))
    found = alongside(search, usual_dtypes(search, in_place, added), added)
    old = Prober(search.runner, before.hypothesis, before.plan).lively()
    new = Prober(search.runner, found.hypothesis, found.plan).lively()
    if _has_loss(new) and not _has_loss(old):
        return "with it the model returns a loss: it is for training"
    if not any(_matters(new, leaf) for leaf in added):
        roomy = _read_with_room(search, found, added)
        if roomy is None:
            return "the model never reads it"
        found = roomy
        new = Prober(search.runner, found.hypothesis, found.plan).lively()
    silenced = [leaf for leaf in before.hypothesis.leaves() if _matters(old, leaf) and not _matters(new, leaf)]
    if silenced:
        return f"with it the model no longer reads {dotted(silenced[0])}: it is an alternative to it"
    result.found = found
    result.displaced |= displaced
    result.paths.append(path)
    return ""


def _stands_for(hypothesis: Hypothesis, name: str) -> str | None:
    """The input that one of this name replaces, by the names that models of two sides have for what they hand on."""
    given = [dotted(path) for path in hypothesis.leaves()]
    if name.endswith("inputs_embeds"):
        ids = name.removesuffix("inputs_embeds") + "input_ids"
        return ids if ids in given else None
    two_sided = any(param.name.startswith("decoder_") for param in hypothesis.params)
    first = next((other for other in given if not other.startswith("decoder_")), None)
    return first if name == "encoder_outputs" and two_sided else None


def _read_with_room(search: Search, found: Found, added: list[Path]) -> Found | None:
    """The input at larger sizes at which the model reads what it was given: strides leave a single step of a few frames.

    A mask over a single step masks nothing, since the weights of one step are 1 whatever it is.
    """
    sizes = found.hypothesis.sizes()
    own = [axis for axis in sizes if axis[0] in added and axis[1]]
    alike = [axis for axis in sizes if axis[1] and sizes[axis] in {sizes[each] for each in own}]
    groups = groups_of(Prober(search.runner, found.hypothesis, found.plan), found)
    tied = [axis for group in groups if set(group) & set(own) for axis in group]
    for axes, factor in itertools.product((alike, tied) if own else (), _ROOMS):
        hypothesis = found.hypothesis.with_sizes({axis: factor * sizes[axis] for axis in axes})
        larger = Prober(search.runner, hypothesis, found.plan).lively()
        if larger.ok({}) and any(_matters(larger, leaf) for leaf in added):
            return Found(hypothesis, found.plan, search.tracer.run(hypothesis))
    return None


def _runs_without(search: Search, before: Found, found: Found) -> bool:
    """Whether the model runs on the sizes that the other inputs have beside an optional one, without that one too."""
    leaves = before.hypothesis.leaves()
    sizes = {axis: size for axis, size in found.hypothesis.sizes().items() if axis[0] in leaves}
    return Prober(search.runner, before.hypothesis.with_sizes(sizes), found.plan).ok({})


def _likeliest(search: Search, hypothesis: Hypothesis, path: Path) -> tuple[list[Hypothesis], Limits]:
    """The input at ``path`` as a tensor that shares the leading axes of another one, by which the model comes furthest.

    Models that check what they take say what is wrong in words of their own, from which no search learns a rank. Where a
    symbolic run ends before the model looks at the tensor, each of a few is run for real.
    """
    dtypes = list(dict.fromkeys(dtype for (dtype, _), _ in search.shapes(path)))[:3]
    leaves = [Leaf(dtype, sizes) for sizes in _leading(hypothesis) for dtype in dtypes]
    starts = [hypothesis.with_node(path, leaf) for leaf in leaves[:_LIKELY]]
    reached = {start: search.reach(start) for start in starts}
    if len(set(reached.values())) < 2:
        return starts, _ONCE
    return [max(reached, key=lambda start: reached[start])], _SOME


def _leading(hypothesis: Hypothesis) -> list[tuple[int, ...]]:
    """The sizes of the first axes of each tensor, and none."""
    some = (leaf.sizes[:rank] for leaf in hypothesis.leaves().values() for rank in (1, 2, 3))
    return list(dict.fromkeys((*some, ())))


def _in_place(search: Search, before: Found, found: Found, path: Path) -> Found:
    """The same with a tensor at ``path`` that leaves the outputs their ranks, if there is one: another one broadcast them."""
    leaf, wanted = found.hypothesis.node(path), _output_ranks(before)
    if not isinstance(leaf, Leaf) or not wanted or _output_ranks(found) in ((), wanted):
        return found
    for sizes in _leading(before.hypothesis):
        other = before.hypothesis.with_node(path, replace(leaf, sizes=sizes))
        trial = search.tracer.run(other)
        changed = Found(other, {**before.plan, path: found.plan[path]}, trial)
        if trial.ok and _output_ranks(changed) == wanted and Prober(search.runner, other, changed.plan).at([{}])[0].ok:
            return changed
    return found


def _with_their_rows(search: Search, before: Found, found: Found, path: Path) -> Found:
    """The same with as many rows of a mask as another tensor has, where it runs so with marks of both kinds.

    A mask that lets everything through is dropped before anything looks at its rows, and any number of them runs.
    """
    leaf = found.hypothesis.node(path)
    if not isinstance(leaf, Leaf) or not is_mask(path) or found.plan[path] != "ones" or not leaf.sizes:
        return found
    plan: Plan = {**found.plan, path: "mixed"}
    for rows in dict.fromkeys(other.sizes[0] for other in before.hypothesis.leaves().values() if other.sizes):
        other = found.hypothesis.with_node(path, replace(leaf, sizes=(rows, *leaf.sizes[1:])))
        if Prober(search.runner, other, plan).ok({}):
            return Found(other, plan, search.tracer.run(other))
    return found


def _output_ranks(found: Found) -> tuple[int, ...]:
    """The rank of each output tensor of a symbolic run that came to its end."""
    ranks: list[int] = []

    def visit(tree: object) -> None:
        if isinstance(tree, SymbolicTensor):
            ranks.append(len(tree.sizes))
        elif isinstance(tree, (list, tuple, dict)):
            for item in tree.values() if isinstance(tree, dict) else tree:
                visit(item)

    visit(found.trial.outputs)
    return tuple(ranks)


def _unseen(search: Search, start: Hypothesis, path: Path, frozen: frozenset[Path]) -> Found | None:
    """The input with a tensor at ``path``, of the likeliest dtype and rank that the model runs on."""
    likely = sorted(search.shapes(path), key=lambda shape: shape[1])[:_KINDS]
    for (dtype, rank), _ in likely:
        found = search.find(start.with_node(path, search.fresh(start, path, dtype, rank)), frozen=frozen, limits=_SOME)
        if found is not None:
            return found
    return None


def _has_loss(prober: Prober) -> bool:
    return any(path and path[0] == "loss" for path, _ in out_tensors(prober.base().tree))


def _matters(prober: Prober, path: Path) -> bool:
    """Whether some other content of one tensor changes the outputs, or makes the model fail."""
    inputs = [Input()] + [Input((), ((path, Refill(fill, seed)),)) for seed, fill in enumerate(_FILLS)]
    base, *others = prober.run(inputs, tensors=True)
    if not base.ok:
        return False
    if any(other.kind == "error" for other in others):
        return True
    for other in others:
        if other.ok and len(other.value.tensors) == len(base.value.tensors):
            for a, b in zip(base.value.tensors, other.value.tensors, strict=True):
                if not same_bits(a, b):
                    return True
    return False
