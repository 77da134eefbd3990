"""A model run in float64 as it stands: what it would compute but for the rounding of its own dtype."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.utils._pytree as pytree
from torch.overrides import TorchFunctionMode


class InFloat64(TorchFunctionMode):
    """Within it, every operator gets its floats as float64.

    A copy of the model in float64 would take twice the model's memory and more; here one operator's weights are converted
    at a time. Buffers keep their converted form, so that what a forward writes into one is read from it afterwards, and
    the model's own stay as they are.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        """By id: the tensor, which keeps its id from being given to another one, and its converted form."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """The operator's result for converted arguments."""
        if getattr(func, "__name__", "") == "__get__":
            found = func(*args)
            return torch.float64 if isinstance(found, torch.dtype) and found.is_floating_point else found
        args, kwargs = pytree.tree_map_only(torch.Tensor, self._exact, (tuple(args), dict(kwargs or {})))
        result = func(*args, **kwargs)
        return pytree.tree_map_only(torch.Tensor, _widened, result)

    def _exact(self, tensor: torch.Tensor) -> torch.Tensor:
        if not tensor.is_floating_point() or tensor.dtype == torch.float64:
            return tensor
        if isinstance(tensor, torch.nn.Parameter):
            return tensor.double()
        if id(tensor) not in self._kept:
            self._kept[id(tensor)] = (tensor, tensor.double())
        return self._kept[id(tensor)][1]


def _widened(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor
