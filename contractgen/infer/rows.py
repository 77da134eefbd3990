"""What each row of a mask has to have: attention over nothing, or the length of nothing, fails or is no number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from contractgen.contract.model import EachRow
from contractgen.infer.domain import Domain
from contractgen.infer.edits import Constant, Each, Row
from contractgen.infer.extents import Claim, Sizes
from contractgen.infer.forked import Outcome
from contractgen.infer.hypothesis import Axis, Leaf, Path, is_mask
from contractgen.infer.probe import Edit, Input, Prober

_Change = tuple[tuple[Axis, int], ...]


def settle_rows(sizes: Sizes, path: Path, leaf: Leaf, domain: Domain) -> None:
    """``each_row`` where a row fails without any element of a kind, and runs with some.

    What counts the elements of a mask that a strided layer shortens needs as many as the shortest row has.
    """
    if not leaf.sizes or domain.order is not None or domain.attained or domain.columns is not None:
        return
    for needs, without, one in _kinds(path, leaf, domain):
        rows = _Rows(sizes.prober, path, leaf, without, one)
        changes = _changes(sizes, rows)
        bare = next((outcome for change in changes if (outcome := rows.fail_without(change)) is not None), None)
        if bare is None:
            continue
        failed = f"a row without any {needs.kind} failed ({sizes.prober.describe(bare)})"
        if rows.run_with(changes, lambda width: [slice(n, n + 1) for n in sorted({0, width // 2, width - 1})]):
            _claim(domain, needs, "probed", f"{failed}, and ran with one at either end or between")
            return
        if not is_mask(path):
            continue
        shortest = rows.width(changes[-1])
        if len(changes) > 1 and rows.run_with(changes[:-1], lambda _: [slice(0, shortest)]):  # noqa: B023
            told = f"{failed}, and with one element; is as much marked as the shortest row has?"
            _claim(domain, EachRow(needs.kind, shortest), "assumed", told)
            return
        if rows.run_with(changes, lambda width: [slice(0, width // 2)]):
            _claim(domain, needs, "probed", f"{failed}, and ran with half of them")
            return


def _claim(domain: Domain, needs: EachRow, source: str, told: str) -> None:
    domain.each_row = needs
    domain.claims.append(Claim("each_row", source, told))  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Rows:
    """Runs of a model with one row of a tensor holding a number, and another one in parts of it.

    The other rows of a mask hold the other number; those of other tensors stay as they are.
    """

    prober: Prober
    path: Path
    leaf: Leaf
    without: int
    one: int

    def width(self, change: _Change) -> int:
        """How many elements a row has at some sizes."""
        sizes = dict(change)
        shape = [sizes.get((self.path, axis), size) for axis, size in enumerate(self.leaf.sizes)]
        return torch.Size(shape[1:] if len(shape) > 1 else shape).numel()

    def run_whole(self, change: _Change) -> bool:
        """Whether the model runs at some sizes with no row without."""
        if not is_mask(self.path):
            return self.prober.means(self.prober.at([dict(change)])[0])
        return self.prober.means(self.prober.run([Input(change, self._edits())])[0])

    def fail_without(self, change: _Change) -> Outcome | None:
        """What came of the first row without; None unless that row and the last one fail, or give no numbers."""
        first = self._run(0, change, None)
        return first if self._fails(first) and self._fails(self._run(-1, change, None)) else None

    def run_with(self, changes: Sequence[_Change], parts: Callable[[int], list[slice]]) -> bool:
        """Whether the first row and the last one run at all of these sizes with any of these parts."""
        tries = [(row, change, part) for change in changes for part in parts(self.width(change)) for row in (0, -1)]
        return all(self.prober.means(self._run(*each)) for each in tries)

    def _run(self, row: int, change: _Change, part: slice | None) -> Outcome:
        edit = Row(row, self.without, None if part is None else (part, self.one))
        return self.prober.run([Input(change, self._edits(edit))])[0]

    def _edits(self, *edits: Edit) -> tuple[tuple[Path, Edit], ...]:
        every = (Constant(self.one), *edits) if is_mask(self.path) else edits
        return ((self.path, Each(every)),)

    def _fails(self, outcome: Outcome) -> bool:
        if outcome.ok:
            return self.prober.base().finite and not outcome.value.finite
        return outcome.kind in ("error", "crash") and outcome.error_type != "MemoryError"


def _changes(sizes: Sizes, rows: _Rows) -> list[_Change]:
    """The sizes at which rows are tried: those at hand, longer ones, and last the least that a row may have."""
    found: list[_Change] = [()] if rows.run_whole(()) else []
    axis, leaf = (rows.path, len(rows.leaf.sizes) - 1), rows.leaf
    extent = next((one for one in sizes.extents if axis in one.group and one.free), None)
    if extent is None or len(leaf.sizes) != 2 or extent.min == 1:
        return found
    for size in (sizes.size(extent) + extent.min, extent.min):
        change = tuple(sizes.with_size((extent, size)).items())
        if not extent.contains(size) or not rows.run_whole(change):
            return found[:1]
        found.append(change)
    return found


def _kinds(path: Path, leaf: Leaf, domain: Domain) -> Iterator[tuple[EachRow, int, int]]:
    """What a tensor may have to have: the number of a row without, and one of the kind."""
    if leaf.dtype.is_complex or (leaf.dtype.is_floating_point and not is_mask(path)):
        return
    low, high = (0, 1) if domain.one_of == (0, 1) else (domain.min, domain.max)
    if (low is None or (isinstance(low, int) and low <= 0)) and (high is None or (isinstance(high, int) and high > 0)):
        yield EachRow("nonzero"), 0, 1
    if leaf.dtype == torch.bool or domain.one_of == (0, 1):
        yield EachRow("zero"), 1, 0
