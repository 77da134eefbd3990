"""The parameters of a contract against those of forward, where forward's can be read."""

from __future__ import annotations

import inspect

import torch

from contractgen.contract.model import Contract
from contractgen.verify.tally import Tally


def check_signature(contract: Contract, module: torch.nn.Module, tally: Tally) -> None:
    """Find parameters that forward does not have, and ask about those that the contract leaves out without a word."""
    if isinstance(module, torch.jit.ScriptModule) or type(module).forward is torch.nn.Module.forward:
        return
    try:
        parameters = inspect.signature(module.forward).parameters
    except (TypeError, ValueError):
        return
    kinds = {parameter.kind for parameter in parameters.values()}
    if inspect.Parameter.VAR_KEYWORD in kinds or "args" in parameters:
        return  # it takes whatever comes: a module that wraps another one
    known = {parameter.name for parameter in contract.inputs}
    for name in sorted(known - parameters.keys()):
        tally.find("sound", f"forward has no parameter {name!r}: it takes {', '.join(parameters)}", same=name)
    spoken_of = {evidence.about for evidence in contract.evidence}
    for name, parameter in parameters.items():
        if (
            name not in known
            and parameter.kind is not inspect.Parameter.VAR_POSITIONAL
            and f"input:{name}" not in spoken_of
        ):
            tally.find(
                "complete",
                f"forward also takes {name!r}, which the contract does not mention",
                severity="question",
                same=name,
            )
