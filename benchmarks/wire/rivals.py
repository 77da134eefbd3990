"""What people would use instead, each as a function without arguments; a library that is not installed is left out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np

Calls = dict[str, Callable[[], Any]]


def memcpy(tensors: dict[str, np.ndarray]) -> Calls:
    """A copy of the same tensors into memory that is there already."""
    targets = [np.empty_like(array) for array in tensors.values()]
    pairs = list(zip(targets, tensors.values(), strict=True))

    def copy() -> None:
        for target, array in pairs:
            np.copyto(target, array)

    return {"memcpy": copy}


def triton(tensors: dict[str, np.ndarray]) -> Calls:
    """tritonclient: build a request, parse a response of the same tensors."""
    try:
        import tritonclient.http as client
        from tritonclient.utils import np_to_triton_dtype
    except ImportError:
        return {}

    def build() -> Any:
        inputs = []
        for name, array in tensors.items():
            one = client.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
            one.set_data_from_numpy(array, binary_data=True)
            inputs.append(one)
        return client.InferenceServerClient.generate_request_body(inputs)

    outputs = [
        {
            "name": name,
            "datatype": np_to_triton_dtype(array.dtype),
            "shape": list(array.shape),
            "parameters": {"binary_data_size": array.nbytes},
        }
        for name, array in tensors.items()
    ]
    head = json.dumps({"model_name": "m", "model_version": "1", "outputs": outputs}).encode()
    body = head + b"".join(array.tobytes() for array in tensors.values())

    def read() -> Any:
        result = client.InferenceServerClient.parse_response_body(body, header_length=len(head))
        return [result.as_numpy(name) for name in tensors]

    return {"tritonclient build": build, "tritonclient parse": read}


def safetensors(tensors: dict[str, np.ndarray]) -> Calls:
    """safetensors: save and load."""
    try:
        from safetensors.numpy import load, save
    except ImportError:
        return {}
    body = save(tensors)
    return {"safetensors save": lambda: save(tensors), "safetensors load": lambda: load(body)}


def numpy_files(tensors: dict[str, np.ndarray]) -> Calls:
    """np.save and np.load, or np.savez for several."""

    def save() -> bytes:
        stream = io.BytesIO()
        if len(tensors) == 1:
            np.save(stream, next(iter(tensors.values())))
        else:
            np.savez(stream, **tensors)
        return stream.getvalue()

    body = save()

    def load() -> Any:
        loaded = np.load(io.BytesIO(body), allow_pickle=False)
        return loaded if len(tensors) == 1 else [loaded[name] for name in tensors]

    return {"np.save": save, "np.load": load}


def sagemaker(tensors: dict[str, np.ndarray]) -> Calls:
    """The SageMaker SDK's serializers and deserializer, for one tensor."""
    if len(tensors) != 1:
        return {}
    try:
        from sagemaker.deserializers import NumpyDeserializer
        from sagemaker.serializers import JSONSerializer, NumpySerializer
    except ImportError:
        return {}
    (array,) = tensors.values()
    numpy_serializer, json_serializer, deserializer = NumpySerializer(), JSONSerializer(), NumpyDeserializer()
    body = numpy_serializer.serialize(array)
    calls: Calls = {
        "sagemaker numpy serialize": lambda: numpy_serializer.serialize(array),
        "sagemaker numpy deserialize": lambda: deserializer.deserialize(io.BytesIO(body), "application/x-npy"),
    }
    if array.nbytes < 10_000_000:
        calls["sagemaker json serialize"] = lambda: json_serializer.serialize(array)
    return calls


def mlflow(tensors: dict[str, np.ndarray]) -> Calls:
    """MLflow's enforcement of a tensor schema."""
    try:
        from mlflow.models.utils import _enforce_schema
        from mlflow.types.schema import Schema, TensorSpec
    except ImportError:
        return {}
    if len(tensors) == 1:
        (array,) = tensors.values()
        schema = Schema([TensorSpec(array.dtype, (-1, *array.shape[1:]))])
        return {"mlflow enforce": lambda: _enforce_schema(array, schema)}
    specs = [TensorSpec(array.dtype, (-1, *array.shape[1:]), name) for name, array in tensors.items()]
    schema = Schema(specs)
    return {"mlflow enforce": lambda: _enforce_schema(tensors, schema)}


def bentoml(tensors: dict[str, np.ndarray]) -> Calls:
    """BentoML's pydantic type of a tensor, for one tensor."""
    if len(tensors) != 1:
        return {}
    try:
        from typing import Annotated

        from _bentoml_sdk.validators import TensorSchema
        from pydantic import TypeAdapter
    except ImportError:
        return {}
    (array,) = tensors.values()
    schema = TensorSchema("numpy-array", shape=array.shape, dtype=str(array.dtype))
    adapter: Any = TypeAdapter(Annotated[np.ndarray, schema])
    return {"bentoml validate": lambda: adapter.validate_python(array)}


def handwritten(tensors: dict[str, np.ndarray]) -> Calls:
    """What a careful person writes: shape and dtype of one tensor."""
    if len(tensors) != 1:
        return {}
    (array,) = tensors.values()
    rank, rest = array.ndim, array.shape[1:]

    def check(x: Any) -> None:
        if not isinstance(x, np.ndarray) or x.dtype != np.float32:
            raise TypeError("x must be a float32 array")
        if x.ndim != rank or x.shape[1:] != rest or x.shape[0] < 1:
            raise ValueError("x must have shape [batch, 20]")

    return {"handwritten check": lambda: check(array)}


def rivals(tensors: dict[str, np.ndarray]) -> Calls:
    """All of them."""
    calls: Calls = {}
    for rival in (memcpy, triton, safetensors, numpy_files, sagemaker, mlflow, bentoml, handwritten):
        calls.update(rival(tensors))
    return calls
