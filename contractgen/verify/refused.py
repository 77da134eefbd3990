"""Inputs that break one claim: client and validator must stop each, and say why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contractgen.verify import encode
from contractgen.verify.cases.model import Case
from contractgen.verify.encode import Message
from contractgen.verify.exchange import Broken, Exchange, Refusal
from contractgen.verify.recipe import OtherDType, arguments
from contractgen.verify.tally import Tally

_OTHERS = (encode.NPZ, encode.PROTOCOL_JSON, encode.PLAIN_JSON, encode.SAGEMAKER, encode.NPY)
_LARGE = 20_000
"""Elements beyond which JSON is left out."""


def refuse(exchange: Exchange, tally: Tally, case: Case, turn: int) -> None:
    """Show a broken input to client and validator; ``turn`` chooses the wire format besides the default one."""
    assert case.claim is not None
    given = arguments(exchange.contract, case.recipe)
    stopped_by_client = _stopped(tally, case, "client", lambda: exchange.serialize(given, encode.BINARY))
    tally.client[0] += stopped_by_client
    tally.client[1] += 1
    checks: list[bool] = [_stopped(tally, case, "validator.validate", lambda: exchange.validate(given))]
    for content_type in _formats(exchange, case, given, turn):
        message = _message(exchange, case, given, content_type)
        if message is not None:
            codes = content_type != encode.PLAIN_JSON
            where = f"validator.parse ({content_type})"
            checks.append(_stopped(tally, case, where, _parsing(exchange, message), codes=codes, exchange=exchange))
    tally.validator[0] += all(checks)
    tally.validator[1] += 1
    if stopped_by_client and all(checks):
        tally.outside[case.claim.id] += 1


def _parsing(exchange: Exchange, message: Message) -> Callable[[], Any]:
    return lambda: exchange.parse(message)


def _formats(exchange: Exchange, case: Case, given: Mapping[str, Any], turn: int) -> list[str]:
    if case.client_only:
        return [encode.PLAIN_JSON]
    count = sum(array.size for _, array, _ in encode.tensors_of(exchange.contract, given))
    known = exchange.formats()
    others = [f for f in _OTHERS if f in known and (count <= _LARGE or f in (encode.NPZ, encode.SAGEMAKER, encode.NPY))]
    if isinstance(case.recipe.edit, OtherDType):
        others = [f for f in others if f != encode.PLAIN_JSON]
    return [encode.BINARY, *([others[turn % len(others)]] if others else [])]


def _message(exchange: Exchange, case: Case, given: Mapping[str, Any], content_type: str) -> Message | None:
    edit = case.recipe.edit
    other = (edit.tensor, edit.dtype) if isinstance(edit, OtherDType) else None
    return exchange.unchecked(given, content_type, other)


def _stopped(
    tally: Tally,
    case: Case,
    where: str,
    show: Callable[[], Any],
    *,
    codes: bool = True,
    exchange: Exchange | None = None,
) -> bool:
    """Whether an input was refused. What is wrong with the refusal is a finding of its own.

    Without ``codes`` any reason will do: in plain JSON an empty array has no shape, and numbers have no dtype.
    """
    assert case.claim is not None
    try:
        answer = show()
    except Broken as error:
        tally.find("clear", f"{where} fails on a broken input: {error}", case, runtime=where, same="")
        return False
    if not isinstance(answer, Refusal):
        tally.find("sound", f"{where} lets through what breaks “{case.claim.text}”", case, runtime=where, same="")
        return False
    if where == "client":
        tally.codes[min(answer.codes & case.codes or answer.codes, default="none")] += 1
    if codes and not answer.codes & case.codes:
        told = ", ".join(sorted(answer.codes)) or "nothing"
        wanted = " or ".join(sorted(case.codes))
        tally.find(
            "clear",
            f"{where} refuses with {told} instead of {wanted}: {answer.texts[:1]}",
            case,
            runtime=where,
            same=told,
        )
    if exchange is not None and (problem := exchange.error_response(answer)):
        tally.find("clear", problem, case, runtime=where, same=problem)
    return True
