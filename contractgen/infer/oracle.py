"""The symbolic run as a second opinion on sizes that real runs let pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from contractgen.infer.guards import Guard
from contractgen.infer.hypothesis import Axis, Hypothesis
from contractgen.infer.opaque import OpaqueTracer
from contractgen.infer.trial import Tracer

_QUESTIONS = 4
"""How often an oracle is asked about axes at whose sizes it never refused anything."""


class Oracle:
    """The symbolic run as a second opinion on sizes that its guards exclude and the kernels let pass.

    A guard may only say which way the run went; where a run on those sizes fails too, the kernel is one that does not
    check what it reads.
    """

    def __init__(
        self,
        tracer: Tracer | OpaqueTracer,
        hypothesis: Hypothesis,
        guards: Sequence[Guard],
        answer: int | None = None,
    ) -> None:
        self._tracer = tracer
        self._answer = answer  # to what the model reads of its input, as in the run that succeeded
        self._hypothesis = hypothesis
        self._own = hypothesis.sizes()
        self._guards = [guard for guard in guards if not guard.artefact]
        self._known: dict[tuple[tuple[Axis, int], ...], bool] = {}
        self._harmless: Counter[frozenset[Axis]] = Counter()
        self._telling: set[frozenset[Axis]] = set()

    def refuses(self, sizes: dict[Axis, int]) -> bool:
        """Whether a guard excludes these sizes and a symbolic run on them fails."""
        changed = frozenset(axis for axis, size in sizes.items() if size != self._own[axis])
        if all(guard.holds(sizes) for guard in self._guards) or any(sizes[axis] < 2 for axis in changed):
            return False  # a symbolic run treats a size of 1 otherwise than those above
        key = tuple(sizes.items())
        if key not in self._known:
            if self._harmless[changed] >= _QUESTIONS and changed not in self._telling:
                return False  # the guards tell ways that the run may go, not what a kernel leaves unchecked
            self._known[key] = self._tracer.refutes(self._hypothesis.with_sizes(sizes), self._answer)
            if self._known[key]:
                self._telling.add(changed)
            self._harmless[changed] += 1
        return self._known[key]
