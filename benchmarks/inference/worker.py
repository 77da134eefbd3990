"""Infers the contracts of one case in a process of its own, and asks them about the case's lists.

``python -m benchmarks.inference.worker NAME REPORT [--keep FOLDER]`` writes REPORT after each of the two modes, so that
a mode that hangs or kills the process does not take the other one's outcome with it. Stages go to stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

import torch

from benchmarks.inference.acceptance import load_validator, refusal_of
from benchmarks.inference.case import Call, Case
from benchmarks.inference.confirm import tensors_in
from benchmarks.inference.registry import find_case
from benchmarks.inference.result import MODES, CaseResult, Mode, Outcome
from contractgen.contract.codec import dumps
from contractgen.contract.model import Contract
from contractgen.errors import ContractgenError
from contractgen.infer.api import InferOptions, infer
from contractgen.load.loaded import LoadedModel


def _shapes(call: Call) -> str:
    tensors = tensors_in((call.args, call.kwargs))
    return ", ".join(f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}" for tensor in tensors)


def judge(contract: Contract, case: Case, outcome: Outcome) -> None:
    """Adds to ``outcome`` what ``contract`` decides wrongly."""
    refusal = refusal_of(load_validator(contract))
    for index, call in enumerate(case.good_calls()):
        if why := refusal(call):
            outcome.refused_good.append(f"[{index}] {_shapes(call)}: {why}")
    for bad in case.bad_calls():
        if refusal(bad.call) is None:
            outcome.accepted_bad.append(f"'{bad.label}' ({bad.reason})")


def _show_stage(stage: str, detail: str) -> None:
    print(f"stage {stage} {detail}".replace("\n", " "), file=sys.stderr, flush=True)


def run_mode(case: Case, mode: Mode, keep: Path | None) -> Outcome:
    example: tuple[tuple[object, ...], dict[str, object]] | None = None
    if mode == "example":
        given = case.example_call()
        example = (given.args, given.kwargs)
    model = case.model()
    loaded = LoadedModel(
        module=model, kind="pickle", name=case.name, path=Path(f"{case.name}.pt"), traced_inputs=None, notes=()
    )
    outcome = Outcome()
    torch.manual_seed(4)
    start = time.perf_counter()
    try:
        inference = infer(loaded, InferOptions(name=case.name, example=example, budget=200.0), _show_stage)
        outcome.seconds, outcome.forwards = time.perf_counter() - start, inference.forwards
        if keep is not None:
            (keep / f"{case.name}.{mode}.json").write_text(dumps(inference.contract), encoding="utf-8")
        judge(inference.contract, case, outcome)
    except Exception as error:
        outcome.seconds = outcome.seconds or time.perf_counter() - start
        where = "" if isinstance(error, ContractgenError) else " (a defect)"
        outcome.error = f"{type(error).__name__}{where}: {str(error).strip()[:300]}"
        if where:
            sys.excepthook(type(error), error, error.__traceback__)
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description="Infer and judge one case.")
    parser.add_argument("name")
    parser.add_argument("report", type=Path)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    case = find_case(options.name)
    result = CaseResult(case.name, case.held_out, {})
    for mode in MODES:
        _show_stage("mode", mode)
        result.outcomes[mode] = run_mode(case, mode, options.keep)
        options.report.write_text(json.dumps(result.to_json()), encoding="utf-8")


if __name__ == "__main__":
    main()
