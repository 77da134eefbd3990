from __future__ import annotations

from typing import Any

import torch
from torch import nn

from contractgen.contract.model import Contract, Values
from contractgen.contract.tree import leaves
from tests.infer.conftest import inferred


class Answers(nn.Module):
    """A question and whether it was answered well, as one id of a table of both."""

    def __init__(self, questions: int, *, apart: bool = False) -> None:
        super().__init__()
        self.questions = questions
        self.table = nn.Embedding(2 * questions, 4)
        self.other = nn.Embedding(2, 4) if apart else None

    def forward(self, question: torch.Tensor, well: torch.Tensor) -> Any:
        if self.other is not None:
            return self.table(question) + self.other(well)
        return self.table(question + self.questions * well)


def values(contract: Contract) -> dict[str, Values | None]:
    return {leaf.tensor.wire_name: leaf.tensor.values for leaf in leaves(contract.inputs)}


def test_an_id_is_bounded_by_what_runs_beside_every_answer() -> None:
    contract = inferred(Answers(9))
    assert values(contract) == {"question": Values(0, 8), "well": Values(0, 1)}
    [why] = [e.detail for e in contract.evidence if (e.about, e.property) == ("tensor:question", "values.max")]
    assert why == "8 ran, 9 failed, beside 1 in well; alone it would run up to 17"
    assert not [e for e in contract.evidence if e.about == "model" and e.property == "values"]


def test_ids_of_tables_of_their_own_keep_their_bounds() -> None:
    assert values(inferred(Answers(9, apart=True))) == {"question": Values(0, 17), "well": Values(0, 1)}
