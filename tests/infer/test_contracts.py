"""Whole inferences of tiny models, with the exact dims, shapes and contents that a person would write down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from torch import nn

from contractgen.contract.model import Constant, Dict, Dim, Field, List, Optional, Output, Parameter, Tensor, Values
from tests.infer.conftest import BATCH, inferred
from tests.infer.expected import floats, ids
from tests.infer.tiny import (
    Columns,
    Contextual,
    Frames,
    Graph,
    Keyed,
    Keywords,
    Positioned,
    Rows,
    Skipping,
    Spans,
    TimeFirst,
    TwoResults,
    Typed,
)

ANY = Dim()


def out(*shape: int | str, name: str = "output") -> Output:
    return Output(name, Tensor(name, "float32", shape))


@dataclass(frozen=True)
class Case:
    module: Callable[[], nn.Module]
    dims: dict[str, Dim]
    inputs: tuple[Parameter, ...]
    outputs: tuple[Output, ...]


CASES = {
    "rows of a linear layer": Case(
        Rows, {"batch": BATCH}, (Parameter("x", floats("x", "batch", 6)),), (out("batch", 4),)
    ),
    "text with positions and an optional mask": Case(
        Positioned,
        {"batch": BATCH, "seq": Dim(max=16)},
        (
            Parameter("ids", ids("ids", 30, "batch", "seq")),
            Parameter(
                "attention_mask",
                Tensor("attention_mask", "int64", ("batch", "seq"), Values(one_of=(0, 1))),
                required=False,
            ),
        ),
        (out("batch", 2),),
    ),
    "a mapping of ids and numbers": Case(
        Keyed,
        {"batch": BATCH, "seq": ANY},
        (
            Parameter(
                "batch",
                Dict(
                    (
                        Field("ids", ids("batch.ids", 30, "batch", "seq")),
                        Field("dense", floats("batch.dense", "batch", 6)),
                    )
                ),
            ),
        ),
        (Output("output", Dict((Field("logits", Tensor("logits", "float32", ("batch", 4))),))),),
    ),
    "an image that is halved and doubled": Case(
        Skipping,
        {"batch": BATCH, "height": Dim(2, None, 2), "width": Dim(2, None, 2)},
        (Parameter("image", floats("image", "batch", 1, "height", "width")),),
        (out("batch", 1, "height", "width"),),
    ),
    "two tensors of one batch and two results": Case(
        TwoResults,
        {"batch": BATCH},
        (Parameter("x", floats("x", "batch", 6)), Parameter("y", floats("y", "batch", 6))),
        (out("batch", 4, name="output_0"), Output("output_1", Tensor("output_1", "int64", ("batch",)))),
    ),
    "a vocabulary per column": Case(
        Columns,
        {"batch": BATCH},
        (
            Parameter(
                "categories",
                Tensor(
                    "categories",
                    "int64",
                    ("batch", 2),
                    Values(along_last=(Values(min=0, max=4), Values(min=0, max=6))),
                ),
            ),
        ),
        (out("batch", 2),),
    ),
    "a graph": Case(
        Graph,
        {"nodes": ANY, "edges": ANY},
        (
            Parameter("x", floats("x", "nodes", 6)),
            Parameter("edge_index", Tensor("edge_index", "int64", (2, "edges"), Values(min=0, max=("-", "nodes", 1)))),
        ),
        (out("nodes", 4),),
    ),
    "a list of any length": Case(
        Frames,
        {"batch": BATCH, "frames_count": ANY},
        (Parameter("frames", List(floats("frames.*", "batch", 6), "frames_count")),),
        (out("batch", 4),),
    ),
    "a dataclass with a default": Case(
        Typed,
        {"batch": BATCH, "seq": ANY},
        (
            Parameter(
                "request",
                Dict(
                    (
                        Field("ids", ids("request.ids", 30, "batch", "seq")),
                        Field("dense", floats("request.dense", "batch", 6)),
                        Field("scale", Constant("2.0", "float")),
                    )
                ),
            ),
        ),
        (out("batch", 4),),
    ),
    "a named tuple, and flags at their defaults": Case(
        Spans,
        {"batch": BATCH},
        (
            Parameter(
                "span",
                Dict((Field("start", floats("span.start", "batch", 6)), Field("end", floats("span.end", "batch", 6)))),
            ),
            Parameter("gain", Constant("2.0", "float"), "keyword", required=False),
            Parameter("normalize", Constant(value=False, type="bool"), "keyword", required=False),
        ),
        (out("batch", 4),),
    ),
    "names of a catch-all": Case(
        Keywords,
        {"batch": BATCH, "seq": ANY},
        (
            Parameter("ids", ids("ids", 30, "batch", "seq"), "keyword"),
            Parameter("dense", floats("dense", "batch", 6), "keyword"),
        ),
        (out("batch", 4),),
    ),
    "a recurrent layer with time first": Case(
        TimeFirst,
        {"seq": ANY, "batch": BATCH},
        (Parameter("x", floats("x", "seq", "batch", 6, values=Values(not_nan=True))),),
        (out("seq", "batch", 4),),
    ),
    "a context that has to be given, be it as None": Case(
        Contextual,
        {"batch": BATCH, "seq": ANY},
        (
            Parameter("ids", ids("ids", 30, "batch", "seq")),
            Parameter("context", Optional(floats("context", "batch", 6))),
        ),
        (out("batch", 4),),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_model_has_the_contract_that_a_person_would_write(case: Case) -> None:
    contract = inferred(case.module())
    assert contract.inputs == case.inputs
    assert contract.outputs == case.outputs
    assert contract.dims == case.dims
    assert contract.relations == ()
    assert [e for e in contract.evidence if e.source == "assumed" and e.about == "model"] == []
