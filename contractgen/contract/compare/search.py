"""From a question to its answer: a witness, a proof that there is none, or that it was not found out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Literal, TypeAlias, Union

from contractgen.contract.compare.admits import refusals
from contractgen.contract.compare.build import Builder, sizes_of_judge
from contractgen.contract.compare.claims import Demand, Question, Sizes, Way, structural
from contractgen.contract.compare.message import Witness
from contractgen.contract.compare.pair import Pairing, paired
from contractgen.contract.compare.presence import Needs, choices
from contractgen.contract.compare.root import Side
from contractgen.contract.compare.scene import Context, Scene, scenes
from contractgen.contract.compare.value_claims import Elements
from contractgen.contract.model import Contract

_MOST_WAYS: Final = 400

Answer: TypeAlias = Union[Witness, Literal["none", "unknown"]]


@dataclass
class Search:
    """Looks for messages of one side that ``given`` allows and ``judge`` refuses.

    Responses are looked at together with the request that both contracts allow; where no request is allowed by both,
    they are looked at alone.
    """

    given: Contract
    judge: Contract
    side: Side
    _subject: Pairing = field(init=False)
    _context: Pairing | None = field(init=False)
    _base: Needs = field(init=False)

    def __post_init__(self) -> None:
        self._subject = paired(self.given, self.judge, self.side)
        self._context = paired(self.given, self.judge, "input") if self.side == "output" else None
        self._base = frozenset()
        if self._context is not None:
            self._base = _forced(self._context)
            if not self._has_messages():
                self._context, self._base = None, frozenset()

    @property
    def is_alone(self) -> bool:
        """Whether responses are looked at without a request, since none is allowed by both."""
        return self.side == "output" and self._context is None

    def questions(self) -> Iterator[Question]:
        """All that the judge claims of this side."""
        yield from structural(self._subject.breaks)
        context = tuple(self._context.positions) if self._context else ()
        sizes = Sizes(self.given, self.judge, self.side, tuple(self._subject.positions), context)
        yield from sizes.questions()
        for leaf in (*self._subject.leaves, *(self._context.leaves if self._context else ())):
            yield from Elements(leaf, sizes).questions()

    def answer(self, question: Question) -> Answer:
        """Whether some message breaks what the question is about."""
        answer: Answer = "none"
        if question.lacks in self._base:
            return "none"
        found = list(self._scenes(question.needs | self._base))
        ways = question.ways()
        for way in islice(ways, _MOST_WAYS):
            for scene in found:
                outcome = self._try(question.rule, scene, way)
                if isinstance(outcome, Witness):
                    return outcome
                answer = "unknown" if "unknown" in (outcome, answer) else "none"
        if not question.complete or next(ways, None) is not None or any(not scene.choice.complete for scene in found):
            return "unknown"
        return answer

    def _try(self, rule: str, scene: Scene, way: Way) -> Answer:
        numbers = [] if way.demand is None else [number for _, number in way.demand.numbers]
        if any(isinstance(one, (str, tuple)) and scene.size_of(one) is None for one in numbers):
            return "none"
        sizes = scene.solve(way.conditions, way.bounds)
        if not isinstance(sizes, dict):
            return sizes
        witness = self._witness(scene, sizes, way.demand)
        if self._refused(self.given, witness):
            # Ordered columns are filled one after the other, which need not find the row that there is.
            return "unknown"
        if self._context is not None and refusals(self.judge, witness.request, with_response=False):
            return "unknown"
        # A message that breaks something else is the answer to another question.
        return witness if rule in self._refused(self.judge, witness) else "none"

    def _refused(self, contract: Contract, witness: Witness) -> set[str]:
        found = refusals(contract, witness.request, witness.response, with_response=witness.has_response)
        return {one.rule for one in found if one.side == "output" or not self.is_alone}

    def _has_messages(self) -> bool:
        return any(scene.solve([]) != "none" for scene in self._scenes(self._base))

    def _scenes(self, needs: Needs) -> Iterator[Scene]:
        sides: tuple[Side, ...] = ("output",) if self.is_alone else ("input",)
        context = None
        if self._context is not None:
            sides = ("input", "output")
            context = Context(self.judge, "input", tuple(self._context.positions), tuple(self._context.breaks))
        return scenes(self.given, choices(self.given, sides, needs), context)

    def _witness(self, scene: Scene, sizes: dict[str, int], demand: Demand | None) -> Witness:
        parts = [self._subject, *([self._context] if self._context else [])]
        shown = [
            (one.judge, one.given) for part in parts for one in part.positions if one.needs <= scene.choice.switches
        ]
        builder = Builder(
            self.given,
            self.judge,
            {(leaf.side, leaf.path): leaf for part in parts for leaf in part.leaves},
            scene,
            sizes,
            sizes_of_judge(shown, scene, sizes),
            demand,
        )
        request = None if self.is_alone else builder.message("input")
        if self.side == "input":
            return Witness(request)
        return Witness(request, builder.message("output"), has_response=True)


def _forced(context: Pairing) -> Needs:
    """What a request needs to have so that the judge allows it, where it is the given contract's choice."""
    base: Needs = frozenset()
    while True:
        more = frozenset(one.lacks for one in context.breaks if one.lacks is not None and one.needs <= base)
        if more <= base:
            return base
        base |= more
