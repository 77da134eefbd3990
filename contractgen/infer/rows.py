"""What each row of a mask has to have: attention over nothing, or the length of nothing, fails or is no number."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from contractgen.infer.domain import Domain
from contractgen.infer.edits import Row
from contractgen.infer.extents import Claim
from contractgen.infer.forked import Outcome
from contractgen.infer.hypothesis import Leaf, Path, is_mask
from contractgen.infer.probe import Input, Prober

_SAID = {"nonzero": "an element that is not zero", "zero": "a zero"}


def settle_rows(prober: Prober, path: Path, leaf: Leaf, domain: Domain) -> None:
    """``each_row`` where the first row and the last one fail without such an element, and run with some."""
    width = rows_width(leaf)
    if width < 2 or domain.order is not None or domain.attained or domain.columns is not None:
        return
    for kind, without, one in _kinds(path, leaf, domain):
        bare = prober.run([Input((), ((path, Row(row, without)),)) for row in (0, -1)])
        if not all(_spoils(prober, outcome) for outcome in bare):
            continue
        edits = [Row(row, without, (part, one)) for row in (0, -1) for part in _parts(path, width)]
        if all(prober.means(outcome) for outcome in prober.run([Input((), ((path, edit),)) for edit in edits])):
            domain.each_row = kind
            told = f"a row without {_SAID[kind]} failed ({prober.describe(bare[0])}), and ran with some"
            domain.claims.append(Claim("each_row", "probed", told))
            return


def rows_width(leaf: Leaf) -> int:
    """How many elements a row has."""
    return torch.Size(leaf.sizes[1:] if len(leaf.sizes) > 1 else leaf.sizes).numel() if leaf.sizes else 0


def _parts(path: Path, width: int) -> list[slice]:
    """The parts of a row that make it run: half of a mask, of which a layer may skip elements, else any one element."""
    if is_mask(path):
        return [slice(0, max(1, width // 2))]
    return [slice(place, place + 1) for place in (0, width // 2, width - 1)]


def _kinds(path: Path, leaf: Leaf, domain: Domain) -> Iterator[tuple[str, int, int]]:
    """The kinds that a tensor may have to have: the number of a row without, and one of the kind."""
    if leaf.dtype.is_complex or (leaf.dtype.is_floating_point and not is_mask(path)):
        return
    low, high = (0, 1) if domain.one_of == (0, 1) else (domain.min, domain.max)
    if (low is None or (isinstance(low, int) and low <= 0)) and (high is None or (isinstance(high, int) and high > 0)):
        yield "nonzero", 0, 1
    if leaf.dtype == torch.bool or domain.one_of == (0, 1):
        yield "zero", 1, 0


def _spoils(prober: Prober, outcome: Outcome) -> bool:
    """Whether a run failed, or gave no numbers where the first one did."""
    if outcome.ok:
        return prober.base().finite and not outcome.value.finite
    return outcome.kind in ("error", "crash") and outcome.error_type != "MemoryError"
