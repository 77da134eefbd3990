"""What a tensor may contain: bounds of integers, zero-or-one masks, finite floats; each bound is run on both sides."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from contractgen.contract.model import Source
from contractgen.infer.arrangement import number_of, settle_arrangement
from contractgen.infer.bounds import last_accepted
from contractgen.infer.domain import BoundBy, Domain, Limit, keep_to_own_rows, positions_from_zero
from contractgen.infer.edits import Bits, Climb, Constant, Each, Put, view
from contractgen.infer.extents import Claim, Extent, Sizes
from contractgen.infer.forked import Outcome
from contractgen.infer.hypothesis import Leaf, Path, is_mask, name_in
from contractgen.infer.lengths import counted_axis, counts_from_zero, rows_made
from contractgen.infer.probe import Edit, Input, Refill
from contractgen.infer.rows import settle_rows

_LARGE = (2**31 - 1, 2**20, 65_536, 4096)
_OVERFLOW = 2**31
"""From here on it is the arithmetic that fails, and no table that ends."""
_ROUNDED = 16
"""A strided layer may round a size up by less than this."""


class Contents:
    """Finds the domain of each tensor of one input."""

    def __init__(self, sizes: Sizes, pool: Sequence[int]) -> None:
        self.sizes = sizes
        self.prober = sizes.prober
        self.pool = set(pool)

    def of(self, path: Path, leaf: Leaf) -> Domain:
        """The domain of the tensor at ``path``."""
        if leaf.dtype == torch.bool:
            domain = Domain()
        elif leaf.dtype.is_floating_point or leaf.dtype.is_complex:
            domain = self._floats(path, leaf)
        else:
            domain = self._integers(path, leaf)
        settle_rows(self.sizes, path, leaf, domain)
        return domain

    # floats

    def _floats(self, path: Path, leaf: Leaf) -> Domain:
        domain = self._finite(path)
        if domain.finite and leaf.dtype.is_floating_point and self._needs_a_sign(path):
            domain.min = 0
            domain.claims.append(Claim("min", "probed", "0 and 1 ran; -0.001 and -1 gave no numbers, or failed"))
        if leaf.dtype.is_floating_point and leaf.sizes and self._takes_only_some(path):
            columns = self._columns(path, leaf)
            if columns is not None:
                domain.columns = tuple(replace(column, finite=domain.finite) for column in columns)
                domain.claims += [claim for column in columns for claim in column.claims]
        return domain

    def _takes_only_some(self, path: Path) -> bool:
        """Whether the model raises on ordinary floats: some of them are ids."""
        if self._ran_with_any(path):
            return False
        others = self.prober.run([Input((), ((path, Constant(value)),)) for value in (-64.0, 4096.0)])
        return any(other.kind in ("error", "crash") and other.error_type != "MemoryError" for other in others)

    def _ran_with_any(self, path: Path) -> bool:
        """Whether the input at hand holds ordinary floats, of either sign."""
        plan = self.prober.plan[path]
        return isinstance(plan, str) and plan == "normal"

    def _needs_a_sign(self, path: Path) -> bool:
        """Whether numbers below 0 have no meaning, as under a root: only what was not found to run with them is asked."""
        if self._ran_with_any(path):
            return False
        below = [Input((), ((path, Constant(value)),)) for value in (-1.0, -0.001)]
        above = [Input((), ((path, Constant(value)),)) for value in (0.0, 1.0)]
        if any(self.prober.means(outcome) for outcome in self.prober.run(below)):
            return False
        return all(self.prober.means(outcome) for outcome in self.prober.run(above))

    def _finite(self, path: Path) -> Domain:
        if not self.prober.base().finite:
            return Domain()
        spoilt = self._spoilt(path, ())
        leaves = self.prober.hypothesis.leaves().items()
        flags = [other for other, leaf in leaves if other != path and not leaf.dtype.is_floating_point]
        for value in (1, 0) if flags else ():  # a mask may have hidden what a NaN spoils
            if spoilt["nan"]:
                break
            beside = tuple((other, Constant(value)) for other in flags)
            if self.prober.means(self.prober.run([Input((), beside)])[0]):
                spoilt = self._spoilt(path, beside)
        if not spoilt["nan"]:
            return Domain()
        if spoilt["-inf"]:
            return Domain(
                finite=True, claims=[Claim("finite", "probed", "a NaN or an infinity in the input spoils the output")]
            )
        detail = "a NaN in the input spoils the output; -inf does not"
        return Domain(not_nan=True, claims=[Claim("not_nan", "probed", detail)])

    def _spoilt(self, path: Path, beside: tuple[tuple[Path, Edit], ...]) -> dict[str, bool]:
        """Whether a NaN or an infinity spoils what comes out, with others changed ``beside`` it."""
        spoilt: dict[str, bool] = {}
        for name, value in (("nan", math.nan), ("inf", math.inf), ("-inf", -math.inf)):
            edits: list[Edit] = [Put(value, place) for place in range(7)]
            if name == "nan":
                edits.append(Constant(value))  # of a picture, only what boxes point at may be read
            outcomes = self.prober.run([Input((), (*beside, (path, edit))) for edit in edits])
            spoilt[name] = any(not self.prober.means(outcome) for outcome in outcomes)
        return spoilt

    # integers

    def _integers(self, path: Path, leaf: Leaf) -> Domain:
        info = torch.iinfo(leaf.dtype)
        domain = self._bounds(path, -1, info.min, info.max)
        if domain.max in (0, 1) and len(leaf.sizes) == 1:  # a length or a group's number may be bound by its neighbours
            others = (self._bounds(path, -1, info.min, info.max, fill=fill) for fill in (Constant, Climb))
            domain = next((other for other in others if other.max not in (0, 1)), domain)
            self.prober.remember({}, self.prober.run([Input((), ((path, Climb(1)),))]))  # how many rows two groups give
        if "position" in name_in(path).lower():
            positions_from_zero(domain, self.pool)
        if is_mask(path) and number_of(self.sizes, domain.min, 0) <= 0 < number_of(self.sizes, domain.max, 1):
            flag = self._as_flag(path)
            if flag is not None:
                return flag
        if domain.bounded and len(leaf.sizes) >= 2 and 2 <= leaf.sizes[-1] <= WIDEST:
            columns = self._columns(path, leaf, domain)
            if columns is not None:
                return Domain(columns=columns, claims=[claim for column in columns for claim in column.claims])
        self._count(path, domain)
        if not domain.bounded:
            flag = self._as_flag(path)
            if flag is not None:
                return flag
        settle_arrangement(self.sizes, path, leaf, domain)
        return domain

    def _count(self, path: Path, domain: Domain) -> None:
        """Bounds of lengths, and of the numbers of groups, that no kernel checks."""
        counted = counted_axis(self.sizes, path) if domain.max is None else None
        if counted is not None:
            domain.max = BoundBy(counted[0], 0)
            domain.claims.append(Claim("max", "probed", counted[1]))
        made = rows_made(self.sizes, path) if domain.max is None else None
        if made is not None:
            domain.max = BoundBy(made, -1)
            domain.claims.append(
                Claim("max", "assumed", "the largest says how many rows come out: are they ever more?")
            )
        if isinstance(domain.max, BoundBy) and domain.min is None and counts_from_zero(self.sizes, path):
            domain.min = 0
            domain.claims.append(Claim("min", "probed", "every negative number ran as 0 did"))

    def _last_axis_fixed(self, path: Path, leaf: Leaf) -> bool:
        axis = (path, len(leaf.sizes) - 1)
        return any(extent.fixed is not None and axis in extent.group for extent in self.sizes.extents)

    def _bounds(
        self,
        path: Path,
        place: int,
        lowest: int,
        highest: int,
        *,
        column: int | None = None,
        fill: Callable[[int], Edit] | None = None,
        beside: tuple[Edit, ...] = (),
    ) -> Domain:
        """Bounds for one element, the others staying as they are or as ``beside`` puts them, or for what ``fill`` makes."""
        base = self._base_value(path, place, column)

        def holding(value: int, change: dict | None = None) -> Input:  # type: ignore[type-arg]
            edit: Edit = fill(value) if fill is not None else Put(value, place, column)
            edit = Each((*beside, edit)) if beside else edit
            return Input(tuple((change or {}).items()), ((path, edit),))

        def accepts(value: int, change: dict | None = None) -> Outcome:  # type: ignore[type-arg]
            return self.prober.run([holding(value, change)])[0]

        domain = Domain()
        high = last_accepted(accepts, self.prober.means, base, [v for v in (highest, *_LARGE) if base < v <= highest])
        if high is not None and high < _OVERFLOW:
            domain.max = self._following(high, 1, accepts)
            domain.claims.append(self._claim("max", high, high + 1, domain.max))
        low = last_accepted(accepts, self.prober.means, base, [-v for v in (-lowest, *_LARGE) if -base < v <= -lowest])
        if high is not None and low == -high - 1 and self._counts_from_the_end(low, high, holding):
            domain.min = 0
            detail = f"{low} to -1 ran as 0 to {high} do: an index counts them from the end, as no id is meant"
            domain.claims.append(Claim("min", "assumed", detail))
        elif low is not None and low > -_OVERFLOW:
            domain.min = self._following(low, -1, accepts)
            domain.claims.append(self._claim("min", low, low - 1, domain.min))
        return domain

    def _counts_from_the_end(self, low: int, high: int, holding: Callable[[int], Input]) -> bool:
        """Whether the smallest number and -1 give what 0 and the largest one give."""
        outcomes = self.prober.run([holding(value) for value in (low, 0, -1, high)], tensors=True)
        lowest, first, minus_one, last = _results(outcomes)
        return _close(lowest, first) and _close(minus_one, last)

    def _base_value(self, path: Path, place: int, column: int | None) -> int:
        part = view(self.prober.tensor(path), column)
        return int(part.reshape(-1)[place]) if part.numel() else 0

    def _claim(self, name: str, inside: int, outside: int, bound: Limit) -> Claim:
        table = name == "max" and inside + 1 in self.pool
        source: Source = "weights" if table else "probed"
        detail = f"{inside} ran, {outside} failed"
        if isinstance(bound, BoundBy):
            return Claim(name, "probed", f"{detail}; the bound moved with the size")
        return Claim(name, source, f"{detail}; the weights have {inside + 1} rows" if table else detail)

    def _following(self, bound: int, direction: int, accepts: Callable[..., Outcome]) -> Limit:
        """The bound, or the dim that it follows: at another size, what failed runs."""
        for extent in self.sizes.extents:
            if not extent.free:
                continue
            current = self.sizes.size(extent)
            step = extent.multiple_of
            changes = {
                size: change
                for size in (current + 3 * step, current + 7 * step, current - step)
                if extent.contains(size)
                and self.prober.means(self.prober.at([change := self.sizes.with_size((extent, size))])[0])
            }
            moves: list[bool] = []
            for size, change in changes.items():
                shift = bound + direction * (size - current)
                inside = self.prober.means(accepts(shift, change))
                moves.append(inside and not self.prober.means(accepts(shift + direction, change)))
            if len(moves) >= 2 and all(moves):
                return BoundBy(extent, bound - direction * current, direction)
            beyond = bound + _ROUNDED - bound % step
            near = direction > 0 and current <= bound < current + _ROUNDED
            if near and extent.contains(beyond) and self._rounds(extent, [*changes, current, beyond], accepts):
                return BoundBy(extent, 0)
        return bound

    def _rounds(self, extent: Extent, sizes: Sequence[int], accepts: Callable[..., Outcome]) -> bool:
        """Whether a number may be as large as the size, and beyond it only by what a strided layer rounds off."""

        def runs(number: int, size: int) -> bool:
            return self.prober.means(accepts(number, self.sizes.with_size((extent, size))))

        bound_moves = all(runs(size, size) and not runs(size + _ROUNDED, size) for size in sizes)
        last = max(sizes)
        return bound_moves and any(not runs(n + 1, n) for n in range(last, last + _ROUNDED) if extent.contains(n))

    def _columns(self, path: Path, leaf: Leaf, whole: Domain | None = None) -> tuple[Domain, ...] | None:
        """A domain per index of the last axis, where that has one size and they differ."""
        if not leaf.sizes or not 1 <= leaf.sizes[-1] <= WIDEST or not self._last_axis_fixed(path, leaf):
            return None
        integer = not leaf.dtype.is_floating_point
        lowest, highest = (torch.iinfo(leaf.dtype).min, torch.iinfo(leaf.dtype).max) if integer else (-(2**20), 2**20)
        found = [self._bounds(path, 0, lowest, highest, column=column) for column in range(leaf.sizes[-1])]
        if len({(str(domain.min), str(domain.max)) for domain in found}) > 1:
            self._widen(path, found, lowest, highest)
        limits = {(str(domain.min), str(domain.max)) for domain in found}
        if len(limits) == 1 and (whole is not None or not found[0].bounded):
            return None
        if integer:
            keep_to_own_rows(found)
        for index, domain in enumerate(found):
            domain.claims = [
                replace(claim, property=f"along_last[{index}].{claim.property}") for claim in domain.claims
            ]
        return tuple(found)

    def _widen(self, path: Path, found: list[Domain], lowest: int, highest: int) -> None:
        """Bounds of columns beside the largest, then the smallest numbers of the other columns.

        A difference that has to be in a range, as the width of a box, bounds one column by what another one holds.
        """
        first = [(number_of(self.sizes, domain.min, 0), number_of(self.sizes, domain.max, 0)) for domain in found]
        for column, domain in enumerate(found):
            for side, name, step in ((1, "max", 1), (0, "min", -1)):
                others = tuple(Put(first[o][side], 0, o) for o in range(len(found)) if o != column and found[o].bounded)
                if getattr(domain, name) is None or not others:
                    continue
                beyond = Each((*others, Put(first[column][side] + step, 0, column)))
                base = Each((*others, Put(self._base_value(path, 0, column), 0, column)))
                outcomes = self.prober.run([Input((), ((path, edit),)) for edit in (base, beyond)])
                if not all(self.prober.means(outcome) for outcome in outcomes):
                    continue
                wider = self._bounds(path, 0, lowest, highest, column=column, beside=others)
                extreme = "largest" if side else "smallest"
                claims = [
                    replace(claim, detail=f"{claim.detail}; beside the {extreme} of the other columns")
                    for claim in wider.claims
                    if claim.property == name
                ]
                domain.settle(name, getattr(wider, name), claims)

    def _as_flag(self, path: Path) -> Domain | None:
        """``one_of`` 0 and 1, where every number other than 0 acts as 1, or where the name says that it is a mask."""
        # What only asks which elements are equal takes all of one number for all of another, but not both by turns.
        edits = (Bits(1), Bits(2), Bits(-3), Bits(1, 2), Refill("ones", 0))
        outcomes = self.prober.run([Input((), ((path, edit),)) for edit in edits], tensors=True)
        if not all(self.prober.means(outcome) for outcome in outcomes[:1]):
            return None
        first, *others = _results(outcomes)
        if all(_close(first, other) for other in others[:-1]) and not _close(first, others[-1]):
            return Domain(
                one_of=(0, 1), claims=[Claim("one_of", "probed", "2 and -3 act as 1 does: only zero or not matters")]
            )
        if is_mask(path):
            return Domain(
                one_of=(0, 1), claims=[Claim("one_of", "assumed", "the name says mask; is anything but 0 and 1 meant?")]
            )
        return None


WIDEST = 64
"""Last axes up to this size are probed index by index."""


def _results(outcomes: Sequence[Outcome]) -> list[tuple[torch.Tensor, ...] | None]:
    """What came out of each run; None where it failed."""
    return [outcome.value.tensors if outcome.ok else None for outcome in outcomes]


def _close(first: object, second: object) -> bool:
    if not isinstance(first, tuple) or not isinstance(second, tuple) or len(first) != len(second):
        return False
    return all(
        a.shape == b.shape and torch.allclose(a.double(), b.double(), rtol=1e-4, atol=1e-5, equal_nan=True)
        for a, b in zip(first, second, strict=True)
        if not a.is_complex()
    )
