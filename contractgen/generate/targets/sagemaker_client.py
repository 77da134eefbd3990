"""SageMaker's clients: boto3, and the serializers of the SageMaker SDK, over the generated `client.py`."""

from __future__ import annotations

from contractgen.contract.model import Contract
from contractgen.generate.layout import literal
from contractgen.generate.signatures import safe
from contractgen.generate.targets.deployment import Deployment, Target

CODEC = '''"""Calls the model {title} on SageMaker: what breaks its contract is refused here, before a byte is sent.

With boto3, `invoke`; with the SageMaker SDK the classes of `sagemaker_v2.py` or `sagemaker_v3.py` beside this file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import client

CONTENT_TYPE = client.NPZ
"""What the SDK sends. It asks for the content type before it serializes, so it cannot be one that states a length."""
ACCEPT = client.SAGEMAKER_BINARY


def invoke(runtime: Any, endpoint: str, *args: Any, **kwargs: Any) -> Any:
    """What the model returns for the arguments of `client.serialize`; `runtime` is boto3's client of `sagemaker-runtime`.

    Raises `client.ContractViolation` where the arguments break the contract, and boto3's errors.
    """
    request = client.serialize(*args, content_type=client.SAGEMAKER_BINARY, **kwargs)
    answer = runtime.invoke_endpoint(
        EndpointName=endpoint, Body=request.body, ContentType=request.content_type, Accept=ACCEPT
    )
    return decode(answer["Body"], answer["ContentType"])


def encode(data: Any) -> bytes:
    """The body of a request, for the one value that the SDK takes. Raises `client.ContractViolation`.

    {data}
    """
    return client.serialize({call}, content_type=CONTENT_TYPE).body


def decode(stream: Any, content_type: str) -> Any:
    """What the model returned, out of the body of a response."""
    try:
        return client.deserialize(stream.read(), {{"Content-Type": content_type}})
    finally:
        stream.close()


def violations(error: Exception) -> list[client.Violation]:
    """The violations in boto3's `ModelError`; none where the endpoint refused the request for another reason."""
    message = getattr(error, "response", {{}}).get("OriginalMessage", "")
    try:
        found = json.loads(message)["violations"]
        names = ("code", "path", "expected", "actual", "hint")
        return [client.Violation(*(str(one[name]) for name in names)) for one in found]
    except (ValueError, KeyError, TypeError):
        return []
'''
ONE = ("It is the argument `{name}`.", "data", "")
SEVERAL = (
    "It is the tuple of the arguments in order, or a dict of them by name.",
    "*positional, **named",
    """    positional, named = ((), data) if isinstance(data, Mapping) else (data, {})
""",
)
ADAPTER = '''"""The model {title} for the SageMaker SDK, version {version}: {use}."""

from __future__ import annotations

from typing import Any

from {package}deserializers{base} import SimpleBaseDeserializer
from {package}serializers{base} import SimpleBaseSerializer

import sagemaker_client


class Serializer(SimpleBaseSerializer):
    """Refuses, with `client.ContractViolation`, what the contract does not allow."""

    def __init__(self) -> None:
        super().__init__(content_type=sagemaker_client.CONTENT_TYPE)

    def serialize(self, data: Any) -> bytes:
        """The body of a request; see `sagemaker_client.encode`."""
        return sagemaker_client.encode(data)


class Deserializer(SimpleBaseDeserializer):
    """Gives forward's result as numpy arrays."""

    def __init__(self) -> None:
        super().__init__(accept=sagemaker_client.ACCEPT)

    def deserialize(self, stream: Any, content_type: str) -> Any:
        """What the model returned."""
        return sagemaker_client.decode(stream, content_type)
'''
V2 = "`Predictor(name, serializer=Serializer(), deserializer=Deserializer())`"
V3 = "`endpoint.serializer = Serializer()` and `endpoint.deserializer = Deserializer()`"


def render_client(contract: Contract, _deployment: Deployment) -> dict[str, str]:
    """The codec, and an adapter for each version of the SDK."""
    title = safe(literal(contract.name))
    only = len(contract.inputs) == 1 and contract.inputs[0].kind == "positional"
    data, call, before = ONE if only else SEVERAL
    codec = CODEC.format(title=title, data=data.format(name=safe(contract.inputs[0].name)) if only else data, call=call)
    codec = codec.replace("    return client.serialize(", f"{before}    return client.serialize(")
    if only:
        codec = codec.replace("from collections.abc import Mapping\n", "")
    return {
        "sagemaker_client.py": codec,
        "sagemaker_v2.py": ADAPTER.format(title=title, version=2, use=V2, package="sagemaker.", base=""),
        "sagemaker_v3.py": ADAPTER.format(title=title, version=3, use=V3, package="sagemaker.core.", base=".base"),
    }


SAGEMAKER_CLIENT = Target(
    "sagemaker-client", "calls of a SageMaker endpoint: boto3, and the SageMaker SDK 2 and 3", render_client
)
