"""Requests that wait for the model are run together, where the contract proves that rows do not touch each other.

Nothing waits for a batch to fill: what has gathered while the model was busy is run at once, up to a number of rows. A
request joins after it was checked, so one that breaks the contract never does; and where a batch fails, each of its
requests is run alone.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from contractgen.contract.expression import names_in_order
from contractgen.contract.model import Contract, List, Output, Parameter
from contractgen.contract.tree import leaves, named_in_values, places
from contractgen.errors import UsageError
from contractgen.generate.runtime.asgi_app import Call
from contractgen.generate.runtime.asgi_messages import Answer, Refused, answer_of
from contractgen.generate.runtime.asgi_threads import Pool
from contractgen.serve.models import Tensors, forward_result
from contractgen.verify.trees import output_tensors

Shapes = tuple[tuple[str, tuple[int, ...]], ...]
"""The tensors of a request with the sizes that all requests of a batch share."""


def check_batches(contract: Contract) -> str:
    """The dim along which requests can be joined. Raises UsageError, with the reason, where there is none."""
    name = next((name for name, dim in contract.dims.items() if dim.role == "batch"), None)
    reason = _obstacle(contract, name) if name is not None else "no dim of the contract is a batch axis"
    if name is None or reason:
        raise UsageError(f"requests of this model cannot be batched: {reason}", hint="Leave --batch out.")
    return name


def _obstacle(contract: Contract, batch: str) -> str:
    """Why rows along a dim cannot be put together, or nothing."""
    evidence = [one.source for one in contract.evidence if (one.about, one.property) == (f"dim:{batch}", "role")]
    if "probed" not in evidence:
        return f"nothing proves that {batch} is a batch axis"
    sides: tuple[Iterable[Parameter | Output], ...] = (contract.inputs, contract.outputs)
    for side in sides:
        parts = tuple(side)
        for leaf in leaves(parts):
            if leaf.tensor.shape.count(batch) != 1:
                return f"{leaf.tensor.wire_name} does not have {batch} as one axis"
            if batch in named_in_values(leaf.tensor.values):
                return f"what {leaf.tensor.wire_name} may contain depends on {batch}"
        if any(isinstance(place.node, List) and place.node.length == batch for place in places(parts)):
            return f"{batch} is the length of a list"
    conditions = [*contract.relations, *(dim.equals for dim in contract.dims.values() if dim.equals is not None)]
    if any(batch in names_in_order(condition) for condition in conditions):
        return f"another size depends on {batch}"
    return ""


@dataclass(frozen=True, eq=False)
class Waiting:
    """A request that was checked."""

    call: Call
    accept: str
    rows: int
    shapes: Shapes
    future: asyncio.Future[Answer]


class Batcher:
    """Joins what waits for the pool's threads."""

    def __init__(
        self, contract: Contract, validator: ModuleType, model: Callable[[Tensors, int], Any], pool: Pool, rows: int
    ) -> None:
        self._contract = contract
        self._validator = validator
        self._model = model
        self._pool = pool
        self._dim = check_batches(contract)
        most = contract.dims[self._dim].max
        self._rows = rows if most is None else min(rows, most)
        self._waiting: deque[Waiting] = deque()
        self._lock = threading.Lock()

    async def answer(self, call: Call, accept: str) -> Answer:
        """The answer to a request. Raises `Refused` where all places are taken."""
        loop = asyncio.get_running_loop()
        shapes, rows = self._shapes(call[0])
        one = Waiting(call, accept, rows, shapes, loop.create_future())
        with self._lock:
            self._waiting.append(one)
        try:
            self._pool.run(lambda: self._step(loop))
        except Refused:
            with self._lock:
                if one in self._waiting:
                    self._waiting.remove(one)
                    raise
        return await one.future

    def _shapes(self, tensors: Tensors) -> tuple[Shapes, int]:
        shapes, rows = [], 0
        for name, array in tensors.items():
            axis = self._axis(self._validator.SPEC.input_names[name].shape)
            rows = array.shape[axis]
            shapes.append((name, array.shape[:axis] + array.shape[axis + 1 :]))
        return tuple(sorted(shapes)), rows

    def _axis(self, shape: tuple[int | str, ...]) -> int:
        return shape.index(self._dim)

    def _step(self, loop: asyncio.AbstractEventLoop) -> bool | None:
        """Run what waits longest, and all that fits with it; None where others have done it already."""
        batch = self._taken()
        if not batch:
            return None
        outcomes = self._outcomes(batch)
        if not loop.is_closed():
            loop.call_soon_threadsafe(_deliver, [one.future for one in batch], outcomes)
        return True

    def _taken(self) -> list[Waiting]:
        with self._lock:
            if not self._waiting:
                return []
            batch = [self._waiting.popleft()]
            rows = batch[0].rows
            for one in list(self._waiting):
                if one.shapes == batch[0].shapes and rows + one.rows <= self._rows:
                    self._waiting.remove(one)
                    batch.append(one)
                    rows += one.rows
            return batch

    def _outcomes(self, batch: list[Waiting]) -> list[Answer | Exception]:
        if len(batch) > 1:
            try:
                return list(self._together(batch))
            except BaseException:  # noqa: S110 (whose fault it is shows when each is run alone)
                pass
        return [self._alone(one) for one in batch]

    def _alone(self, one: Waiting) -> Answer | Exception:
        try:
            return self._encoded(one, self._model(one.call[0], 1))
        except BaseException as error:
            return error if isinstance(error, Exception) else RuntimeError(f"{type(error).__name__} in the model")

    def _together(self, batch: list[Waiting]) -> Iterator[Answer]:
        names = self._validator.SPEC.input_names
        joined = {
            name: np.concatenate([one.call[0][name] for one in batch], self._axis(names[name].shape))
            for name in batch[0].call[0]
        }
        found = output_tensors(self._contract, self._model(joined, len(batch)))
        total = sum(one.rows for one in batch)
        start = 0
        for one in batch:
            arrays = {}
            for name, (tensor, array) in found.items():
                axis = self._axis(tensor.shape)
                if array.shape[axis] != total:
                    raise ValueError(f"{name} has {array.shape[axis]} rows for {total}")
                arrays[name] = array[(slice(None),) * axis + (slice(start, start + one.rows),)]
            start += one.rows
            yield self._encoded(one, forward_result(self._validator, arrays))

    def _encoded(self, one: Waiting, outputs: Any) -> Answer:
        return answer_of(self._validator.respond(outputs, accept=one.accept, reply=one.call[1]))


def _deliver(futures: list[asyncio.Future[Answer]], outcomes: list[Answer | Exception]) -> None:
    """Hand each request its outcome, in the loop."""
    for future, outcome in zip(futures, outcomes, strict=True):
        if future.cancelled():
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
