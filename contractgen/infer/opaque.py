"""Models that no symbolic run can follow: TorchScript archives and ONNX graphs. Their search learns from real runs alone."""

from __future__ import annotations

import itertools

import torch

from contractgen.infer.guards import Guard
from contractgen.infer.hypothesis import Axis, Hypothesis
from contractgen.infer.signature import Signature
from contractgen.infer.trial import Trial, UnsupportedModelError


def is_opaque(module: torch.nn.Module) -> bool:
    """Whether the module is no Python that a symbolic run could follow."""
    return isinstance(module, torch.jit.ScriptModule) or hasattr(module, "input_specs")


class OpaqueTracer:
    """Stands where `trial.Tracer` stands: its runs tell nothing but what the artifact declares."""

    def __init__(self, signature: Signature) -> None:
        self.trials = 0
        self._signature = signature

    def run(self, hypothesis: Hypothesis, *, answer: int | None = None, symbolic: bool = True) -> Trial:  # noqa: ARG002 -- the tracer's signature
        """A run that ends before it begins; its guards are the names that the artifact gives to equal sizes."""
        self.trials += 1
        return Trial(
            ok=False,
            progress=0,
            guards=self._declared(hypothesis),
            error=UnsupportedModelError(),
            message="an archive that only real runs can follow",
        )

    def refutes(self, hypothesis: Hypothesis, answer: int | None = None) -> bool:  # noqa: ARG002 -- the tracer's signature
        """Nothing is refuted without a run."""
        return False

    def _declared(self, hypothesis: Hypothesis) -> tuple[Guard, ...]:
        named: dict[str, list[Axis]] = {}
        for path, leaf in hypothesis.leaves().items():
            dims = self._signature.prior(path).dims
            for axis, dim in enumerate(dims if len(dims) == len(leaf.sizes) else ()):
                if dim.isidentifier():
                    named.setdefault(dim, []).append((path, axis))
        pairs = itertools.chain.from_iterable(itertools.pairwise(axes) for axes in named.values())
        return tuple(Guard("v[0] == v[1]", pair, artefact=False) for pair in pairs)
