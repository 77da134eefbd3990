"""Inputs that keep the contract: the client must send each, and the validator must read what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contractgen.contract.model import Dict, List, Node, Optional, Tuple
from contractgen.contract.tree import in_sequence
from contractgen.load.arguments import to_numpy
from contractgen.verify import encode
from contractgen.verify.accepted import Args
from contractgen.verify.cases.model import Case
from contractgen.verify.exchange import Broken, Exchange, Refusal, arrived
from contractgen.verify.recipe import arguments
from contractgen.verify.tally import Tally
from contractgen.verify.trees import call_of, named, same

LARGE = 20_000
"""Elements beyond which a case goes through the default format and one other, not through all."""


def admit(exchange: Exchange, tally: Tally, case: Case, turn: int) -> Args | None:
    """The arguments that the validator read from the client's bytes, or None where the case did not get through."""
    given = arguments(exchange.contract, case.recipe)
    sent = call_of(exchange.contract, given)
    count = sum(array.size for _, array, _ in encode.tensors_of(exchange.contract, given))
    formats = exchange.formats()
    if count > LARGE:
        compact = [f for f in formats if f not in (encode.BINARY, encode.PLAIN_JSON, encode.PROTOCOL_JSON)]
        formats = [encode.BINARY, *compact[turn % len(compact) :][:1]]
    came: Args | None = None
    try:
        refusal = exchange.validate(given)
        if refusal is not None:
            _refused(tally, case, "validator.validate", refusal)
        for content_type in formats:
            parsed = _through(exchange, tally, case, given, sent, content_type)
            came = parsed if came is None else came
        own = exchange.unchecked(given, encode.BINARY, None)
        if own is not None:
            parsed_own = exchange.parse(own)
            if isinstance(parsed_own, Refusal):
                _refused(tally, case, "validator.parse", parsed_own)
            elif not arrived(sent, parsed_own):
                tally.find(
                    "wire", "validator.parse reads other numbers from a request of another client", case, same="own"
                )
    except Broken as error:
        tally.find("wire", str(error), case)
        return came
    return came


def _through(
    exchange: Exchange, tally: Tally, case: Case, given: Mapping[str, Any], sent: Args, content_type: str
) -> Args | None:
    message = exchange.serialize(given, content_type)
    if isinstance(message, Refusal):
        _refused(tally, case, "client", message)
        return None
    parsed = exchange.parse(message)
    if isinstance(parsed, Refusal):
        _refused(tally, case, f"validator.parse ({content_type})", parsed)
        return None
    if not arrived(sent, parsed):
        tally.find("wire", f"what arrives as {content_type} is not what was sent", case, same=content_type)
        return None
    tally.round_trips[content_type] += 1
    return parsed


def _refused(tally: Tally, case: Case, where: str, refusal: Refusal) -> None:
    text = "; ".join(refusal.texts[:2])
    tally.find(
        "complete", f"{where} refuses an input that the contract allows: {text}", case, runtime=where, same="valid"
    )


def check_example(exchange: Exchange, tally: Tally, example: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    """An input that the model runs on must be one that the contract allows."""
    args, kwargs = to_numpy(list(example[0])), to_numpy(dict(example[1]))
    nodes = {parameter.name: parameter.node for parameter in exchange.contract.inputs}
    given = named(exchange.contract, (tuple(args or ()), kwargs or {}))
    given = {name: _in_containers(nodes.get(name), value) for name, value in given.items()}
    try:
        refusal = exchange.validate(given)
    except Broken as error:
        tally.find("wire", f"on the example, {error}")
        return
    if refusal is not None:
        tally.find("complete", f"the contract refuses the example: {'; '.join(refusal.texts[:3])}")


def _in_containers(node: Node | None, value: Any) -> Any:
    """A tree with lists for tuples, and the other way, where the contract has the other: a model takes either."""
    if isinstance(node, Optional):
        return _in_containers(node.node, value)
    if isinstance(node, Dict) and isinstance(value, dict):
        inner = {field.key: field.node for field in node.fields}
        return {key: _in_containers(inner.get(key), item) for key, item in value.items()}
    if isinstance(node, List) and isinstance(value, (list, tuple)):
        return [_in_containers(node.item, item) for item in value]
    if isinstance(node, Tuple) and isinstance(value, (list, tuple)) and len(value) == len(node.items):
        return in_sequence(node, (_in_containers(part, item) for part, item in zip(node.items, value, strict=True)))
    return value


def answer(exchange: Exchange, tally: Tally, case: Case, tree: Any, turn: int) -> None:
    """Send a result back through `respond` and `deserialize`: it must arrive unchanged."""
    formats = [encode.BINARY, (encode.PLAIN_JSON, encode.NPZ, encode.SAGEMAKER)[turn % 3]]
    if _elements(tree) > LARGE:
        formats = [encode.BINARY]
    for accept in formats:
        try:
            message = exchange.respond(tree, accept)
            back = exchange.deserialize(message)
        except Broken as error:
            tally.find("wire", str(error), case, same="respond")
            return
        if not same(tree, back):
            tally.find("wire", f"a result sent as {accept} arrives changed", case, same=f"respond {accept}")


def _elements(tree: Any) -> int:
    if isinstance(tree, Mapping):
        return sum(_elements(value) for value in tree.values())
    if isinstance(tree, (list, tuple)):
        return sum(_elements(value) for value in tree)
    return int(getattr(tree, "size", 0))
