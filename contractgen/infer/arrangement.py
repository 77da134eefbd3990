"""How the numbers of a tensor have to be arranged: which one is first, in what order they are, and which is the largest."""

from __future__ import annotations

from contractgen.infer.domain import BoundBy, Domain, Limit
from contractgen.infer.edits import Constant, Each, Put, Sorted
from contractgen.infer.extents import Claim, Sizes
from contractgen.infer.hypothesis import Leaf, Path
from contractgen.infer.probe import Input


def settle_arrangement(sizes: Sizes, path: Path, leaf: Leaf, domain: Domain) -> None:
    """What is found by running rows of numbers within the bounds."""
    if domain.bounded and len(leaf.sizes) == 1:
        _starts(sizes, path, leaf, domain)
    if domain.bounded and leaf.sizes:
        _order(sizes, path, leaf, domain)
    if isinstance(domain.max, BoundBy) and len(leaf.sizes) == 1 and domain.columns is None:
        _attained(sizes, path, domain, domain.max)


def number_of(sizes: Sizes, limit: Limit | None, default: int) -> int:
    """What a bound is at the sizes at hand."""
    if isinstance(limit, BoundBy):
        return limit.factor * sizes.size(limit.extent) + limit.offset
    return default if limit is None else limit


def _starts(sizes: Sizes, path: Path, leaf: Leaf, domain: Domain) -> None:
    """What the first element has to be: the smallest number, where no other runs there, as offsets start at 0."""
    low, high = domain.min, number_of(sizes, domain.max, 8)
    if not isinstance(low, int) or leaf.sizes[0] < 3 or high - low < 2:
        return
    for number in (low + 1, low + 2):
        edits = [Each((Constant(number), *puts)) for puts in ((), (Put(low, 0),), (Put(low, -1),))]
        whole, first, last = map(sizes.prober.means, sizes.prober.run([Input((), ((path, edit),)) for edit in edits]))
        if whole or not first or last:
            return
    told = f"{low} and then {low + 1} or {low + 2} ran; {low + 1} or {low + 2} alone failed"
    claims = [Claim(f"along_last[0].{name}", "probed", told) for name in ("min", "max")]
    domain.columns = (Domain(min=low, max=low),)
    domain.claims += claims


def _order(sizes: Sizes, path: Path, leaf: Leaf, domain: Domain) -> None:
    """``order`` where only sorted contents run."""
    low, high = number_of(sizes, domain.min, -8), number_of(sizes, domain.max, 8)
    if leaf.sizes[-1] < 2 or high - low < 1:
        return
    first = [Put(number_of(sizes, column.min, 0), 0) for column in domain.columns or ()]
    runs = {
        name: sizes.prober.means(sizes.prober.run([Input((), ((path, Each((Sorted(low, high, name), *first))),))])[0])
        for name in ("descending", "ascending", "none")
    }
    if runs["none"]:
        if runs["ascending"] and first and isinstance(domain.max, BoundBy):
            told = "offsets into another tensor: are they ever lower than the one before?"
            domain.order = "ascending"
            domain.claims.append(Claim("order", "assumed", told))
        return
    for name in ("descending", "ascending"):
        other = "ascending" if name == "descending" else "descending"
        if runs[name] and not runs[other]:
            domain.order = name
            domain.claims.append(
                Claim(
                    "order",
                    "probed",
                    f"a {name} row ran, an {other} one failed"
                    if other[0] == "a"
                    else f"an {name} row ran, a {other} one failed",
                )
            )


def _attained(sizes: Sizes, path: Path, domain: Domain, bound: BoundBy) -> None:
    """``attained`` where all elements below the bound fail, and one at the bound beside them runs, at two sizes."""
    extent = bound.extent
    current = sizes.size(extent)
    tried = [size for size in (current, current + 3 * extent.multiple_of) if extent.contains(size)]
    place = -1 if domain.order == "ascending" else 0
    shown: list[str] = []
    for size in tried:
        high = bound.factor * size + bound.offset
        low = domain.min if isinstance(domain.min, int) else high - 1
        short = max(1, high // 2, low)
        change = tuple(sizes.with_size((extent, size)).items())
        edits = (Constant(high), Each((Constant(short), Put(high, place))), Constant(high - 1), Constant(short))
        outcomes = sizes.prober.run([Input(change, ((path, edit),)) for edit in edits])
        whole, one, *none = (sizes.prober.means(outcome) for outcome in outcomes)
        if short >= high or not whole or not one or any(none):
            return
        shown.append(f"at size {size} one {high} beside {short} ran, and {high - 1} or {short} alone failed")
    if len(shown) == len(tried) == 2:
        domain.attained = True
        domain.claims.append(Claim("attained", "probed", "; ".join(shown)))
