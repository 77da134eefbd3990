"""What serving stacks need on top of ``validator.py``, each a target: a function from a contract to files.

A target knows the contract and how the model is deployed, nothing else: it runs wherever `contractgen generate` does. The
files go into the contract's own folder, beside the validator that they import.
"""

from __future__ import annotations

from collections.abc import Iterable

from contractgen.contract.model import Contract
from contractgen.errors import UsageError
from contractgen.generate.render import render, sealed
from contractgen.generate.targets.asgi import ASGI
from contractgen.generate.targets.deployment import Deployment, Target
from contractgen.generate.targets.inference_servers import KSERVE, MLSERVER
from contractgen.generate.targets.mlflow import MLFLOW
from contractgen.generate.targets.pytest_file import PYTEST
from contractgen.generate.targets.ray import RAY
from contractgen.generate.targets.sagemaker import SAGEMAKER
from contractgen.generate.targets.sagemaker_client import SAGEMAKER_CLIENT
from contractgen.generate.targets.torchserve import TORCHSERVE
from contractgen.generate.targets.triton import TRITON

_ALL = (ASGI, KSERVE, MLFLOW, MLSERVER, PYTEST, RAY, SAGEMAKER, SAGEMAKER_CLIENT, TORCHSERVE, TRITON)
TARGETS: dict[str, Target] = {target.name: target for target in _ALL}
"""Every target by the name that ``--target`` takes."""


def render_all(contract: Contract, targets: Iterable[str], deployment: Deployment) -> dict[str, str]:
    """The text of each generated file by its name: client, validator, and the files of each target."""
    files = render(contract)
    for name in dict.fromkeys(targets):
        for path, text in known(name).render(contract, deployment).items():
            if files.get(path, sealed(text)) != sealed(text):
                raise UsageError(f"two targets write {path}", hint="Give them one by one, with --out for each.")
            files[path] = sealed(text)
    return files


def known(name: str) -> Target:
    """The target of that name. Raises UsageError where there is none."""
    if name not in TARGETS:
        raise UsageError(f"`{name}` is no target", hint=f"Known: {', '.join(sorted(TARGETS))}.")
    return TARGETS[name]


__all__ = ["TARGETS", "Deployment", "Target", "known", "render_all"]
