"""How many items a list may have: it is run with one more and one less, and an item that nothing reads does not count."""

from __future__ import annotations

from contractgen.infer.assemble import Length
from contractgen.infer.extents import Claim
from contractgen.infer.hypothesis import Group, Hypothesis, Leaf, Node, Path, Unknown
from contractgen.infer.naming import identifier
from contractgen.infer.probe import Input, Prober, Refill, out_tensors
from contractgen.infer.search import Found, Limits, Search
from contractgen.infer.values import Plan

_MOST = 12
_FEW = Limits(trials=16, confirmations=4, fill=False)


def measure_lists(prober: Prober, example: Hypothesis | None = None) -> dict[Path, Length]:
    """The lists of the input whose length is free, with its bounds.

    The items of such a list share their dims; one whose items differ in size in the example is as long as there.
    """
    found: dict[Path, Length] = {}
    uneven = set() if example is None else {path for path, node in example.nodes() if _is_uneven(example, path, node)}
    for path, node in prober.hypothesis.nodes():
        if path in uneven or _nested(path, found):
            continue
        if isinstance(node, Group) and node.kind == "list" and node.children:
            length = _measure(prober, path, node)
            if length is not None:
                found[path] = length
    return found


def grow_lists(search: Search, found: Found) -> Found:
    """The input with each list as long as the model reads it, where its length is not free."""
    for path, node in list(found.hypothesis.nodes()):
        if not isinstance(node, Group) or node.kind != "list" or not node.children:
            continue
        grown = node
        while len(grown.children) < _MOST:
            count = len(grown.children)
            prober = Prober(search.runner, found.hypothesis, found.plan)
            if all(_runs(prober, path, grown, n) for n in (count + 1, count + 2)):
                break
            start = found.hypothesis.with_node((*path, count), Unknown())
            longer = search.find(start, frozen=frozenset(found.hypothesis.leaves()), limits=_FEW)
            if longer is None or not _reads(Prober(search.runner, longer.hypothesis, longer.plan), path, count):
                break
            found = longer
            longer_node = found.hypothesis.node(path)
            assert isinstance(longer_node, Group)
            grown = longer_node
    return found


def _is_uneven(example: Hypothesis, path: Path, node: Node) -> bool:
    if not isinstance(node, Group) or node.kind == "dict":
        return False
    items: dict[str | int, list[object]] = {key: [] for key, _ in node.children}
    for at, leaf in example.leaves().items():
        if at[: len(path)] == path:
            items[at[len(path)]].append((at[len(path) + 1 :], leaf))
    return any(item != first for first in list(items.values())[:1] for item in items.values())


def _nested(path: Path, found: dict[Path, Length]) -> bool:
    return any(path[: len(outer)] == outer for outer in found)


def _measure(prober: Prober, path: Path, node: Group) -> Length | None:
    count = len(node.children)
    runs = {n: _runs(prober, path, node, n) for n in (count + 1, count + 2, *((count - 1,) if count > 1 else ()))}
    if not (runs[count + 1] and runs[count + 2]) or _returns_items(prober, path, node):
        return None
    low = next(n for n in range(1, count + 1) if n == count or _runs(prober, path, node, n))
    high = next((n - 1 for n in range(count + 3, _MOST + 1) if not _runs(prober, path, node, n)), None)
    claims = (
        Claim("min", "probed", f"a list of {low} ran" + (f", one of {low - 1} failed" if low > 1 else "")),
        Claim(
            "max",
            "probed",
            f"a list of {high or _MOST} ran" + (f", one of {high + 1} failed" if high else "; nothing bounds it"),
        ),
    )
    return Length(f"{identifier(str(path[-1]).lower())}_count", low, high, claims)


def _returns_items(prober: Prober, path: Path, node: Group) -> bool:
    """Whether a longer list makes the model return more tensors: no contract says how many, so the list has its length."""
    longer = _with_length(prober, path, node, len(node.children) + 1)
    own, more = (len(out_tensors(one.base().tree)) for one in (prober, longer))
    return own != more


def _runs(prober: Prober, path: Path, node: Group, count: int) -> bool:
    """Whether the model runs on this many items and reads the last one."""
    longer = _with_length(prober, path, node, count)
    return longer.ok({}) and _reads(longer, path, count - 1)


def _reads(prober: Prober, path: Path, index: int) -> bool:
    """Whether other contents of one item change the outputs."""
    leaves = {at: leaf for at, leaf in prober.hypothesis.leaves().items() if at[: len(path) + 1] == (*path, index)}
    edits = tuple((at, Refill("ones" if leaf.dtype.is_floating_point else "mixed", 7)) for at, leaf in leaves.items())
    before, after = prober.run([Input(), Input((), edits)], tensors=True)
    if not (before.ok and after.ok):
        return before.ok
    pairs = zip(before.value.tensors, after.value.tensors, strict=False)
    return any(a.shape != b.shape or not bool((a == b).all()) for a, b in pairs)


def _with_length(prober: Prober, path: Path, node: Group, count: int) -> Prober:
    """The same input with the list cut, or its last item repeated, to this many items."""
    hypothesis: Hypothesis = prober.hypothesis
    plan: Plan = dict(prober.plan)
    own = len(node.children)
    for index in range(count, own):
        hypothesis = hypothesis.without((*path, index))
    for index in range(own, count):
        hypothesis = hypothesis.with_node((*path, index), node.children[-1][1])
        for at, leaf in hypothesis.leaves().items():
            if at[: len(path) + 1] == (*path, index) and isinstance(leaf, Leaf):
                plan[at] = plan[_at_index(at, len(path), own - 1)]
    return Prober(prober.runner, hypothesis, {at: fill for at, fill in plan.items() if at in hypothesis.leaves()})


def _at_index(path: Path, depth: int, index: int) -> Path:
    """The path with another list index at ``depth``."""
    return tuple(index if position == depth else part for position, part in enumerate(path))
