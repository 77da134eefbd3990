"""`diff`: comparing contracts from Python, as they are or by their files."""

from __future__ import annotations

from pathlib import Path

from contractgen.contract.codec import load_contract
from contractgen.contract.compare.api import Comparison, Mode, compare
from contractgen.contract.model import Contract


def diff(old: Contract | str | Path, new: Contract | str | Path, mode: Mode = "backward") -> Comparison:
    """What changed from one contract to another, and what that breaks.

    ``mode`` says which direction has to keep working: ``backward`` is old clients with a new server, ``forward`` new
    clients with an old server, ``full`` both. The result's ``breaking`` are the findings that the mode does not forgive,
    each with a ``witness``; its ``step`` is the semver step. Raises `ContractError` for a file that is no contract.

        >>> result = diff("contracts/ranker/contract.json", "new.json")  # doctest: +SKIP
        >>> [(finding.rule.id, finding.about) for finding in result.breaking]  # doctest: +SKIP
        [('input-max', 'dim seq at inputs.ids axis 1')]
    """
    return compare(_contract(old), _contract(new), mode)


def _contract(given: Contract | str | Path) -> Contract:
    return given if isinstance(given, Contract) else load_contract(given)
