"""The text of Ray Serve's `deployment.py` and `config.yaml`."""

from __future__ import annotations

DEPLOYMENT = '''"""The model {title} on Ray Serve: what breaks its contract is answered with status 400 and never reaches it.

`serve run config.yaml` starts it; it answers `GET /ping` and `POST /invocations`, as SageMaker asks. The model file lies
in the folder of this file, or in the one that the environment variable MODEL_DIR names. Beside this file belong
validator.py, contract_model.py and the model's own code.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

{numpy}from ray import serve
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

import contract_model
import validator

LOG = logging.getLogger(__name__)
LIMITS = validator.Limits()


class Model:
    """A replica: it checks by itself, so that a violation costs no other request anything."""

    def __init__(self) -> None:
        folder = os.environ.get("MODEL_DIR") or str(Path(__file__).resolve().parent)
        self.model = contract_model.load(folder)

    async def __call__(self, request: Request) -> Response:
        """The answer to a request, whatever it holds."""
        if request.url.path == "/ping":
            return Response(b'{{"status": "ok"}}', media_type="application/json")
        if request.url.path != "/invocations" or request.method != "POST":
            return Response(b'{{"error": "POST /invocations", "violations": []}}', 404, media_type="application/json")
        try:
            body = await body_of(request)
            args, kwargs, reply = await asyncio.to_thread(validator.receive, body, request.headers, limits=LIMITS)
            result = await self.run(args, kwargs)
            response = validator.respond(result, accept=request.headers.get("accept", ""), reply=reply)
        except ClientDisconnect:
            return Response(status_code=499)
        except validator.ContractViolation as violation:
            response = validator.error_response(violation)
        except Exception as error:
            LOG.exception("the model failed on a request that keeps its contract")
            response = validator.error_response(error)
        return Response(response.body, response.status, response.headers)
{knob}{run}

async def body_of(request: Request) -> bytes:
    """The body, of which no more is read than a request may have."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > LIMITS.max_body_bytes:
            break
    return b"".join(parts)


app = serve.deployment(Model).bind()
'''

RUN_ONE = '''
    async def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What the model returns for one call; the contract has no axis along which calls could be joined."""
        return await asyncio.to_thread(contract_model.run, self.model, args, kwargs)
'''

RUN_BATCHES = '''
    async def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What the model returns for one call, which may run together with others along the proven batch axis."""
        result = await self.joined((args, kwargs))
        if isinstance(result, Exception):
            raise result
        return result

    @serve.batch(max_batch_size=16, batch_wait_timeout_s=0.0)
    async def joined(self, calls: list[Call]) -> list[Any]:
        """What the model returns for calls that all keep the contract, each its own rows."""
        return await asyncio.to_thread(self.results, calls)

    def results(self, calls: list[Call]) -> list[Any]:
        """The results in the order of the calls; in place of one that failed its error."""
        found: list[Any] = [None] * len(calls)
        for group in groups_of(calls):
            try:
                args, kwargs = join([calls[index] for index in group])
                result = contract_model.run(self.model, args, kwargs)
                start = 0
                for index in group:
                    found[index] = rows_of(result, start, start + count_of(calls[index]))
                    start += count_of(calls[index])
            except Exception as error:
                for index in group:
                    found[index] = error
        return found


Call = tuple[tuple[Any, ...], dict[str, Any]]
MOST_ROWS: int | None = {rows}
"""How many rows the contract allows in one call."""


def groups_of(calls: list[Call]) -> list[list[int]]:
    """The indices of calls that differ in their number of rows alone, as many together as the contract allows."""
    groups: list[list[int]] = []
    open_groups: dict[str, tuple[list[int], int]] = {{}}
    for index, call in enumerate(calls):
        key, count = repr(signature_of(call)), count_of(call)
        group, rows = open_groups.get(key, ([], 0))
        if not group or (MOST_ROWS is not None and rows + count > MOST_ROWS):
            group, rows = [], 0
            groups.append(group)
        group.append(index)
        open_groups[key] = (group, rows + count)
    return groups


def signature_of(tree: Any) -> Any:
    """Structure, dtypes and sizes without the first axis."""
    if isinstance(tree, np.ndarray):
        return tree.dtype.str, tree.shape[1:]
    if isinstance(tree, dict):
        return [(key, signature_of(value)) for key, value in tree.items()]
    return [signature_of(value) for value in tree] if isinstance(tree, (list, tuple)) else tree


def count_of(tree: Any) -> int:
    """The number of rows."""
    if isinstance(tree, np.ndarray):
        return len(tree)
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, (list, tuple)) else ()
    return next((count for count in map(count_of, parts) if count), 0)


def join(trees: list[Any]) -> Any:
    """Trees of one structure as one, their arrays joined along the first axis."""
    first = trees[0]
    if len(trees) == 1:
        return first
    if isinstance(first, np.ndarray):
        return np.concatenate(trees)
    if isinstance(first, dict):
        return {{key: join([tree[key] for tree in trees]) for key in first}}
    return type(first)(join(list(parts)) for parts in zip(*trees)) if isinstance(first, (list, tuple)) else first


def rows_of(tree: Any, start: int, stop: int) -> Any:
    """Some rows of each array."""
    if isinstance(tree, np.ndarray):
        return tree[start:stop]
    if isinstance(tree, dict):
        return {{key: rows_of(value, start, stop) for key, value in tree.items()}}
    return type(tree)(rows_of(value, start, stop) for value in tree) if isinstance(tree, (list, tuple)) else tree
'''

CONFIG = """# `serve run config.yaml`, in this folder. SageMaker calls port 8080 of all addresses of the container.
http_options:
  host: 0.0.0.0
  port: 8080
applications:
  - name: {name}
    import_path: deployment:app
    route_prefix: /
    deployments:
      - name: Model
        max_ongoing_requests: 64
{batching}        autoscaling_config: {{min_replicas: 1, max_replicas: 4, target_ongoing_requests: 16}}
        ray_actor_options: {{num_cpus: 1}}
"""
