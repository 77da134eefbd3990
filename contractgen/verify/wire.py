"""Requests that are damaged, or made for another contract: no input can say these, only bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from contractgen.report.results import ClaimResult
from contractgen.verify import encode
from contractgen.verify.cases.model import Case
from contractgen.verify.encode import Message
from contractgen.verify.exchange import Broken, Exchange, Refusal
from contractgen.verify.recipe import arguments
from contractgen.verify.tally import Tally

OTHER = "sha256:" + "0" * 64
"""A fingerprint that no contract has."""

Damage = Callable[[Message], Message]


def check_wire(exchange: Exchange, tally: Tally, case: Case) -> list[ClaimResult]:
    """Damage the requests of a valid case, in each format, and see each refused; and see that contracts are told apart."""
    results: list[ClaimResult] = []
    given = arguments(exchange.contract, case.recipe)
    for name, module in (("client", exchange.client), ("validator", exchange.validator)):
        if getattr(module, "CONTRACT", None) != exchange.contract.fingerprint:
            tally.find("wire", f"{name}.py was not made from this contract: its fingerprint is another", runtime=name)
    for content_type in exchange.formats():
        try:
            message = exchange.serialize(given, content_type)
        except Broken:
            continue  # found where valid inputs are sent
        if isinstance(message, Refusal):
            continue
        if content_type in (encode.BINARY, encode.SAGEMAKER, encode.PROTOCOL_JSON) and not _says_contract(
            exchange, message
        ):
            tally.find(
                "wire",
                f"a request as {content_type} does not say which contract it keeps",
                runtime="client",
                same="says",
            )
        for label, text, code, damage in _damages(content_type):
            refused = _refused(exchange, tally, damage(message), f"{label}@{content_type}", code)
            results.append(ClaimResult(f"wire:{label}@{content_type}", f"{text} ({content_type})", 1, int(refused)))
    if not results:
        return results
    other = encode.encode(encode.tensors_of(exchange.contract, given), encode.BINARY, OTHER)
    if other is not None:
        refused = _refused(exchange, tally, other, "contract", "contract")
        results.append(ClaimResult("wire:contract", "a request made for another contract is told so", 1, int(refused)))
    return results


def _says_contract(exchange: Exchange, message: Message) -> bool:
    body, headers = message
    length = headers.get("Inference-Header-Content-Length") or headers["Content-Type"].partition("json-header-size=")[2]
    try:
        head = json.loads(body[: int(length)] if length else body)
        return bool(head["parameters"]["contract"] == exchange.contract.fingerprint)
    except (ValueError, KeyError, TypeError):
        return False


def _damages(content_type: str) -> Iterator[tuple[str, str, str, Damage]]:
    yield "truncated", "a body that ends early is refused", "malformed", lambda m: (m[0][:-1], m[1])
    yield "trailing", "bytes after the end are refused", "malformed", lambda m: (m[0] + b"\x01", m[1])
    yield "empty", "an empty body is refused", "malformed", lambda m: (b"", m[1])
    yield (
        "type",
        "an unknown content type is refused",
        "malformed",
        lambda m: (m[0], {**m[1], "Content-Type": "text/html"}),
    )
    if content_type == encode.BINARY:
        key = "Inference-Header-Content-Length"
        yield (
            "header",
            "a wrong header length is refused",
            "malformed",
            lambda m: (m[0], {**m[1], key: str(int(m[1][key]) + 1)}),
        )
        yield "negative", "a negative header length is refused", "malformed", lambda m: (m[0], {**m[1], key: "-1"})


def _refused(exchange: Exchange, tally: Tally, message: Message, label: str, code: str) -> bool:
    try:
        answer = exchange.parse(message)
    except Broken as error:
        tally.find("wire", f"on a damaged request ({label}), {error}", runtime="validator", same=label)
        return False
    if not isinstance(answer, Refusal):
        tally.find("wire", f"validator.parse accepts a damaged request ({label})", runtime="validator", same=label)
        return False
    if code not in answer.codes:
        told = ", ".join(sorted(answer.codes))
        tally.find(
            "clear",
            f"a damaged request ({label}) is refused with {told} instead of {code}",
            runtime="validator",
            same=label,
        )
    problem = exchange.error_response(answer)
    if problem:
        tally.find("clear", problem, runtime="validator", same=problem)
    return True


def check_responses(exchange: Exchange, tally: Tally, message: Message) -> list[ClaimResult]:
    """Damage a good response and see the client refuse it."""
    body, headers = message
    results: list[ClaimResult] = []
    mine = exchange.contract.fingerprint.encode()
    damages = {"truncated": body[:-1], "trailing": body + b"\x01", "contract": body.replace(mine, OTHER.encode())}
    for label, damaged in damages.items():
        if damaged == body:
            if label == "contract":
                tally.find("wire", "a response does not say which contract it keeps", runtime="validator", same="says")
            continue
        try:
            exchange.client.deserialize(damaged, headers)
            refused = False
        except exchange.client.ContractViolation:
            refused = True
        except Exception as error:
            tally.find(
                "wire", f"client.deserialize raised {type(error).__name__}: {error}", runtime="client", same=label
            )
            refused = True
        if not refused:
            tally.find("wire", f"client.deserialize accepts a damaged response ({label})", runtime="client", same=label)
        results.append(
            ClaimResult(f"wire:response-{label}", f"a damaged response is refused ({label})", 1, int(refused))
        )
    return results
