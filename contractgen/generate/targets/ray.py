"""Ray Serve: `deployment.py` and `config.yaml`, in the layout of SageMaker's Ray Serve images."""

from __future__ import annotations

import json

from contractgen.contract import model
from contractgen.contract.model import Contract
from contractgen.errors import UsageError
from contractgen.generate.layout import literal
from contractgen.generate.signatures import safe
from contractgen.generate.targets.deployment import Deployment, Target
from contractgen.generate.targets.model_file import FILE, model_file
from contractgen.generate.targets.ray_parts import CONFIG, DEPLOYMENT, RUN_BATCHES, RUN_ONE
from contractgen.generate.targets.tensors import batch_dim, places


def render_ray(contract: Contract, deployment: Deployment) -> dict[str, str]:
    """The deployment, its configuration, and what loads the model."""
    rows = batched_rows(contract)
    text = DEPLOYMENT.format(
        title=safe(literal(contract.name)),
        numpy="" if rows is None else "import numpy as np\n",
        run=RUN_ONE if rows is None else RUN_BATCHES.format(rows=literal(rows or None)),
        knob="" if rows is None else BATCHING_METHOD,
    )
    # A JSON string is a string of YAML too.
    config = CONFIG.format(name=json.dumps(contract.name or "model"), batching=_batching_line(rows))
    return {"deployment.py": text, "config.yaml": config, FILE: model_file(contract, deployment)}


def batched_rows(contract: Contract) -> int | None:
    """How many rows calls may have together (0: any number), or None where calls must not be joined.

    They may be where an axis is proven to be the batch, is the first of every tensor, and nothing else depends on its
    size: neither another size nor a bound, a relation or what is optional. Each size of the outputs has to come from the
    inputs, since one that the model chooses could differ with the neighbours.
    """
    batch = batch_dim(contract)
    if batch is None:
        return None
    try:
        inputs = [one for part in contract.inputs for _, one in places(part.node, part.name, "batching")]
        outputs = [one for output in contract.outputs for _, one in places(output.node, output.name, "batching")]
    except UsageError:
        return None
    known = {size for tensor in inputs for size in tensor.shape if isinstance(size, str)}
    derived = {name for name, dim in contract.dims.items() if dim.equals is not None}
    free = [
        size for tensor in outputs for size in tensor.shape if isinstance(size, str) and size not in known | derived
    ]
    depends = [*contract.relations, *(dim.equals for dim in contract.dims.values() if dim.equals is not None)]
    depends += [bound for tensor in inputs for bound in _bounds(tensor.values)]
    whole = all(part.required and part.kind != "variadic" for part in contract.inputs)
    leads = all(tensor.shape[:1] == (batch,) and tensor.shape.count(batch) == 1 for tensor in (*inputs, *outputs))
    if not (whole and leads) or free or any(batch in _names(one) for one in depends):
        return None
    return contract.dims[batch].max or 0


def _bounds(values: model.Values | None) -> list[model.Expr]:
    if values is None:
        return []
    own = [bound for bound in (values.min, values.max) if bound is not None]
    return own + [bound for one in values.along_last or () for bound in _bounds(one)]


def _names(expr: model.Expr) -> set[str]:
    if isinstance(expr, tuple):
        return _names(expr[1]) | _names(expr[2])
    return {expr} if isinstance(expr, str) else set()


def _batching_line(rows: int | None) -> str:
    if rows is None:
        return ""
    return "        user_config: {max_batch_size: 16, batch_wait_seconds: 0.0}\n"


BATCHING_METHOD = '''
    def reconfigure(self, settings: dict[str, Any]) -> None:
        """Take over `user_config`: how many requests are joined at most, and how long one waits for others."""
        self.joined.set_max_batch_size(settings["max_batch_size"])
        self.joined.set_batch_wait_timeout_s(settings["batch_wait_seconds"])
'''

RAY = Target("ray", "deployment.py and config.yaml for Ray Serve", render_ray, loads=True)
