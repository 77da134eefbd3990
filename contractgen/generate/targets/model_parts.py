"""The parts of which `contract_model.py` is put together: the same for every model."""

from __future__ import annotations

HEAD = '''"""The model {title} behind its contract: how it is loaded, and run on the arrays of the validator.

It needs Python 3.9, numpy and torch 2.0, or later ones.
"""

from __future__ import annotations

{imports}

import numpy as np
{third_party}'''

FILL = '''

def fill(model: torch.nn.Module, content: Any) -> None:
    """Load the weights of a checkpoint, wherever its training script put them and whatever the model was wrapped in."""
    state = content
    while not any(isinstance(value, torch.Tensor) for value in state.values()):
        inner = [value for key, value in state.items() if isinstance(value, Mapping) and "optim" not in str(key)]
        if not inner:
            break
        state = next((state[key] for key in ("state_dict", "model_state_dict", "model") if key in state), inner[0])
    state = {key.replace("_orig_mod.", ""): value for key, value in state.items()}
    names = list(model.state_dict())
    if names and names[0] not in state:
        for key in state:
            prefix = key[: -len(names[0])]
            if key.endswith(f".{names[0]}") and all(f"{prefix}{name}" in state for name in names):
                state = {name: state[f"{prefix}{name}"] for name in names}
                break
    model.load_state_dict(state)
'''

RUN = '''

def run(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What the model returns for the arrays that the validator let in, as arrays."""
    args, kwargs = to_tensors(model, args, kwargs)
    with torch.no_grad():
        return to_arrays(model(*args, **kwargs))


def to_arrays(result: Any) -> Any:
    """A tree of tensors as a tree of arrays, as the validator's `respond` takes it, without what holds no tensor."""
    if isinstance(result, torch.Tensor):
        held = result.detach().cpu().resolve_conj().resolve_neg()
        return held.view(torch.int16).numpy().view(np.uint16) if held.dtype == torch.bfloat16 else held.numpy()
    if isinstance(result, (np.ndarray, np.generic)):
        return np.asarray(result)
    if dataclasses.is_dataclass(result) and not isinstance(result, (type, Mapping)):
        result = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    if hasattr(result, "_asdict"):
        result = result._asdict()
    if isinstance(result, Mapping):
        named = {str(key): to_arrays(value) for key, value in result.items()}
        return {key: value for key, value in named.items() if value is not None}
    if isinstance(result, (list, tuple)):
        items = [item for item in map(to_arrays, result) if item is not None]
        return items if isinstance(result, list) else tuple(items)
    return None


def device_of(model: Any) -> torch.device:
    """Where the model's weights are."""
    weights = model.parameters() if isinstance(model, torch.nn.Module) else iter(())
    return next((weight.device for weight in weights), torch.device("cpu"))
'''

TENSOR = '''

def to_tensor(value: Any, device: torch.device) -> Any:
    """A tree of arrays as one of tensors. An array that may not be written to is copied: a model may work in place."""
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value).reshape(value.shape)
        array = array if array.flags.writeable else array.copy()BITS
        return torch.from_numpy(array).to(device)
    if isinstance(value, Mapping):
        return {key: to_tensor(item, device) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(to_tensor(item, device) for item in value)
    return value
'''

WRITE_PLAIN = f'''

def to_tensors(model: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call as tensors, where the model is."""
    device = device_of(model)
    return tuple(to_tensor(arg, device) for arg in args), {{name: to_tensor(arg, device) for name, arg in kwargs.items()}}
{TENSOR}'''

WRITE_RECORDS = f'''

def to_tensors(model: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call as tensors, where the model is; a dict becomes the dataclass that `forward` asks for."""
    device = device_of(model)
    script = isinstance(model, torch.jit.ScriptModule) or not isinstance(model, torch.nn.Module)
    hints = {{}} if script else hints_of(model.forward)
    found = [hint for name, hint in hints.items() if name != "return"]
    found += [None] * len(args)
    return (
        tuple(instance(hint, to_tensor(arg, device)) for hint, arg in zip(found, args)),
        {{name: instance(hints.get(name), to_tensor(arg, device)) for name, arg in kwargs.items()}},
    )
{TENSOR}'''

RECORDS = '''

def instance(hint: Any, value: Any) -> Any:
    """A value with its dicts turned into the dataclasses and NamedTuples that an annotation asks for."""
    inner = typing.get_args(hint)
    if isinstance(value, Mapping):
        kinds = [one for one in (hint, *inner) if dataclasses.is_dataclass(one) or hasattr(one, "_fields")]
        if not kinds:
            return value
        hints = hints_of(kinds[0])
        made: Any = kinds[0]
        return made(**{name: instance(hints.get(name), item) for name, item in value.items()})
    if isinstance(value, (list, tuple)) and inner:
        hinted = [*inner, *[inner[-1] if inner[-1] is not Ellipsis else inner[0]] * len(value)]
        return type(value)(instance(kind, item) for kind, item in zip(hinted, value))
    return value


def hints_of(owner: Any) -> dict[str, Any]:
    """The annotations of a function or class, where they can be read."""
    try:
        return typing.get_type_hints(owner)
    except (NameError, TypeError, AttributeError):
        return {}
'''

ONNX = '''"""The model {title} behind its contract: how it is loaded, and run on the arrays of the validator.

It needs Python 3.9, numpy and onnxruntime.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime

ARTIFACT = {artifact}


def load(folder: str) -> Any:
    """The model in ``folder``, ready to be called."""
    return onnxruntime.InferenceSession(str(Path(folder) / ARTIFACT), providers=onnxruntime.get_available_providers())


def run(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ARG001
    """What the model returns for the arrays that the validator let in."""
{feeds}
    names = [output.name for output in model.get_outputs()]
    found = dict(zip(names, model.run(names, feeds)))
{returned}
'''
