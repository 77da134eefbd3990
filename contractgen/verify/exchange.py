"""The generated client and validator at work: what they let through, what they refuse, and whether the bytes arrive."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from contractgen.contract.model import Contract, Tensor
from contractgen.generate.sources import load_source, unload
from contractgen.verify import encode
from contractgen.verify.encode import Message
from contractgen.verify.places import Places, places
from contractgen.verify.trees import call_of, same


@dataclass(frozen=True)
class Refusal:
    """What a refused input was told."""

    codes: frozenset[str]
    texts: tuple[str, ...]
    hints: tuple[str, ...] = ()
    python: bool = False
    """It is Python's own error about a missing or unknown parameter."""
    error: BaseException | None = None


class Broken(Exception):
    """A generated file failed in a way that is no refusal: the message says which function, and the error."""


@dataclass
class Exchange:
    """Client and validator of one contract, loaded from their sources."""

    contract: Contract
    client: ModuleType
    validator: ModuleType
    found: Places

    @classmethod
    def of(cls, contract: Contract, client_source: str, validator_source: str) -> Exchange:
        """Load both. Raises `Broken` where one is no working module."""
        modules: list[ModuleType] = []
        for name, source in (("client", client_source), ("validator", validator_source)):
            try:
                modules.append(load_source(source, name))
            except Exception as error:
                raise Broken(f"{name}.py does not load: {type(error).__name__}: {error}") from error
        client, validator = modules
        return cls(contract, client, validator, places(contract))

    def close(self) -> None:
        """Forget the modules."""
        unload(self.client)
        unload(self.validator)

    def serialize(self, arguments: Mapping[str, Any], content_type: str) -> Message | Refusal:
        """The client's request for arguments by name, or its refusal."""
        answer: Message | Refusal = self._guarded("serialize", self.client, arguments, content_type)
        return answer

    def validate(self, arguments: Mapping[str, Any]) -> Refusal | None:
        """The validator's word on arguments in memory; None means that they are good."""
        result = self._guarded("validate", self.validator, arguments, None)
        return result if isinstance(result, Refusal) else None

    def parse(self, message: Message) -> tuple[tuple[Any, ...], dict[str, Any]] | Refusal:
        """What the validator reads from a message, or its refusal."""
        try:
            args, kwargs = self.validator.parse(*message)
        except self.validator.ContractViolation as violation:
            return _refusal(violation)
        except Exception as error:
            raise Broken(f"validator.parse raised {type(error).__name__}: {error}") from error
        return tuple(args), dict(kwargs)

    def respond(self, outputs: Any, accept: str) -> Message:
        """The validator's response for a model's result."""
        try:
            response = self.validator.respond(outputs, accept=accept)
        except Exception as error:
            raise Broken(f"validator.respond raised {type(error).__name__}: {error}") from error
        return response.body, dict(response.headers)

    def deserialize(self, message: Message) -> Any:
        """What the client reads from a response. Raises `Broken` where it refuses it."""
        try:
            return self.client.deserialize(*message)
        except Exception as error:
            raise Broken(f"client.deserialize raised {type(error).__name__}: {error}") from error

    def error_response(self, refusal: Refusal) -> str:
        """What is wrong with the response to a refusal, or nothing."""
        if refusal.error is None or refusal.python:
            return ""
        try:
            response = self.validator.error_response(refusal.error)
            body = json.loads(bytes(response.body))
            codes = frozenset(violation["code"] for violation in body["violations"])
        except Exception as error:
            return f"error_response failed: {type(error).__name__}: {error}"
        if response.status not in (400, 413, 415):
            return f"error_response has status {response.status}"
        return "" if codes == refusal.codes and isinstance(body["error"], str) else "error_response drops violations"

    def unchecked(
        self, arguments: Mapping[str, Any], content_type: str, other: tuple[str, str] | None
    ) -> Message | None:
        """A message with arguments that no client checked; None where the format cannot say them."""
        if content_type == encode.PLAIN_JSON:
            return encode.encode_plain(self.contract, arguments)
        named = encode.tensors_of(self.contract, arguments, other)
        return encode.encode(named, content_type, self.contract.fingerprint)

    def formats(self) -> list[str]:
        """The wire formats that can carry every valid input."""
        tensors = self.found.leaves
        single = len(tensors) == 1 and "*" not in tensors[0].name and tensors[0].tensor.dtype != "bfloat16"
        direct = len(self.contract.inputs) == 1 and isinstance(self.contract.inputs[0].node, Tensor)
        return [f for f in encode.FORMATS if f != encode.NPY or (single and direct)]

    def _guarded(self, name: str, module: ModuleType, arguments: Mapping[str, Any], content_type: str | None) -> Any:
        function = getattr(module, name)
        args, kwargs = self._python_call(function, arguments)
        if content_type is not None:
            kwargs["content_type"] = content_type
        try:
            _signature(function).bind(*args, **kwargs)
        except TypeError as error:
            code = "missing" if "missing" in str(error) else "unexpected"
            return Refusal(frozenset({code}), (str(error),), python=True)
        try:
            result = function(*args, **kwargs)
        except module.ContractViolation as violation:
            return _refusal(violation)
        except Exception as error:
            raise Broken(f"{module.__name__.split('_')[2]}.{name} raised {type(error).__name__}: {error}") from error
        return None if result is None else (bytes(result.body), dict(result.headers))

    def _python_call(self, function: Any, arguments: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call of a generated function: its parameters stand in forward's order, some under names of their own."""
        own = [p.name for p in _signature(function).parameters.values() if p.name not in ("content_type", "limits")]
        renamed = dict(zip((parameter.name for parameter in self.contract.inputs), own, strict=False))
        args, kwargs = call_of(self.contract, arguments)
        return args, {renamed.get(name, name): value for name, value in kwargs.items()}


@lru_cache(maxsize=64)
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def _refusal(error: Any) -> Refusal:
    violations = list(error.violations)
    return Refusal(
        frozenset(violation.code for violation in violations),
        tuple(violation.message for violation in violations),
        tuple(violation.hint for violation in violations),
        error=error,
    )


def arrived(sent: tuple[tuple[Any, ...], dict[str, Any]], came: tuple[tuple[Any, ...], dict[str, Any]]) -> bool:
    """Whether parse gave back what was sent. Constants may be filled in, and absent ones come as None."""
    sent_args, sent_kwargs = sent
    came_args, came_kwargs = came
    while len(sent_args) > len(came_args) and sent_args[-1] is None:
        sent_args = sent_args[:-1]
    if len(came_args) < len(sent_args):
        return False
    tail = came_args[len(sent_args) :]
    if any(_holds_array(value) for value in tail) or not all(
        same(a, b) for a, b in zip(sent_args, came_args, strict=False)
    ):
        return False
    if any(_holds_array(value) for name, value in came_kwargs.items() if name not in sent_kwargs):
        return False
    return all(
        (name in came_kwargs and same(value, came_kwargs[name])) or value is None for name, value in sent_kwargs.items()
    )


def _holds_array(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return True
    if isinstance(value, Mapping):
        return any(_holds_array(item) for item in value.values())
    return isinstance(value, (list, tuple)) and any(_holds_array(item) for item in value)
