"""A SageMaker ``inference.py`` on its own machine: called as the toolkit of SageMaker's PyTorch containers calls it.

The toolkit (sagemaker-inference 1.10, sagemaker-pytorch-inference 2.0) imports the file with its folder on the path, calls
each function with as many arguments as it has parameters, ``context`` last, and hands over text for ``application/json``.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from contractgen.testing.inputs import Input, Violation, valid_cases
from contractgen.verify import encode  # noqa: TID253 (it needs numpy alone)

CONTENT_TYPES = (encode.SAGEMAKER, encode.PLAIN_JSON, encode.PROTOCOL_JSON, encode.NPY, encode.NPZ)


@dataclass(frozen=True)
class Answer:
    """What came back for an input that was let in."""

    body: Any
    content_type: str


@dataclass(frozen=True)
class Refusal:
    """Why an input was not let in, with the codes of its violations where they are told."""

    reason: str
    codes: frozenset[str] = frozenset()


class Context:
    """The part of the toolkit's context that functions of users read and write."""

    def __init__(self, headers: Mapping[str, str], model_dir: str) -> None:
        self.status = 200
        self.system_properties: dict[str, Any] = {"model_dir": model_dir, "gpu_id": None}
        self.request_processor = [self]
        self._headers = dict(headers)

    def get_request_properties(self) -> dict[str, str]:
        """The headers of the request."""
        return dict(self._headers)

    def get_request_header(self, _index: int, name: str) -> str | None:
        """One header of the request, whatever the case of its letters."""
        return {key.lower(): value for key, value in self._headers.items()}.get(name.lower())

    def set_response_status(self, code: int = 200, _phrase: str = "", _index: int = 0) -> None:
        """Keep the status."""
        self.status = code

    def set_response_header(self, _index: int, _name: str, _value: str) -> None:
        """Headers are not looked at."""

    def set_response_content_type(self, _index: int, _value: str) -> None:
        """Nor is this one: the functions return it, too."""


@dataclass
class InferenceScript:
    """The functions of an ``inference.py``. ``paths`` are folders that its deployment has on the path besides its own."""

    path: Path
    model_dir: Path
    contract: Path
    paths: Sequence[Path] = ()
    _own: dict[str, ModuleType] = field(default_factory=dict)

    def answer(self, one: Input) -> Answer:
        """What it answers to an input. Raises what its functions raise, AssertionError where it refuses."""
        answer = self._send(one, self.content_type)
        assert isinstance(answer, Answer), answer.reason
        return answer

    def refusal(self, one: Violation) -> Refusal | None:
        """Why it refuses an input before the model; None where it does not. Skips what the content type cannot say."""
        try:
            answer = self._send(one, self.content_type, refusable=True)
        except _Inexpressible as error:
            pytest.skip(str(error))
        return answer if isinstance(answer, Refusal) else None

    @cached_property
    def content_type(self) -> str:
        """The first of `CONTENT_TYPES` in which it answers a small valid input."""
        one = valid_cases(self.contract, random=0)[0]
        reasons: list[str] = []
        for content_type in CONTENT_TYPES:
            try:
                answer = self._send(one, content_type)
            except Exception as error:  # noqa: BLE001 (the functions are anyone's)
                reasons.append(f"{content_type}: {type(error).__name__}: {error}")
            else:
                if isinstance(answer, Answer):
                    return content_type
                reasons.append(f"{content_type}: {answer.reason}")
        raise AssertionError("\n".join([f"{self.path.name} answers {one} in none of its content types", *reasons]))

    @cached_property
    def module(self) -> ModuleType:
        """The file, imported."""
        with self._deployed():
            spec = importlib.util.spec_from_file_location(f"{self.path.stem}_under_test", self.path)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
        return module

    @cached_property
    def model(self) -> Any:  # noqa: ANN401 (whatever model_fn returns)
        """What `model_fn` loads, once."""
        return self._call("model_fn", str(self.model_dir), context=Context({}, str(self.model_dir)))

    def _send(self, one: Input, content_type: str, *, refusable: bool = False) -> Answer | Refusal:
        try:
            body, headers = one.request(content_type)
        except ValueError as error:
            raise _Inexpressible(str(error)) from error
        whole = headers["Content-Type"]
        context = Context({**headers, "Accept": "application/json"}, str(self.model_dir))
        given = body.decode() if whole == "application/json" else bytearray(body)
        try:
            if hasattr(self.module, "transform_fn"):
                result = self._call("transform_fn", self.model, given, whole, "application/json", context=context)
                return _answered(result, context.status)
            if not hasattr(self.module, "input_fn"):
                raise AssertionError(
                    f"{self.path.name} has no input_fn, and SageMaker's own checks nothing: "
                    "`contractgen generate --target sagemaker` writes a file that does"
                )
            try:
                data = self._call("input_fn", given, whole, context=context)
            except Exception as error:
                if not refusable:
                    raise
                return Refusal(f"{type(error).__name__}: {error}", _codes(error))
            prediction = self._predict(data, context)
            if not hasattr(self.module, "output_fn"):
                return Answer(prediction, "")
            return _answered(self._call("output_fn", prediction, "application/json", context=context), context.status)
        except Exception as error:
            if refusable and hasattr(error, "violations"):  # a check that stands before the model, but not in input_fn
                return Refusal(str(error), _codes(error))
            raise

    def _predict(self, data: Any, context: Context) -> Any:  # noqa: ANN401 (likewise)
        if hasattr(self.module, "predict_fn"):
            return self._call("predict_fn", data, self.model, context=context)
        torch: Any = sys.modules["torch"]  # the toolkit's own predict_fn: what loaded the model has imported it
        with self._deployed(), torch.no_grad():
            return self.model(data)

    def _call(self, name: str, *arguments: Any, context: Context) -> Any:  # noqa: ANN401 (likewise)
        function: Callable[..., Any] = getattr(self.module, name)
        wants_context = len(inspect.signature(function).parameters) > len(arguments)
        with self._deployed():
            return function(*arguments, context) if wants_context else function(*arguments)

    @contextmanager
    def _deployed(self) -> Iterator[None]:
        """The path as it is where the file is deployed; its modules do not stay for the script of another contract."""
        folders = [str(path.resolve()) for path in (self.path.parent, *self.paths)]
        before, known = list(sys.path), dict(sys.modules)
        sys.path[:0] = folders
        sys.modules.update(self._own)
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.path[:] = before
            for name, module in list(sys.modules.items()):
                file = getattr(module, "__file__", None)
                if name not in known and file is not None and str(Path(file).resolve().parent) in folders:
                    self._own[name] = sys.modules.pop(name)


class _Inexpressible(Exception):
    """The content type has no form for an input."""


def _answered(result: Any, status: int) -> Answer | Refusal:  # noqa: ANN401 (likewise)
    body, content_type = result if isinstance(result, tuple) else (result, "")
    if status < 400:
        return Answer(body, content_type)
    text = bytes(body).decode(errors="replace") if isinstance(body, (bytes, bytearray, memoryview)) else str(body)
    if status >= 500:
        raise RuntimeError(f"status {status}: {text[:1000]}")
    try:
        codes = frozenset(str(one["code"]) for one in json.loads(text)["violations"])
    except (ValueError, KeyError, TypeError):
        codes = frozenset()
    return Refusal(f"status {status}: {text[:1000]}", codes)


def _codes(error: BaseException) -> frozenset[str]:
    return frozenset(str(one.code) for one in getattr(error, "violations", ()) if hasattr(one, "code"))
