"""The contents that are claimed for one tensor, and what tells which rows of a table its ids are meant to read."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from contractgen.contract.model import EachRow
from contractgen.infer.extents import Claim, Extent


@dataclass(frozen=True)
class BoundBy:
    """A bound that follows a dim: ``factor * size + offset``."""

    extent: Extent
    offset: int
    factor: int = 1


Limit = int | BoundBy


@dataclass
class Domain:
    """The contents that are claimed for one tensor."""

    min: Limit | None = None
    max: Limit | None = None
    one_of: tuple[int, ...] | None = None
    finite: bool = False
    not_nan: bool = False
    order: str | None = None
    attained: bool = False
    """Whether the largest element has to be ``max``."""
    each_row: EachRow | None = None
    columns: tuple[Domain, ...] | None = None
    claims: list[Claim] = field(default_factory=list)

    @property
    def bounded(self) -> bool:
        """Whether any number is excluded."""
        return self.min is not None or self.max is not None

    def settle(self, name: str, limit: Limit | None, claims: Sequence[Claim]) -> None:
        """Put another bound in place of the one called ``name``, and its claims in place of that one's."""
        setattr(self, name, limit)
        self.claims = [*(claim for claim in self.claims if claim.property != name), *claims]


def keep_to_own_rows(columns: Sequence[Domain]) -> None:
    """Columns that offsets move into one table, each to rows of its own: none is meant to read another one's."""
    spans = [(c.min, c.max) for c in columns if isinstance(c.min, int) and isinstance(c.max, int)]
    starts = [-low for low, _ in spans]
    one_table = len(spans) == len(columns) and len({high - low for low, high in spans}) == 1
    if not one_table or starts[0] < 0 or starts != sorted(set(starts)):
        return
    ends = [after - start - 1 for start, after in itertools.pairwise(starts)] + [spans[-1][1]]
    for domain, start, end in zip(columns, starts, ends, strict=True):
        told = f"its ids read rows {start} to {start + end} of a table that all columns share: one more is another column's"
        for name, bound in (("min", 0), ("max", end)):
            if getattr(domain, name) != bound:
                domain.settle(name, bound, [Claim(name, "assumed", told)])


def positions_from_zero(domain: Domain, rows: Collection[int]) -> None:
    """Positions that an offset moves into a table start at 0: the rows before it are kept for padding.

    Positions relative to each other go as far to either side, and stay as they are.
    """
    low, high = domain.min, domain.max
    if isinstance(low, int) and isinstance(high, int) and low < 0 < high + 2 * low and high - low + 1 in rows:
        told = f"positions start at 0: {low} to -1 read the first rows of a table of {high - low + 1}, kept for padding"
        domain.settle("min", 0, [Claim("min", "assumed", told)])
