"""The generated code, the explaining checker and an independent oracle give the same answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.generate.modules import Generated, generated
from tests.generate.oracle import accepts
from tests.generate.random_contracts import Maker

SEEDS = range(50)
INPUTS = 25


def verdict(function: Any, violation: type[Exception]) -> bool:
    try:
        function()
    except violation as error:
        assert_is_brief(error)
        return False
    return True


def assert_is_brief(error: Any) -> None:
    assert error.violations
    for one in error.violations:
        assert len(one.message) < 700


def same(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray):
        return (
            isinstance(right, np.ndarray)
            and left.dtype == right.dtype
            and left.shape == right.shape
            and left.tobytes() == right.tobytes()
        )
    if isinstance(left, dict):
        # On the wire there is no telling an absent optional value from None.
        keys = {key for key in (*left, *right) if not (is_nothing(left.get(key)) and is_nothing(right.get(key)))}
        return isinstance(right, dict) and all(same(left.get(key), right.get(key)) for key in keys)
    if isinstance(left, (list, tuple)):
        return type(left) is type(right) and len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def bound(model: Generated, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments by parameter name, as Python binds them."""
    result = dict(kwargs)
    names = [part.name for part in model.contract.inputs if part.kind == "positional"]
    result.update(zip(names, args, strict=False))
    variadic = [part.name for part in model.contract.inputs if part.kind == "variadic"]
    if variadic:
        result[variadic[0]] = list(args[len(names) :])
    return result


@pytest.mark.parametrize("seed", SEEDS)
def test_all_agree_on_random_contracts_and_inputs(seed: int) -> None:
    maker = Maker(seed)
    model = generated(maker.contract())
    for round_ in range(INPUTS):
        arguments = maker.arguments(model.contract)
        for _ in range(round_ % 3):
            name = maker.random.choice(list(arguments) or ["p0"])
            if name in arguments:
                arguments[name] = maker.changed(arguments[name])
        check_agreement(model, arguments)


def check_agreement(model: Generated, arguments: dict[str, Any]) -> None:
    variadic = [part.name for part in model.contract.inputs if part.kind == "variadic"]
    for name in variadic:
        if not isinstance(arguments.get(name, []), (list, tuple)):
            return
        arguments[name] = list(arguments.get(name, []))
    given = {
        part.name: arguments[part.name]
        for part in model.contract.inputs
        if part.name in arguments and (part.required or arguments[part.name] is not None)
    }
    if any(part.required and part.name not in given for part in model.contract.inputs):
        return
    expected = accepts(model.contract, given)
    validator = model.validator
    assert verdict(lambda: model.call(validator.validate, given), validator.ContractViolation) == expected, given
    if not expected:
        return
    client = model.client
    for content_type in (client.BINARY, client.SAGEMAKER_BINARY, client.OPEN_INFERENCE_JSON, client.JSON, client.NPZ):
        if content_type == client.JSON and has_empty(given):
            continue
        request = model.call(client.serialize, given, content_type=content_type)
        args, kwargs = validator.parse(request.body, request.headers)
        arrived = bound(model, args, kwargs)
        absent = [name for name, value in given.items() if name not in arrived]
        expected_arguments = {name: value for name, value in given.items() if name not in absent}
        assert all(is_nothing(given[name]) for name in absent), absent
        arrived = {name: value for name, value in arrived.items() if name in given or value is not None}
        assert same(expected_arguments, arrived), (content_type, given, arrived)
        assert accepts(model.contract, {**given, **arrived})


def has_empty(value: Any) -> bool:
    """Whether there is an empty array, whose shape nested lists may not show."""
    if isinstance(value, dict):
        return any(map(has_empty, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(has_empty, value))
    return isinstance(value, np.ndarray) and value.size == 0


def is_nothing(value: Any) -> bool:
    """Whether a value is what an absent one means on the wire: nothing that travels."""
    if isinstance(value, dict):
        return all(map(is_nothing, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(is_nothing, value))
    return not isinstance(value, np.ndarray)
