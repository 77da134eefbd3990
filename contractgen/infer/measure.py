"""What sizes one found input may have: ties, bounds, multiples, relations, and which axis is the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from contractgen.infer.alongside import ask_of_ties
from contractgen.infer.batch import prove_batch
from contractgen.infer.composed import compose, derive, follow_reads
from contractgen.infer.extents import Claim, Extent, Sizes, axes_of, scan
from contractgen.infer.guards import AxisExpr, Guard, evaluate
from contractgen.infer.held import Held, ask_of_sums, held_sizes, keep_seated
from contractgen.infer.hypothesis import Axis, Path, dotted
from contractgen.infer.influence import find_dropped, settle_band
from contractgen.infer.optional import Optionals
from contractgen.infer.oracle import Oracle
from contractgen.infer.probe import Prober
from contractgen.infer.products import with_room
from contractgen.infer.ranks import groups_of
from contractgen.infer.relations import Relation, relate
from contractgen.infer.search import Search
from contractgen.infer.tables import fix_columns_of_tables
from contractgen.infer.ties import absorb, bind, bind_indexed, bind_masks, bind_members, squared, twinned, unlike, untie
from contractgen.infer.trial import SymbolicTensor

Report = Callable[[str, str], None]


@dataclass(frozen=True)
class Measured:
    """The sizes, with the input at sizes that they allow."""

    sizes: Sizes
    relations: list[Relation]
    batch: Extent | None


def measure_sizes(
    search: Search, optionals: Optionals, given: Mapping[Axis, int], seated: Mapping[Axis, Held], report: Report
) -> Measured:
    """Propose from the symbolic run, decide by real ones.

    ``given`` are the sizes of the user's example, if there is one; ``seated`` are those taken from numbers of the model.
    """
    found = optionals.found
    guards = tuple(g for g in found.trial.guards if all(axis in found.hypothesis.sizes() for axis in g.axes))
    prober = Prober(
        search.runner, found.hypothesis, found.plan, sizes_vary=not found.trial.ok or _data_decide(found.trial.outputs)
    )
    prober.base()
    report("trace", f"{len(guards)} conditions over {len(found.hypothesis.sizes())} axes")
    groups = [part for group in groups_of(prober, found) for part in untie(prober, group)]
    groups, prober = bind_members(prober, bind(prober, groups), given)
    groups, prober = twinned(prober, groups)
    groups, prober = squared(prober, groups)
    groups, prober = absorb(prober, bind_masks(prober, groups), guards)
    groups, prober, indexed = bind_indexed(prober, groups)
    groups = unlike(groups, given)
    proof = prove_batch(prober, groups, optionals.names)
    extents = derive(groups, guards)
    batch = next((extent for extent in extents if proof is not None and extent.group == proof.group), None)
    if batch is not None and proof is not None:
        batch.batch = True
        prober.expect_rows(batch.group[0], proof.outputs)
    _free_rests(prober, extents)
    compose(prober, extents)
    prober = follow_reads(prober, extents)
    _keep_given(extents, given)
    keep_seated(extents, seated)
    traced = found.trial.ok
    oracle = Oracle(search.tracer, prober.hypothesis, guards, found.trial.answer) if traced else None
    sizes = Sizes(prober, extents, oracle)
    for extent in sorted(
        extents, key=lambda extent: not extent.batch
    ):  # the batch first: the others are tried with little of it
        if extent.derived is None and extent.fixed is None:
            report("probe", f"sizes of {dotted(extent.group[0][0])}, axis {extent.group[0][1]}")
            scan(sizes, extent, guards, search.pool)
    sizes = with_room(sizes, guards, search.pool)
    extents = sizes.extents
    if optionals.paths:
        report("probe", "sizes without the optional inputs")
        _narrow_to_required(search, optionals, sizes.prober, extents, guards)
    for extent in extents:
        if extent is not batch:
            settle_band(sizes, extent, held_sizes(search.runner.module), given)
            find_dropped(sizes, extent, given)
        if any(set(group) <= set(extent.group) for group in indexed):
            detail = "the same ids index these axes, which may differ for all that the model does; is one size meant?"
            extent.claims.append(Claim("size", "assumed", detail))
    fix_columns_of_tables(sizes, search.pool)
    _halve_channels(sizes)
    _fix_what_follows(extents)
    ask_of_sums(sizes)
    ask_of_ties(sizes)
    if batch is not None:
        detail = "changing one row of the inputs changed that row of the outputs alone"
        batch.claims.append(Claim("role", "probed", detail))
    sizes = at_allowed_sizes(sizes)
    report("probe", "sizes together")
    return Measured(sizes, relate(sizes, guards, search.pool), batch)


def _fix_what_follows(extents: list[Extent]) -> None:
    """A size that follows from sizes that are fixed is fixed: a mask has as many columns as a picture has patches."""
    fixed = {axis: extent.fixed for extent in extents if extent.fixed is not None for axis in extent.group}
    for extent in extents:
        if extent.derived is not None and all(axis in fixed for axis in axes_of(extent.derived)):
            extent.fixed, extent.derived = evaluate(extent.derived, fixed), None
            extent.claims = [Claim("fixed", "traced", f"{extent.fixed} follows from sizes that are fixed")]


def _parts(extents: list[Extent], extent: Extent) -> list[Extent]:
    """An extent and those that its size is derived from."""
    owner = {axis: other for other in extents for axis in other.group}
    return [extent, *(owner[axis] for axis in (axes_of(extent.derived) if extent.derived is not None else []))]


def _free_rests(prober: Prober, extents: list[Extent]) -> None:
    """Take back that a size is what others leave of a total, where the model runs with any total: one run's number is none."""
    sizes = prober.hypothesis.sizes()
    for extent in extents:
        if extent.derived is None or not _is_rest(extent.derived, sizes):
            continue
        parts = _parts(extents, extent)
        larger = [dict.fromkeys(part.group, sizes[part.group[0]] + step) for part in parts for step in (1, 2)]
        if all(prober.ok(change) for change in larger):
            extent.derived = None


def _keep_given(extents: list[Extent], given: Mapping[Axis, int]) -> None:
    """Where the model binds only a sum of sizes, such as the columns of tensors that are joined, the example's are meant."""
    for extent in extents:
        if extent.derived is None or not all(axis in given for axis in axes_of(extent.derived)):
            continue
        if not _is_rest(extent.derived, given):
            continue
        parts = _parts(extents, extent)
        if all(part.group[0] in given for part in parts):
            for part in parts:
                part.derived, part.fixed = None, given[part.group[0]]
                detail = f"the example has {part.fixed}; the model binds only the sum with others"
                part.claims = [Claim("fixed", "declared", detail)]


def _halve_channels(sizes: Sizes) -> None:
    """Where the model binds only the sum of two pictures' channels, they have as many: it is put as a question."""
    leaves = sizes.prober.hypothesis.leaves()
    for extent in sizes.extents:
        parts = _parts(sizes.extents, extent)
        channels = all(len(part.group) == 1 and part.group[0][1] == 1 for part in parts)
        shapes = [leaves[part.group[0][0]] for part in parts]
        alike = len({(leaf.dtype, len(leaf.sizes), *leaf.sizes[2:]) for leaf in shapes}) == 1
        total = sum(sizes.size(part) for part in parts)
        if len(parts) != 2 or not channels or not alike or len(shapes[0].sizes) < 4 or total % 2:
            continue
        halves = {part.group[0]: total // 2 for part in parts}
        if extent.derived is not None and evaluate(extent.derived, halves) == total // 2:
            for part in parts:
                part.derived, part.fixed = None, total // 2
                told = f"the model binds only the sum of {total} channels of two pictures; have they as many?"
                part.claims = [Claim("fixed", "assumed", told)]


def _is_rest(expr: AxisExpr, sizes: Mapping[Axis, int]) -> bool:
    """Whether an expression is what others leave of a total: it shrinks where they grow."""
    size = evaluate(expr, sizes)
    return any(evaluate(expr, {**sizes, axis: sizes[axis] + 1}) < size for axis in axes_of(expr))


def at_allowed_sizes(sizes: Sizes) -> Sizes:
    """The same input at sizes that the claims allow and that run, if there are such.

    What was found before the claims may hold elements that nothing reads.
    """
    up, down = _allowed(sizes, up=True), _allowed(sizes, up=False)
    if not down:
        return sizes
    ran = next((change for change in (up, down) if sizes.prober.ok(change)), None)
    return sizes if ran is None else Sizes(sizes.prober.resized(ran), sizes.extents, sizes.oracle)


def _allowed(sizes: Sizes, *, up: bool) -> dict[Axis, int]:
    """The nearest allowed size for each axis that has another one, ``up`` from it where one is between two multiples."""
    change: dict[Axis, int] = {}
    for extent in sizes.extents:
        size = sizes.size(extent)
        if extent.derived is None and not extent.contains(size):
            allowed = extent.ceil(size) if up else extent.floor(size)
            highest = allowed if extent.max is None else extent.floor(extent.max)
            nearest = max(extent.min, min(allowed, highest))
            change |= dict.fromkeys(extent.group, nearest if extent.fixed is None else extent.fixed)
    return change


def _narrow_to_required(
    search: Search, optionals: Optionals, prober: Prober, extents: list[Extent], guards: tuple[Guard, ...]
) -> None:
    """Bounds that hold only while an optional input stands in for something (given positions for a table of them).

    What has a size of its own, such as the ids of a decoder, is needed instead where a size may be larger beside it.
    """
    bare = _without(search, optionals, prober, optionals.paths)
    if not bare.ok({}):
        return
    axes = set(bare.hypothesis.sizes())
    twins = {
        index: Extent(group, batch=extent.batch, scanned=extent.scanned)
        for index, extent in enumerate(extents)
        if extent.free and (group := tuple(axis for axis in extent.group if axis in axes))
    }
    sizes = Sizes(bare, list(twins.values()))
    own = tuple(guard for guard in guards if all(axis in axes for axis in guard.axes))
    for index, twin in twins.items():
        extent = extents[index]
        if twin.batch:
            continue
        scan(sizes, twin, own, search.pool)
        needed = _needed_for_more(search, optionals, prober, extent, twin)
        if needed is None:
            extent.narrow(twin)
        else:
            optionals.paths.remove(needed)
            told = f"without it the model runs at {twin.max} at most, where it takes {extent.max} with it"
            optionals.needed[needed] = f"{told}; is that meant?"


def _without(search: Search, optionals: Optionals, prober: Prober, paths: Sequence[Path]) -> Prober:
    """The input without some of the optional ones."""
    hypothesis, known = prober.hypothesis, dict(optionals.before.hypothesis.nodes())
    for path in paths:
        hypothesis = hypothesis.with_node(path, known[path]) if path in known else hypothesis.without(path)
    return Prober(search.runner, hypothesis, prober.plan, sizes_vary=prober.sizes_vary)


def _needed_for_more(search: Search, optionals: Optionals, prober: Prober, extent: Extent, twin: Extent) -> Path | None:
    """An optional input without which this size is bounded more tightly, though it has nothing of that size."""
    if extent.max is None or twin.max is None or twin.max >= extent.max:
        return None
    largest = dict.fromkeys(twin.group, extent.max)
    for path in optionals.paths:
        own = {axis for axis in prober.hypothesis.sizes() if axis[0][: len(path)] == path}
        others = [other for other in optionals.paths if other != path]
        if own.isdisjoint(extent.group) and _without(search, optionals, prober, others).ok(largest):
            return path
    return None


def _data_decide(outputs: object) -> bool:
    """Whether some output has a size that no expression over the inputs' sizes gives."""
    if isinstance(outputs, SymbolicTensor):
        return None in outputs.sizes
    children = outputs.values() if isinstance(outputs, dict) else outputs if isinstance(outputs, (list, tuple)) else ()
    return any(_data_decide(child) for child in children)
