"""Faults in contracts."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.mutants.mutant import Mutant, dims, in_contract, tensor
from contractgen.contract.model import (
    Contract,
    Dict,
    Dim,
    EachRow,
    Field,
    List,
    Optional,
    Output,
    Tensor,
    Tuple,
    Values,
)
from tests.verify.subjects import (
    FINITE,
    FRAMES,
    HALF,
    LINEAR,
    MASKED,
    MULTIMODAL,
    ORDERED,
    PADDED,
    PYRAMID,
    SUMMED,
    TEXT,
    UNET,
)


def parameter(contract: Contract, which: str, **changed: object) -> Contract:
    return replace(contract, inputs=tuple(replace(p, **changed) if p.name == which else p for p in contract.inputs))


def output(contract: Contract, index: int, node: object) -> Contract:
    outputs = [replace(o, node=node) if i == index else o for i, o in enumerate(contract.outputs)]
    return replace(contract, outputs=tuple(outputs))


def mask(*shape: str, name: str = "mask") -> Optional:
    return Optional(Tensor(name, "float32", shape, FINITE))


def pair_of(contract: Contract) -> Dict:
    node = contract.inputs[0].node
    assert isinstance(node, Dict)
    return node


def over_time(level: Tensor) -> Tensor:
    return replace(level, shape=(*level.shape[:2], "time"))


IMAGE = Tensor("batch.image", "int64", ("n",), Values(min=0, max=29))
LEVELS = (
    Tensor("levels.0", "float32", ("batch", 2, "fine"), FINITE),
    Tensor("levels.1", "float32", ("batch", 3, "coarse"), FINITE),
)
TEXTS = Tensor("batch.text", "int64", ("n",), Values(min=0, max=39))

MUTANTS: list[Mutant] = [
    in_contract(TEXT, "a maximum one too large", lambda c: dims(c, seq=Dim(max=13))),
    in_contract(TEXT, "a maximum one too small", lambda c: dims(c, seq=Dim(max=11))),
    in_contract(TEXT, "a maximum dropped", lambda c: dims(c, seq=Dim())),
    in_contract(TEXT, "a minimum one too large", lambda c: dims(c, seq=Dim(2, 12))),
    in_contract(TEXT, "a vocabulary one too large", lambda c: tensor(c, "ids", values=Values(min=0, max=50))),
    in_contract(TEXT, "a vocabulary one too small", lambda c: tensor(c, "ids", values=Values(min=0, max=48))),
    in_contract(TEXT, "negative ids allowed", lambda c: tensor(c, "ids", values=Values(min=-1, max=49))),
    in_contract(TEXT, "id 0 refused", lambda c: tensor(c, "ids", values=Values(min=1, max=49))),
    in_contract(TEXT, "a value domain dropped", lambda c: tensor(c, "ids", values=None)),
    in_contract(TEXT, "an upper bound dropped", lambda c: tensor(c, "ids", values=Values(min=0))),
    in_contract(TEXT, "a lower bound dropped", lambda c: tensor(c, "ids", values=Values(max=49))),
    in_contract(TEXT, "only even ids allowed", lambda c: tensor(c, "ids", values=Values(one_of=tuple(range(0, 50, 2))))),
    in_contract(TEXT, "an integer dtype changed", lambda c: tensor(c, "ids", dtype="int16")),
    in_contract(TEXT, "an optional made required", lambda c: parameter(c, "mask", node=mask("batch", "seq").node, required=True)),
    in_contract(TEXT, "a required made optional", lambda c: parameter(c, "ids", node=Optional(c.inputs[0].node), required=False)),
    in_contract(TEXT, "a tie dropped", lambda c: dims(parameter(c, "mask", node=mask("batch", "other")), other=Dim())),
    in_contract(TEXT, "the batch tie dropped", lambda c: dims(parameter(c, "mask", node=mask("rows", "seq")), rows=Dim())),
    in_contract(TEXT, "two axes swapped", lambda c: parameter(c, "mask", node=mask("seq", "batch"))),
    in_contract(TEXT, "an optional input forgotten", lambda c: replace(c, inputs=c.inputs[:1], evidence=())),
    in_contract(UNET, "a tie that is none", lambda c: replace(
        tensor(c, "x", shape=("batch", 3, "height", "height")),
        outputs=(Output("output", Tensor("output", "float32", ("batch", 1, "height", "height"))),),
        dims={"batch": Dim(), "height": Dim(2, None, 2)},
    )),
    in_contract(UNET, "a multiple dropped", lambda c: dims(c, height=Dim(2))),
    in_contract(UNET, "a multiple doubled", lambda c: dims(c, width=Dim(4, None, 4))),
    in_contract(UNET, "a minimum doubled", lambda c: dims(c, width=Dim(4, None, 2))),
    in_contract(UNET, "a number of channels changed", lambda c: tensor(c, "x", shape=("batch", 4, "height", "width"))),
    in_contract(UNET, "channels first made channels last", lambda c: tensor(c, "x", shape=("batch", "height", "width", 3))),
    in_contract(LINEAR, "a fixed size one larger", lambda c: tensor(c, "x", shape=("batch", 21))),
    in_contract(LINEAR, "a fixed size made free", lambda c: dims(tensor(c, "x", shape=("batch", "features")), features=Dim())),
    in_contract(LINEAR, "a free size made fixed", lambda c: replace(
        tensor(c, "x", shape=(2, 20)), outputs=(Output("output", Tensor("output", "float32", (2, 1))),), dims={}
    )),
    in_contract(LINEAR, "a batch of 1 refused", lambda c: dims(c, batch=Dim(2))),
    in_contract(LINEAR, "a batch limited", lambda c: dims(c, batch=Dim(1, 4))),
    in_contract(LINEAR, "batches made even", lambda c: dims(c, batch=Dim(2, None, 2))),
    in_contract(LINEAR, "a float dtype widened", lambda c: tensor(c, "x", dtype="float64")),
    in_contract(LINEAR, "a float dtype narrowed", lambda c: tensor(c, "x", dtype="float16")),
    in_contract(LINEAR, "NaN allowed", lambda c: tensor(c, "x", values=None)),
    in_contract(LINEAR, "a range that is none", lambda c: tensor(c, "x", values=Values(min=0, max=1))),
    in_contract(LINEAR, "another parameter name", lambda c: parameter(c, "x", name="features")),
    in_contract(LINEAR, "an output dtype changed", lambda c: output(c, 0, Tensor("output", "float64", ("batch", 1)))),
    in_contract(LINEAR, "an output size changed", lambda c: output(c, 0, Tensor("output", "float32", ("batch", 2)))),
    in_contract(LINEAR, "an output without its last axis", lambda c: output(c, 0, Tensor("output", "float32", ("batch",)))),
    in_contract(ORDERED, "a relation dropped", lambda c: replace(c, relations=())),
    in_contract(ORDERED, "a relation made strict", lambda c: replace(c, relations=(("<", "target", "source"),))),
    in_contract(ORDERED, "a relation turned round", lambda c: replace(c, relations=(("<=", "source", "target"),))),
    in_contract(ORDERED, "an order dropped", lambda c: tensor(c, "lengths", values=Values(min=1, max="source"))),
    in_contract(ORDERED, "an order turned round", lambda c: tensor(c, "lengths", values=Values(min=1, max="source", order="ascending"))),
    in_contract(ORDERED, "a bound by a size dropped", lambda c: tensor(c, "lengths", values=Values(min=1, order="descending"))),
    in_contract(ORDERED, "a bound by another size", lambda c: tensor(c, "lengths", values=Values(min=1, max="target", order="descending"))),
    in_contract(ORDERED, "lengths of 0 allowed", lambda c: tensor(c, "lengths", values=Values(min=0, max="source", order="descending"))),
    in_contract(ORDERED, "one column's vocabulary too large", lambda c: tensor(
        c, "table", values=Values(along_last=(Values(min=0, max=5), Values(min=0, max=8)))
    )),
    in_contract(ORDERED, "one column's vocabulary too small", lambda c: tensor(
        c, "table", values=Values(along_last=(Values(min=0, max=4), Values(min=0, max=7)))
    )),
    in_contract(ORDERED, "two columns swapped", lambda c: tensor(
        c, "table", values=Values(along_last=(Values(min=0, max=8), Values(min=0, max=4)))
    )),
    in_contract(FRAMES, "a derived size of another divisor", lambda c: dims(c, patches=Dim(equals=("//", "time", 2)))),
    in_contract(FRAMES, "a list of one length", lambda c: parameter(
        replace(c, evidence=(), dims={k: d for k, d in c.dims.items() if k != "count"}),
        "frames", node=List(Tensor("frames.*", "float32", ("batch", 2, "time"), FINITE), 2),
    )),
    in_contract(FRAMES, "a tuple turned round", lambda c: parameter(c, "pair", node=Tuple((
        Tensor("pair.0", "float32", ("batch",), FINITE), Tensor("pair.1", "float32", ("batch", 2, "time"), FINITE),
    )))),
    in_contract(FRAMES, "a size untied between list and tuple", lambda c: dims(parameter(c, "pair", node=Tuple((
        Tensor("pair.0", "float32", ("batch", 2, "other"), FINITE), Tensor("pair.1", "float32", ("batch",), FINITE),
    ))), other=Dim(4, None, 4))),
    in_contract(FRAMES, "two outputs swapped", lambda c: replace(c, outputs=(
        Output("output_0", Tensor("output_0", "float32", ("batch", 3))),
        Output("output_1", Tensor("output_1", "float32", ("batch", 3, "patches"))),
    ))),
    in_contract(FRAMES, "an output forgotten", lambda c: replace(c, outputs=c.outputs[:1])),
    in_contract(MULTIMODAL, "two vocabularies swapped", lambda c: parameter(c, "batch", node=Dict((
        Field("image", replace(IMAGE, values=TEXTS.values)), Field("text", replace(TEXTS, values=IMAGE.values)),
    )))),
    in_contract(MULTIMODAL, "a key renamed", lambda c: parameter(c, "batch", node=Dict((
        Field("picture", replace(IMAGE, wire_name="batch.picture")), Field("text", TEXTS),
    )))),
    in_contract(MULTIMODAL, "a key that the model never reads", lambda c: parameter(c, "batch", node=Dict((
        *pair_of(c).fields, Field("more", Tensor("batch.more", "int64", ("n",))),
    )))),
    in_contract(MULTIMODAL, "a key made optional", lambda c: parameter(c, "batch", node=Dict((
        Field("image", IMAGE), Field("text", TEXTS, required=False),
    )))),
    in_contract(MULTIMODAL, "a tie inside a dict dropped", lambda c: dims(parameter(c, "batch", node=Dict((
        Field("image", IMAGE), Field("text", replace(TEXTS, shape=("m",))),
    ))), m=Dim())),
    in_contract(MULTIMODAL, "an output key renamed", lambda c: output(c, 0, Dict((
        Field("points", Tensor("points", "float32", ("n",))), Field("joint", Tensor("joint", "float32", ("n", 8))),
    )))),
    in_contract(PADDED, "a largest length that need not be met", lambda c: tensor(
        c, "lengths", values=Values(min=1, max="time")
    )),
    in_contract(PADDED, "a longest length of another size", lambda c: tensor(
        c, "lengths", values=Values(min=1, max="batch", attained=True)
    )),
    in_contract(MASKED, "a row that a mask leaves nothing of", lambda c: tensor(
        c, "hidden", values=None
    )),
    in_contract(MASKED, "a row of zeros let in", lambda c: tensor(c, "shown", values=Values(one_of=(0, 1)))),
    in_contract(MASKED, "a zero wanted in each row", lambda c: tensor(
        c, "shown", values=Values(one_of=(0, 1), each_row=EachRow("zero"))
    )),
    in_contract(ORDERED, "a longest length that must be met", lambda c: tensor(
        c, "lengths", values=Values(min=1, max="source", order="descending", attained=True)
    )),
    in_contract(PYRAMID, "a list of levels made a tuple", lambda c: parameter(c, "levels", node=Tuple(LEVELS))),
    in_contract(PYRAMID, "levels turned round", lambda c: parameter(c, "levels", node=Tuple(LEVELS[::-1], "list"))),
    in_contract(PYRAMID, "levels of one size", lambda c: replace(
        c, dims={"batch": Dim(role="batch"), "time": Dim()},
        inputs=(replace(c.inputs[0], node=Tuple(tuple(over_time(level) for level in LEVELS), "list")),),
        outputs=(Output("output", Tuple(
            tuple(Tensor(f"output.{i}", "float32", ("batch", 4, "time")) for i in range(2)), "list"
        )),),
    )),
    in_contract(PYRAMID, "one channel more in a level", lambda c: parameter(c, "levels", node=Tuple((
        LEVELS[0], replace(LEVELS[1], shape=("batch", 4, "coarse")),
    ), "list"))),
    in_contract(HALF, "bfloat16 made float16", lambda c: tensor(c, "x", dtype="float16")),
    in_contract(HALF, "complex64 made complex128", lambda c: tensor(c, "wave", dtype="complex128")),
    in_contract(SUMMED, "a keyword made positional", lambda c: replace(c, inputs=(
        replace(c.inputs[1], kind="positional"), c.inputs[0],
    ))),
    in_contract(SUMMED, "a list that may be empty", lambda c: dims(c, count=Dim(0))),
]  # fmt: skip
