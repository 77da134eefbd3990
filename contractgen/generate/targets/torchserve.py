"""TorchServe: a handler that answers each request of a batch on its own."""

from __future__ import annotations

from contractgen.contract.model import Contract
from contractgen.generate.layout import literal
from contractgen.generate.signatures import safe
from contractgen.generate.targets.deployment import Deployment, Target
from contractgen.generate.targets.model_file import FILE, model_file

HANDLER = '''"""The model {title} behind TorchServe: what breaks its contract is answered with status 400 and never reaches it.

Give it to torch-model-archiver as `--handler`, with `--extra-files validator.py,contract_model.py` and the model's own
code. Each request of a batch is checked and answered on its own. With `decode_input_request=false` JSON arrives as it
was sent.
"""

from __future__ import annotations

import http
import json
import logging
from typing import Any

import contract_model
import validator

LOG = logging.getLogger(__name__)


class Handler:
    """What TorchServe makes one of per worker."""

    def __init__(self) -> None:
        self.model: Any = None

    def initialize(self, context: Any) -> None:
        """Load the model from the folder into which the archive was unpacked."""
        self.model = contract_model.load(str(context.system_properties["model_dir"]))

    def handle(self, data: list[dict[str, Any]], context: Any) -> list[bytes]:
        """The answers to a batch of requests, in their order."""
        return [self.answered(request, context, index) for index, request in enumerate(data)]

    def answered(self, request: dict[str, Any], context: Any, index: int) -> bytes:
        """The body of the answer to one request; status and headers go by the context."""
        response = self.response(body_of(request), context.get_all_request_header(index))
        if response.status != http.HTTPStatus.OK:
            context.set_response_status(response.status, http.HTTPStatus(response.status).phrase, index)
        context.set_response_content_type(index, response.content_type)
        for name, value in response.headers.items():
            if name != "Content-Type":
                context.set_response_header(index, name, value)
        return response.body

    def response(self, body: bytes | bytearray, properties: dict[str, Any]) -> validator.Response:
        """The response to one request, whatever it holds."""
        headers = {{str(name): value for name, value in properties.items() if isinstance(value, str)}}
        accept = next((value for name, value in headers.items() if name.lower() == "accept"), "")
        try:
            args, kwargs, reply = validator.receive(body, headers)
            return validator.respond(contract_model.run(self.model, args, kwargs), accept=accept, reply=reply)
        except validator.ContractViolation as violation:
            return validator.error_response(violation)
        except Exception as error:
            LOG.exception("the model failed on a request that keeps its contract")
            return validator.error_response(error)


def body_of(request: dict[str, Any]) -> bytes | bytearray:
    """The bytes of a request. Where the server has decoded its JSON they are made again."""
    body = request.get("body", request.get("data"))
    if body is None or isinstance(body, (bytes, bytearray)):
        return body or b""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
'''


def render_torchserve(contract: Contract, deployment: Deployment) -> dict[str, str]:
    """The handler and what loads the model."""
    text = HANDLER.format(title=safe(literal(contract.name)))
    return {"torchserve_handler.py": text, FILE: model_file(contract, deployment)}


TORCHSERVE = Target("torchserve", "a handler for TorchServe", render_torchserve, loads=True)
