"""What a contract looks like in the terminal."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console, RenderableType

from contractgen.contract.model import Contract, Dim, EachRow, Parameter, Tensor, Tuple, Values
from contractgen.report import phrases, text
from contractgen.report.layout import Columns
from contractgen.report.results import ClaimResult, Difference, Finding, Rate, RuntimeResult, Verification
from tests.report.contracts import EVERYTHING


def printed(renderable: RenderableType, width: int = 200) -> str:
    stream = StringIO()
    Console(file=stream, width=width, highlight=False).print(renderable)
    return stream.getvalue()


def test_a_signature_has_one_readable_line_per_tensor() -> None:
    assert printed(text.signature(EVERYTHING)).splitlines() == [
        "everything  sha256:00",
        "One of each.",
        "",
        "Inputs",
        "  batch['ids']   int64    [batch, seq]        0 to 999",
        "  batch['mask']  int64    [batch, seq]        one of 0, 1; optional",
        "  frames[*]      float32  [batch, 3, height]  finite; a list of frames",
        "  pair[0]        bool     []",
        "  pair[1]        float16  [2]                 not NaN",
        "  bias           float32  [batch]             0.5 or less; optional; or None",
        "  scale          int      = 2                 optional; keyword only; constant, not sent",
        "",
        "Outputs",
        "  output['logits']  float32  [batch, 2]",
        "",
        "Dims",
        "  batch    1 or more                     batch axis",
        "  seq      1 to 512",
        "  frames   4",
        "  height   16 or more, a multiple of 16",
        "  patches  = height // 16",
        "",
        "Relations",
        "  seq <= height",
    ]


def test_a_list_of_unlike_items_is_told_from_a_tuple() -> None:
    items = (Tensor("levels.0", "float32", (4,)), Tensor("levels.1", "float32", (2,)))
    for sequence, notes in (("list", ("in a list of 2",)), ("tuple", ())):
        node = Tuple(items, sequence)  # type: ignore[arg-type]
        lines = phrases.input_lines(Contract("m", (Parameter("levels", node),), EVERYTHING.outputs))
        assert [(line.path, line.notes) for line in lines] == [("levels[0]", notes), ("levels[1]", notes)]


def test_assumed_claims_are_asked_and_the_others_are_explained() -> None:
    asked = text.questions(EVERYTHING)
    assert asked is not None
    assert printed(asked).splitlines() == [
        "Please confirm (assumed, nothing proves it)",
        "  ?  tensor batch.ids: dtype  int32 ran too; is int64 meant?",
    ]
    explained = text.evidence(EVERYTHING)
    assert explained is not None
    assert printed(explained).splitlines() == ["Evidence", "  dim seq: max  weights  position.weight has 512 rows"]


def test_a_contract_without_evidence_asks_and_explains_nothing() -> None:
    bare = Contract("bare", EVERYTHING.inputs, EVERYTHING.outputs)
    assert text.questions(bare) is None
    assert text.evidence(bare) is None


def test_the_last_column_wraps_under_itself() -> None:
    rows = [["a", "one two three four five six seven eight nine ten"]]
    assert printed(Columns(rows), width=34).splitlines() == [
        "  a  one two three four five six",
        "     seven eight nine ten",
    ]


def test_markup_in_names_is_text() -> None:
    assert printed(Columns([["[red]x[/red]", "[bold]"]])).strip() == "[red]x[/red]  [bold]"


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        (None, ""),
        (Values(min=0), "0 or more"),
        (Values(max="seq"), "seq or less"),
        (Values(max="seq", along_last=(Values(min=0, max=0),)), "seq or less, [..., 0] 0"),
        (Values(min=("-", "seq", 1), max="seq"), "seq - 1 to seq"),
        (Values(finite=True, order="descending"), "finite, descending along the last axis"),
        (Values(min=1, max="seq", attained=True), "1 to seq, the largest seq"),
        (Values(one_of=(0, 1), each_row=EachRow("nonzero")), "one of 0, 1, at least 1 nonzero in each row"),
        (Values(along_last=(Values(max=3), Values())), "[..., 0] 3 or less; [..., 1] anything"),
    ],
)
def test_a_value_domain_is_said_in_words(domain: Values | None, words: str) -> None:
    assert phrases.values(domain) == words


def test_a_dim_with_one_size_is_that_size() -> None:
    assert phrases.dim(Dim(min=3, max=3)) == "3"


VERIFIED = Verification(
    model="linear",
    fingerprint="sha256:00",
    seed=0,
    seconds=1.0,
    soundness=Rate(9, 10),
    completeness=Rate(20, 20),
    refused_by_client=Rate(20, 20),
    refused_by_validator=Rate(20, 20),
    refused_by_code={"shape": 12, "dtype": 8},
    policies={"other rank": 2},
    round_trips={"npy": 5, "json": 5},
    runtimes=(
        RuntimeResult("eager", available=True, run=10),
        RuntimeResult(
            "onnx",
            available=True,
            run=10,
            disagreed=1,
            worst=Difference(1.5, 3e-5, "output", "c7", ("x float32 [1, 20]",)),
        ),
        RuntimeResult("torchscript", available=False, reason="scripting failed"),
    ),
    claims=(ClaimResult("dim:batch.min", "batch is 1 or more", 3, 0),),
    findings=(
        Finding("parity", "", "onnx differs from eager", "c7", ("x  float32 [1, 20]",), "onnx", count=3),
        Finding("complete", "dim:batch.max", "is 64 meant?", severity="question"),
    ),
    not_run=2,
)


def test_a_verification_shows_its_figures_and_the_smallest_input_of_a_finding() -> None:
    lines = [line.rstrip() for line in printed(text.verification(VERIFIED)).splitlines()]
    assert lines[:2] == ["Verified", "  sound     9/10   accepted inputs ran, and every runtime agreed"]
    assert "  complete  20/20  refused inputs fail in the model, or a stated policy accounts for them" in lines
    assert "            20/20  bad inputs stopped by the validator (dtype 8, shape 12)" in lines
    assert "  policies  2      the kernels take more than is meant: other rank 2" in lines
    assert "  onnx         9/10      ran and agreed; worst difference 3e-05 in output (1.5 of the tolerance)" in lines
    assert "  torchscript  not made  scripting failed" in lines
    assert any(line.split() == ["never", "broken", "batch", "is", "1", "or", "more"] for line in lines)
    assert "  note  2 cases left out by the budget" in lines
    at = lines.index("parity: onnx differs from eager (3 cases)")
    assert lines[at + 1 :] == [
        "        x  float32 [1, 20]",
        "  in    onnx",
        "  case  c7",
        "complete: is 64 meant?",
    ]


def test_a_diff_keeps_every_line() -> None:
    unified = "--- a\n+++ b\n@@ -1 +1 @@\n-x [bold]\n+y\n"
    assert printed(text.diff(unified)) == unified
