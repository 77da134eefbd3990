"""Columns that each read a table of their own: a loop over them runs with fewer, and means all."""

from __future__ import annotations

from collections.abc import Sequence

from contractgen.infer.edits import Put
from contractgen.infer.extents import Claim, Extent, Sizes
from contractgen.infer.hypothesis import Axis
from contractgen.infer.influence import is_column
from contractgen.infer.probe import Input

_FEWEST, _MOST = 2, 64
"""So many columns may have tables of their own."""
_NUMBERS = 12
"""So many numbers of rows are tried as bounds of a column."""


def fix_columns_of_tables(sizes: Sizes, pool: Sequence[int]) -> None:
    """Fix the columns of ids at the most that run where these read tables of different sizes: it is put as a question."""
    leaves = sizes.prober.hypothesis.leaves()
    for extent in sizes.extents:
        most, (path, axis) = extent.max, extent.group[0]
        dtype = leaves[path].dtype
        if not is_column(sizes, extent) or dtype.is_floating_point or dtype.is_complex or not extent.free:
            continue
        if extent.min > 1 or extent.multiple_of != 1 or most is None or not _FEWEST <= most <= _MOST:
            continue
        if len(set(_taken(sizes, extent, (path, axis), most, pool))) > 1:
            extent.fixed, extent.min, extent.max = most, 1, None
            told = f"each of {most} columns has a bound of its own; fewer ran too: are all of them meant?"
            extent.claims = [Claim("fixed", "assumed", told)]


def _taken(sizes: Sizes, extent: Extent, at: Axis, most: int, pool: Sequence[int]) -> list[tuple[bool, ...]]:
    """For each column which of the numbers it takes that may be the last rows of tables."""
    numbers = sorted({rows - 1 for rows in pool if rows > 1})
    step = max(1, len(numbers) // _NUMBERS)
    change = tuple(sizes.with_size((extent, most)).items())
    return [
        tuple(
            sizes.prober.means(outcome)
            for outcome in sizes.prober.run(
                [Input(change, ((at[0], Put(number, 0, column)),)) for number in numbers[::step]]
            )
        )
        for column in range(most)
    ]
