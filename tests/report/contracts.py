"""A contract with one of everything that a report has words for."""

from __future__ import annotations

from contractgen.contract.model import (
    Constant,
    Contract,
    Dict,
    Dim,
    Evidence,
    Field,
    List,
    Optional,
    Output,
    Parameter,
    Tensor,
    Tuple,
    Values,
)

EVERYTHING = Contract(
    name="everything",
    description="One of each.",
    fingerprint="sha256:00",
    inputs=(
        Parameter(
            "batch",
            Dict(
                (
                    Field("ids", Tensor("batch.ids", "int64", ("batch", "seq"), Values(min=0, max=999))),
                    Field(
                        "mask", Tensor("batch.mask", "int64", ("batch", "seq"), Values(one_of=(0, 1))), required=False
                    ),
                )
            ),
        ),
        Parameter("frames", List(Tensor("frames.*", "float32", ("batch", 3, "height"), Values(finite=True)), "frames")),
        Parameter(
            "pair", Tuple((Tensor("pair.0", "bool", ()), Tensor("pair.1", "float16", (2,), Values(not_nan=True))))
        ),
        Parameter("bias", Optional(Tensor("bias", "float32", ("batch",), Values(max="0.5"))), required=False),
        Parameter("scale", Constant(2, "int"), kind="keyword", required=False),
    ),
    outputs=(Output("output", Dict((Field("logits", Tensor("logits", "float32", ("batch", 2))),))),),
    dims={
        "batch": Dim(role="batch"),
        "seq": Dim(max=512),
        "frames": Dim(min=4, max=4),
        "height": Dim(min=16, multiple_of=16),
        "patches": Dim(equals=("//", "height", 16)),
    },
    relations=(("<=", "seq", "height"),),
    evidence=(
        Evidence("dim:seq", "max", "weights", "position.weight has 512 rows"),
        Evidence("tensor:batch.ids", "dtype", "assumed", "int32 ran too; is int64 meant?"),
    ),
)
