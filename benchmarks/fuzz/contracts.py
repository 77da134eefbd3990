"""The contracts that are fuzzed: those of the samples, and some that hold every construct."""

from __future__ import annotations

from pathlib import Path

from contractgen.contract import model
from contractgen.contract.codec import load_contract
from contractgen.contract.model import (
    Constant,
    Dict,
    Dim,
    Field,
    List,
    Optional,
    Output,
    Parameter,
    Tensor,
    Tuple,
    Values,
)

ROOT = Path(__file__).parents[2]
OUTPUTS = (Output("output", Tensor("output", "float32", ("batch", 2))),)
BATCH = {"batch": Dim()}


def made(
    name: str, inputs: tuple[Parameter, ...], dims: dict[str, Dim], relations: tuple[model.Expr, ...] = ()
) -> model.Contract:
    """A contract with the same output as the others."""
    return model.Contract(name, inputs, OUTPUTS, dims, relations, fingerprint=f"sha256:{'7' * 64}")


LINEAR = made("linear", (Parameter("x", Tensor("x", "float32", ("batch", 20), Values(finite=True))),), BATCH)
PAIR = made(
    "pair",
    (
        Parameter(
            "batch",
            Dict(
                (
                    Field("image", Tensor("batch.image", "float32", ("batch", 3, "height", 8), Values(not_nan=True))),
                    Field("ids", Tensor("batch.ids", "int64", ("batch", "seq"), Values(min=0, max=999))),
                    Field("mask", Tensor("batch.mask", "bool", ("batch", "seq")), required=False),
                    Field("flag", Constant(True, "bool"), required=False),
                )
            ),
        ),
        Parameter(
            "lengths", Tensor("lengths", "int32", ("batch",), Values(min=1, max="seq")), "keyword", required=False
        ),
    ),
    {"batch": Dim(max=8), "height": Dim(min=8, max=32, multiple_of=8), "seq": Dim(max=12)},
)
LISTS = made(
    "lists",
    (
        Parameter(
            "frames",
            List(
                Dict(
                    (
                        Field("a", Tensor("frames.*.a", "uint8", ("batch", 2))),
                        Field("b", Tensor("frames.*.b", "float16", ("batch",))),
                    )
                ),
                "count",
            ),
        ),
        Parameter(
            "pair",
            Tuple(
                (
                    Tensor("pair.0", "float64", ()),
                    Optional(Tensor("pair.1", "complex64", ("batch",), Values(finite=True))),
                )
            ),
        ),
        Parameter(
            "rest", List(Tensor("rest.*", "bfloat16", ("batch", "half"), Values(min="-1.5", max=4)), 2), "keyword"
        ),
    ),
    {"batch": Dim(), "count": Dim(max=4), "half": Dim(equals=("//", "count", 2))},
    (("<=", "count", ("+", "batch", 3)),),
)
SCALARS = made(
    "scalars",
    tuple(
        Parameter(f"p{i}", Tensor(f"p{i}", dtype, ("batch",) if i % 2 else ()))
        for i, dtype in enumerate(("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "float64"))
    ),
    {"batch": Dim(min=0)},
)  # fmt: skip


def contracts() -> list[model.Contract]:
    """All of them."""
    samples = [load_contract(path) for path in sorted(ROOT.glob("sample_models/*/contract/contract.json"))]
    return [LINEAR, PAIR, LISTS, SCALARS, *samples]
