"""The text of SageMaker's `inference.py` and of what packs it."""

from __future__ import annotations

OWN = '''"""The model {title} on SageMaker: what breaks its contract is answered with status 400 and never reaches it.

Deploy it with `entry_point="inference.py"`. It needs Python 3.9 and torch 2.0, or later ones. It decodes by itself: the
decoder of SageMaker's toolkit runs code that a request carries (`np.load(allow_pickle=True)`).
"""

from __future__ import annotations

import contextlib
import http
import importlib
import logging
import os
from typing import Any

import contract_model
import validator

LOG = logging.getLogger(__name__)


def model_fn(model_dir: str) -> Any:
    """The model in the folder into which SageMaker unpacks model.tar.gz."""
    refuse_batches()
    with contextlib.suppress(ImportError):
        # The toolkit would decode JSON before it calls `transform_fn`, and answer what is no UTF-8 with a traceback.
        content_types: Any = importlib.import_module("sagemaker_inference.content_types")
        content_types.UTF8_TYPES = []
    return contract_model.load(model_dir)


def transform_fn(model: Any, body: Any, content_type: str | None, accept: str, context: Any) -> tuple[Any, str]:  # noqa: ARG001
    """The answer to a request. SageMaker's toolkit knows the function and the number of its parameters."""
    headers = headers_of(context, content_type)
    try:
        args, kwargs, reply = validator.receive(body_of(body), headers)
        result = contract_model.run(model, args, kwargs)
        response = validator.respond(result, accept=wish_of(headers), reply=reply)
    except validator.ContractViolation as violation:
        response = validator.error_response(violation)
    except Exception as error:
        LOG.exception("the model failed on a request that keeps its contract")
        response = validator.error_response(error)
    return answered(context, response)
'''

WRAPPED = '''"""The user's own functions on SageMaker, with the contract of the model {title} before its model.

Deploy it with this file as `entry_point`. What {name} defines is used as it is. A forward hook checks
whatever it gives to the model, and a violation is answered with status 400. Requests of the generated client, and all
requests where there is no `input_fn`, are decoded by the validator: the decoder of SageMaker's toolkit runs code that a
request carries.
"""

from __future__ import annotations

import http
import importlib
import inspect
import os
from collections.abc import Mapping
from typing import Any

import torch

import contract_model
import validator

theirs: Any = importlib.import_module({module})
CLIENT = "application/vnd.sagemaker-triton.binary+json"
"""What the generated client sends to SageMaker."""


def model_fn(model_dir: str, context: Any = None) -> Any:
    """What the user's own `model_fn` loads, with the contract before each module in it."""
    refuse_batches()
    loaded = call(theirs.model_fn, model_dir, context=context)
    for module in modules_of(loaded):
        module.register_forward_pre_hook(check, with_kwargs=True)
    return loaded


def transform_fn(model: Any, body: Any, content_type: str | None, accept: str, context: Any) -> Any:
    """The answer to a request. SageMaker's toolkit knows the function and the number of its parameters."""
    headers = headers_of(context, content_type)
    try:
        if (content_type or "").lower().startswith(CLIENT):
            return answer_client(model, body, headers, context)
        if hasattr(theirs, "transform_fn"):
            return call(theirs.transform_fn, model, body, content_type, accept, context=context)
        reply: validator.Reply | None = None
        if hasattr(theirs, "input_fn"):
            data = call(theirs.input_fn, body, content_type, context=context)
        else:
            args, kwargs, reply = validator.receive(body_of(body), headers)
            data = tensors_of(model, args, kwargs)
        prediction = predict(model, data, context)
        if hasattr(theirs, "output_fn"):
            return call(theirs.output_fn, prediction, accept, context=context)
        response = validator.respond(contract_model.to_arrays(prediction), accept=accept, reply=reply)
    except validator.ContractViolation as violation:
        response = validator.error_response(violation)
    return answered(context, response)


def answer_client(model: Any, body: Any, headers: dict[str, str], context: Any) -> tuple[Any, str]:
    """The answer to a request of the generated client, which the user's `input_fn` and `output_fn` know nothing of."""
    args, kwargs, reply = validator.receive(body_of(body), headers)
    prediction = predict(model, tensors_of(model, args, kwargs), context)
    return answered(context, validator.respond(contract_model.to_arrays(prediction), reply=reply))


def predict(model: Any, data: Any, context: Any) -> Any:
    """What the user's own `predict_fn` says, or the model where there is none."""
    if hasattr(theirs, "predict_fn"):
        return call(theirs.predict_fn, data, model, context=context)
    with torch.no_grad():
        if isinstance(data, KeywordArguments):
            return model(**data)
        return model(*data) if type(data) is tuple else model(data)


class KeywordArguments(dict):  # type: ignore[type-arg]
    """The arguments of a model that takes several by name."""


def tensors_of(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a `predict_fn` gets: the only argument, the tuple of all, or a dict where some go by name."""
    module = next(iter(modules_of(model)), model)
    args, kwargs = contract_model.to_tensors(module, args, kwargs)
    if not kwargs:
        return args[0] if len(args) == 1 else args
    return KeywordArguments(kwargs)


def check(_module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise `ContractViolation` unless the arguments of a call keep the contract."""
    named = {{name: contract_model.to_arrays(value) for name, value in kwargs.items()}}
    validator.validate(*map(contract_model.to_arrays, args), **named)


def modules_of(loaded: Any) -> list[torch.nn.Module]:
    """The modules in what `model_fn` returned: it may be one, or a container with a tokenizer beside it."""
    held = loaded.values() if isinstance(loaded, Mapping) else loaded if isinstance(loaded, (list, tuple)) else [loaded]
    return [one for one in held if isinstance(one, torch.nn.Module)]


def call(function: Any, *arguments: Any, context: Any) -> Any:
    """Call a function of the user's, with the context behind its arguments where it takes one, as the toolkit does."""
    takes = len(inspect.signature(function).parameters)
    return function(*arguments, context) if takes == len(arguments) + 1 else function(*arguments)
'''

ANSWER = '''

def answered(context: Any, response: validator.Response) -> tuple[Any, str]:
    """Body and content type, as the toolkit wants them; status and other headers go by the context."""
    if response.status != http.HTTPStatus.OK:
        context.set_response_status(response.status, http.HTTPStatus(response.status).phrase)
    for name, value in response.headers.items():
        if name != "Content-Type":
            context.set_response_header(0, name, value)
    return response.body, response.content_type


def headers_of(context: Any, content_type: str | None) -> dict[str, str]:
    """The headers of the request; the content type as the toolkit tells it."""
    properties = context.request_processor[0].get_request_properties()
    headers = {str(name): value for name, value in properties.items() if isinstance(value, str)}
    headers = {name: value for name, value in headers.items() if name.lower().replace("-", "") != "contenttype"}
    return {**headers, "Content-Type": content_type} if content_type else headers


def wish_of(headers: dict[str, str]) -> str:
    """The Accept header, where the request has one."""
    return next((value for name, value in headers.items() if name.lower() == "accept"), "")


def body_of(body: Any) -> bytes | bytearray:
    """The bytes of a request: the toolkit decodes those of some content types, and has None for an empty one."""
    return body.encode() if isinstance(body, str) else body or b""


def refuse_batches() -> None:
    """Raise RuntimeError where the toolkit would answer each request of a batch by the headers of the first."""
    if int(os.environ.get("SAGEMAKER_TS_BATCH_SIZE") or 1) > 1:
        raise RuntimeError("SAGEMAKER_TS_BATCH_SIZE above 1: the toolkit mixes up the headers of a batch's requests")
'''

PACK = '''"""Packs `model.tar.gz` as SageMaker unpacks it: the model file, and below `code/` what serves it.

`python pack_model.py [MODEL_FILE] [--out model.tar.gz]`. The same files give the same bytes.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import tarfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ARTIFACT: str | None = {artifact}
{generated}
{sources}


def pack(artifact: Path, target: Path) -> None:
    """Write the archive, in place of an older one."""
    members = {{artifact.name: artifact}}
    members.update((f"code/{{name}}", HERE / name) for name in GENERATED if (HERE / name).is_file())
    for source in SOURCES:
        members.update(code_of(HERE / source))
    part = target.with_name(f"{{target.name}}.part")
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(gzip.GzipFile("", "wb", 6, stack.enter_context(part.open("wb")), mtime=0))
        archive = stack.enter_context(tarfile.open(fileobj=stream, mode="w"))
        for name, path in sorted(members.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as content:
                archive.addfile(entry, content)
    part.replace(target)
    print(f"{{target}}: {{', '.join(sorted(members))}}")  # noqa: T201


def code_of(source: Path) -> Iterator[tuple[str, Path]]:
    """A file of the user's, or all Python files of a package, by their names in the archive."""
    if source.is_file():
        yield f"code/{{source.name}}", source
    elif not source.is_dir():
        raise SystemExit(f"{{source}} is not there: run contractgen generate again")
    for path in sorted(source.rglob("*.py")):
        yield f"code/{{path.relative_to(source.parent).as_posix()}}", path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pack model.tar.gz for SageMaker.")
    parser.add_argument("artifact", nargs="?", default=ARTIFACT and HERE / ARTIFACT, type=Path)
    parser.add_argument("--out", default="model.tar.gz", type=Path)
    options = parser.parse_args()
    if options.artifact is None:
        parser.error("which model file?")
    pack(options.artifact, options.out)
'''
