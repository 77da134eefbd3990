"""SageMaker's own inference toolkit, in process: the handler service that its PyTorch containers run under TorchServe."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sagemaker_inference import content_types
from sagemaker_pytorch_serving_container.handler_service import HandlerService
from ts.context import Context, RequestProcessor

from tests.integration.samples import importing


class Toolkit:
    """A handler service with its model loaded."""

    def __init__(self, model_dir: Path) -> None:
        self.context = Context("model", str(model_dir), {}, 1, None, "2.0.25")
        self.service = HandlerService()
        self.service.initialize(self.context)

    def __call__(self, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes, str]:
        """Status, body and content type of the answer to a request."""
        self.context.request_processor = [RequestProcessor(dict(headers))]
        given = None if body is None else bytearray(body)
        (answer,) = self.service.handle([{"body": given}], self.context)
        status, _ = self.context.get_response_status(0)
        data = answer.encode() if isinstance(answer, str) else bytes(answer)
        return status, data, self.context.get_response_headers(0).get("content-type", "")


@contextlib.contextmanager
def toolkit(model_dir: Path, program: str = "inference.py") -> Iterator[Toolkit]:
    """The service before the model in a folder, with the environment that SageMaker sets."""
    with pytest.MonkeyPatch.context() as patch, importing(model_dir / "code"):
        patch.setenv("SAGEMAKER_PROGRAM", program)
        patch.setenv("PYTHONPATH", "")
        patch.setattr(content_types, "UTF8_TYPES", list(content_types.UTF8_TYPES))
        yield Toolkit(model_dir)
