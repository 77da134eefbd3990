"""Numbers that the model itself holds: sizes of its weights, and integers in its configuration and attributes."""

from __future__ import annotations

from collections.abc import Iterator

import torch

_LARGEST = 1 << 20


def harvest(module: torch.nn.Module) -> list[int]:
    """Sizes worth trying for this model, sorted."""
    found = {size for tensor in (*module.parameters(), *module.buffers()) for size in tensor.shape}
    found.update(getattr(module, "weight_sizes", ()))  # of a graph, which has no parameters of its own
    for submodule in module.modules():
        if not isinstance(submodule, torch.jit.ScriptModule):
            for value in vars(submodule).values():
                found.update(_integers(value))
    return sorted(size for size in found if 1 < size <= _LARGEST)


def _integers(value: object) -> Iterator[int]:
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield value
    elif isinstance(value, (list, tuple)) and len(value) <= 16:
        for item in value:
            yield from _integers(item)
    elif hasattr(value, "to_dict") and hasattr(value, "model_type"):  # a transformers configuration
        for item in vars(value).values():
            yield from _integers(item)
