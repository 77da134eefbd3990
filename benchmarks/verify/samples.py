"""What a verification of each sample costs, beside the least that anyone would do: export to ONNX and run one input."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.verify.clock import cpu_seconds
from contractgen.contract.codec import load_contract
from contractgen.generate.render import render
from contractgen.load import load_model
from contractgen.verify import verify
from sample_models.catalogue import SAMPLES, Sample

LIMIT = 10.0
"""Seconds that a verification may take on two cores."""


def table() -> bool:
    """Print it; whether each is below the limit. Each sample is measured in a process of its own: imports count, too."""
    print("verification of a sample at the default budget (the imports of the command left out)")
    print(f"{'sample':<12}{'inputs':>8}{'seconds':>10}{'CPU s':>8}{'ONNX export and one run: seconds':>36}{'CPU s':>8}")
    fast = True
    for sample in SAMPLES:
        with tempfile.TemporaryDirectory() as scratch:
            artifact = sample.save(Path(scratch))
            measured = [_in_a_process(what, sample, artifact) for what in ("verify", "bare")]
        (seconds, busy, inputs), (bare, bare_busy, _) = measured
        print(f"{sample.name:<12}{inputs:>8.0f}{seconds:>10.1f}{busy:>8.1f}{bare:>36.1f}{bare_busy:>8.1f}", flush=True)
        # On a busy machine the wall clock says nothing; what two cores do in the limit is twice the processor's time.
        fast = fast and (seconds <= LIMIT or busy <= LIMIT)
    print(f"each takes {LIMIT:.0f} s at most" if fast else f"NOT each takes {LIMIT:.0f} s at most")
    return fast


def _in_a_process(what: str, sample: Sample, artifact: Path) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.verify.samples", what, sample.name, str(artifact)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: list[float] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(what: str, sample: Sample, artifact: Path) -> tuple[float, float, float]:
    """Seconds, processor seconds, inputs."""
    contract = load_contract(sample.contract / "contract.json")
    loaded = load_model(artifact, factory=sample.factory)
    sources = render(contract)
    start, busy, inputs = time.monotonic(), cpu_seconds(), 1
    if what == "verify":
        result = verify(contract, loaded, client_source=sources["client.py"], validator_source=sources["validator.py"])
        if not result.ok:
            raise SystemExit(f"{sample.name}: {result.findings[0].message}")
        inputs = result.soundness.cases + result.refused_by_client.cases
    else:
        _bare(contract, loaded.module, artifact.parent)
    return time.monotonic() - start, cpu_seconds() - busy, inputs


def _bare(contract: object, module: object, folder: Path) -> None:
    import onnxruntime
    import torch
    from torch.utils._pytree import tree_leaves

    from contractgen.load.arguments import bind, to_torch
    from contractgen.verify.runtimes.example import graph_input

    given = graph_input(contract)
    args, kwargs = bind(module, *to_torch(contract.inputs, given.args, given.kwargs))
    program = torch.export.export(module, args, kwargs, strict=False)
    torch.onnx.export(program, f=None, dynamo=True, verbose=False).save(str(folder / "bare.onnx"))
    session = onnxruntime.InferenceSession(str(folder / "bare.onnx"))
    leaves = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    got = session.run(None, {i.name: leaf.numpy() for i, leaf in zip(session.get_inputs(), leaves, strict=True)})
    with torch.no_grad():
        expected = tree_leaves(module(*args, **kwargs))
    if any(abs(torch.from_numpy(g) - e).max() > 1e-2 for g, e in zip(got, expected, strict=True)):
        raise SystemExit("the bare export gives other numbers")


if __name__ == "__main__":
    _, wanted, name, path = sys.argv
    print(json.dumps(measure(wanted, next(s for s in SAMPLES if s.name == name), Path(path))))
