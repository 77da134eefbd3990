"""Contracts as JSON: `loads` and `load_contract` read, `dumps` writes the on-disk form.

Reading is strict (see `parsing`) and every error has the JSON path of its cause. Members with a default may be left
out by whoever writes by hand; writing puts all of them in, in one order, so that the same contract has the same bytes.
"""

from __future__ import annotations

from pathlib import Path

from contractgen.contract.canonical import seal
from contractgen.contract.checks import problems
from contractgen.contract.decode import from_json
from contractgen.contract.encode import to_json
from contractgen.contract.layout import lay_out
from contractgen.contract.model import Contract
from contractgen.contract.parsing import ContractError, parse_json

__all__ = ["ContractError", "dumps", "from_json", "load_contract", "loads", "require_sound", "to_json"]


def load_contract(path: str | Path) -> Contract:
    """The contract in a file, checked and with its fingerprint.

    Raises `ContractError` where the file cannot be read, is not a contract, or contradicts itself; where there are
    several problems its message lists them all.
    """
    file = str(path)
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise ContractError("", f"cannot be read: {error.strerror or error}", file=file) from error
    except UnicodeDecodeError as error:
        raise ContractError("", f"not UTF-8: byte {error.start} belongs to no character", file=file) from error
    try:
        contract = loads(text)
        require_sound(contract)
    except ContractError as error:
        raise ContractError(error.path, error.problem, hint=error.hint, file=file) from error
    return seal(contract)


def require_sound(contract: Contract) -> None:
    """Raise `ContractError` with all `problems` of a contract, if it has any."""
    found = problems(contract)
    if found:
        first, *rest = found
        more = "".join(f"\n{problem.path}: {problem.message}" for problem in rest)
        raise ContractError(first.path, first.message + more)


def loads(text: str) -> Contract:
    """The contract that a JSON text holds, not checked beyond its structure. Raises `ContractError`."""
    return from_json(parse_json(text))


def dumps(contract: Contract) -> str:
    """The on-disk form: stable member order, LF, a final newline."""
    return lay_out(to_json(contract))
