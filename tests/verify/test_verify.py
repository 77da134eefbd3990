"""`verify` end to end: sound models pass, and each kind of fault is found with the input that shows it."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
import torch
from torch import nn

from contractgen.contract.canonical import seal
from contractgen.contract.model import Contract, Dim, Evidence, Output, Parameter, Tensor, Tuple, Values
from contractgen.errors import UsageError
from contractgen.generate.render import render
from contractgen.infer.forked import Outcome
from contractgen.report.results import Verification
from contractgen.verify import verify
from contractgen.verify.judging import death
from tests.verify.subjects import (
    FRAMES,
    HALF,
    LINEAR,
    ORDERED,
    PYRAMID,
    SUBJECTS,
    SUMMED,
    TEXT,
    UNET,
    Linear,
    Loaded,
    Subject,
    Text,
)


def check(
    subject: Subject,
    *,
    contract: Contract | None = None,
    model: nn.Module | None = None,
    runtimes: tuple[str, ...] = (),
    client: tuple[str, str] = ("", ""),
    **options: object,
) -> Verification:
    contract = subject.contract if contract is None else seal(replace(contract, fingerprint=""))
    sources = render(contract)
    loaded = subject.loaded() if model is None else Loaded(model.eval())
    return verify(
        contract,
        loaded,  # type: ignore[arg-type]
        client_source=sources["client.py"].replace(*client),
        validator_source=sources["validator.py"],
        runtimes=runtimes,
        **{"max_cases": 10, "budget": 2.0, **options},  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_a_model_that_keeps_its_contract_passes_with_every_claim_exercised_on_both_sides(subject: Subject) -> None:
    result = check(subject)
    assert result.findings == ()
    assert result.ok
    assert result.not_exercised == ()
    assert result.soundness.good == result.soundness.cases > 10
    assert result.refused_by_client.good == result.refused_by_client.cases == result.refused_by_validator.good


@pytest.mark.slow
@pytest.mark.parametrize("subject", [TEXT, SUMMED, HALF, FRAMES, PYRAMID], ids=lambda subject: subject.contract.name)
def test_every_graph_that_can_be_made_agrees_with_eager(subject: Subject) -> None:
    result = check(subject, runtimes=("torchscript", "pt2", "onnx"))
    made = [runtime for runtime in result.runtimes if runtime.available and runtime.name != "eager"]
    assert made
    assert all(runtime.disagreed == 0 and runtime.run > 0 for runtime in made)
    assert all(runtime.reason for runtime in result.runtimes if not runtime.available)
    assert result.ok


def test_a_graph_that_cannot_be_made_is_a_note_with_its_reason() -> None:
    result = check(ORDERED, runtimes=("pt2",))
    (missing,) = [runtime for runtime in result.runtimes if runtime.name == "pt2"]
    assert not missing.available
    assert missing.reason.startswith("torch.export: ")
    assert result.ok


def test_a_contract_wider_than_the_model_is_unsound_and_the_input_is_the_smallest() -> None:
    result = check(TEXT, contract=replace(TEXT.contract, dims={**TEXT.contract.dims, "seq": Dim()}))
    finding = next(finding for finding in result.findings if finding.kind == "sound")
    assert not result.ok
    assert finding.input[0].startswith("ids: int64[1, 13]")


def test_a_contract_that_says_tuple_for_the_models_list_is_unsound() -> None:
    (levels,) = PYRAMID.contract.inputs
    assert isinstance(levels.node, Tuple)
    told = replace(PYRAMID.contract, inputs=(replace(levels, node=Tuple(levels.node.items)),))
    result = check(PYRAMID, contract=told)
    assert {finding.kind for finding in result.findings} == {"sound"}


def test_a_contract_narrower_than_the_model_is_incomplete() -> None:
    result = check(LINEAR, contract=replace(LINEAR.contract, dims={"batch": Dim(max=4)}))
    (finding,) = result.findings
    assert (finding.kind, finding.claim, finding.case) == ("complete", "dim:batch.max", "dim:batch.max/above")
    assert finding.input[0].startswith("x: float32[5, 20]")


def test_what_the_user_declared_may_be_narrower_than_the_model() -> None:
    evidence = (Evidence("dim:batch", "max", "declared", "four at a time"),)
    result = check(LINEAR, contract=replace(LINEAR.contract, dims={"batch": Dim(max=4)}, evidence=evidence))
    assert result.ok
    assert result.policies["declared"] == 1


def test_what_was_assumed_is_asked_about_and_does_not_fail() -> None:
    evidence = (Evidence("dim:batch", "max", "assumed", "is it?"),)
    result = check(LINEAR, contract=replace(LINEAR.contract, dims={"batch": Dim(max=4)}, evidence=evidence))
    assert [finding.severity for finding in result.findings] == ["question"]
    assert result.ok


def test_a_client_without_a_check_is_found() -> None:
    result = check(TEXT, client=("seq > 12", "seq > 99"))
    assert any(f.kind == "sound" and f.runtime == "client" and f.claim == "dim:seq.max" for f in result.findings)


def test_a_client_that_does_not_load_is_a_finding() -> None:
    result = check(TEXT, client=("def serialize(", "def serialize(("))
    assert [finding.kind for finding in result.findings] == ["wire"]
    assert "SyntaxError" in result.findings[0].message


class Dying(Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] == 1:
            os.abort()
        return super().forward(x)


class Spoilt(Linear):
    """The first input of one row breaks the model for good."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] == 1:
            self.layer = nn.Linear(3, 1)
        return super().forward(x)


class Random(Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + torch.rand(())


def test_a_crash_is_an_outcome_that_ends_nothing_else() -> None:
    result = check(LINEAR, model=Dying())
    (finding,) = result.findings
    assert "SIGABRT" in finding.message
    eager = result.runtimes[0]
    assert 0 < eager.failed < eager.run


def test_a_model_that_spoils_itself_is_met_fresh_by_the_next_case() -> None:
    result = check(LINEAR, model=Spoilt())
    eager = result.runtimes[0]
    assert 0 < eager.failed < eager.run


def test_random_results_are_compared_by_shape_and_said_so() -> None:
    result = check(LINEAR, model=Random())
    assert result.ok
    assert {runtime.compared for runtime in result.runtimes} == {"shapes"}
    assert any("vary from run to run" in note for note in result.notes)


def test_the_same_seed_gives_the_same_figures() -> None:
    def figures(seed: int) -> dict[str, object]:
        body = check(TEXT, seed=seed, max_cases=5, budget=60.0).to_json()
        del body["seconds"]
        return body

    assert figures(1) == figures(1)


def test_a_case_can_be_replayed_alone_and_so_can_a_shrunk_one() -> None:
    class Odd(Text):
        def forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
            if ids.shape[0] > 2 and ids.shape[1] > 3:
                raise RuntimeError("odd")
            return super().forward(ids, mask)

    finding = check(TEXT, model=Odd(), max_cases=60).findings[0]
    assert finding.case.startswith("valid/at:batch=3,seq=4")
    again = check(TEXT, model=Odd(), case=finding.case)
    assert [(f.message, f.input) for f in again.findings] == [(finding.message, finding.input)]
    assert again.soundness.cases == 1


def test_an_unknown_case_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no case is called"):
        check(TEXT, case="valid/nothing")


def test_an_example_that_the_contract_refuses_is_found() -> None:
    result = check(LINEAR, example=((torch.zeros(20),), {}))
    assert any("refuses the example" in finding.message for finding in result.findings)


class Counting(nn.Module):
    """Sums the steps that its lengths count; a length past the end counts them all, and one below 0 none."""

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return (x * (torch.arange(x.shape[1]) < lengths[:, None])).sum(1, keepdim=True), lengths


def test_a_bound_beyond_which_numbers_act_as_it_does_is_accounted_for() -> None:
    row = Tensor("x", "float32", ("batch", "seq"), Values(finite=True))
    lengths = Tensor("lengths", "int64", ("batch",), Values(min=0, max="seq"))
    contract = Contract(
        "counting",
        (Parameter("x", row), Parameter("lengths", lengths)),
        (
            Output("total", Tensor("total", "float32", ("batch", 1))),
            Output("lengths", Tensor("lengths", "int64", ("batch",))),
        ),
        {"batch": Dim(role="batch"), "seq": Dim()},
    )
    result = check(LINEAR, contract=seal(contract), model=Counting())
    assert result.policies["saturated"] > 0
    assert result.ok


class Placed(nn.Module):
    """A table of 9 places bounds a sequence whose places are not given."""

    def __init__(self, *, anywhere: bool = False) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(7, 3), nn.Embedding(9, 3)
        self.anywhere = anywhere

    def forward(self, ids: torch.Tensor, positions: torch.Tensor | None = None) -> torch.Tensor:
        if positions is None:
            steps = torch.arange(ids.shape[1])
            positions = steps % 9 if self.anywhere else steps
        return (self.words(ids) + self.places(positions)).mean((1, 2))


def test_a_bound_that_holds_without_an_optional_input_is_accounted_for() -> None:
    ids = Tensor("ids", "int64", ("batch", "seq"), Values(min=0, max=6))
    positions = Tensor("positions", "int64", ("batch", "seq"), Values(min=0, max=8))
    contract = Contract(
        "placed",
        (Parameter("ids", ids), Parameter("positions", positions, required=False)),
        (Output("output", Tensor("output", "float32", ("batch",))),),
        {"batch": Dim(role="batch"), "seq": Dim(max=9)},
    )
    result = check(LINEAR, contract=seal(contract), model=Placed())
    assert result.policies["optional"] > 0
    assert result.ok
    wider = check(LINEAR, contract=seal(contract), model=Placed(anywhere=True))
    assert "seq is at most 9" in next(f.message for f in wider.findings if f.kind == "complete")


def test_a_dropped_remainder_accounts_for_a_multiple() -> None:
    class Cropping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 1, 2, stride=2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x).flatten(1).sum(-1, keepdim=True)

    outputs = LINEAR.contract.outputs
    result = check(UNET, contract=replace(UNET.contract, outputs=outputs), model=Cropping())
    assert result.policies["remainder"] > 0
    assert result.ok


@pytest.mark.parametrize("reads_all", [False, True])
def test_a_remainder_is_dropped_where_only_the_size_of_the_result_follows_it(reads_all: bool) -> None:
    class Labelling(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 1, 2, stride=2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            labels = nn.functional.interpolate(self.conv(x), size=x.shape[2:])
            return labels + x.mean((1, 2, 3), keepdim=True) if reads_all else labels

    result = check(UNET, model=Labelling())
    assert result.ok is not reads_all
    if not reads_all:
        assert result.policies["remainder"] > 0


class SharedTable(nn.Module):
    """Two columns of ids that offsets move into one table."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(7, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.table(x + torch.tensor([0, 3])).sum((1, 2)).unsqueeze(1)


def test_an_assumed_bound_of_a_column_is_a_question() -> None:
    columns = (Values(min=0, max=2), Values(min=0, max=3))
    x = Tensor("x", "int64", ("batch", 2), Values(along_last=columns))
    output = Output("output", Tensor("output", "float32", ("batch", 1)))
    assumed = tuple(
        Evidence("tensor:x", f"values.along_last[{column}].{name}", "assumed", "rows of another column")
        for column, name in ((0, "max"), (1, "min"))
    )
    dims = {"batch": Dim(role="batch")}
    contract = Contract("shared", (Parameter("x", x),), (output,), dims, evidence=assumed)
    result = check(LINEAR, contract=seal(contract), model=SharedTable())
    assert {finding.severity for finding in result.findings if finding.kind == "complete"} == {"question"}
    assert result.ok


class Kept(nn.Module):
    """Keeps the rows whose first number is positive: how many come out, the data decide."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[x[:, 0] > 0]


def test_an_output_whose_size_the_data_decide_is_sound() -> None:
    x = Tensor("x", "float32", ("rows", 3))
    output = Output("output", Tensor("output", "float32", ("kept", 3)))
    contract = Contract("kept", (Parameter("x", x),), (output,), {"rows": Dim(), "kept": Dim(min=0)})
    result = check(LINEAR, contract=seal(contract), model=Kept())
    assert not result.findings
    assert result.ok


class Greedy(nn.Module):
    """Wants more memory for a long input than any machine has."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] > 6:
            torch.empty(1 << 45, dtype=torch.float64)
        return x.sum(1, keepdim=True)


def test_an_input_that_the_machine_has_no_memory_for_is_a_question() -> None:
    x = Tensor("x", "float32", ("batch", "features"), Values(finite=True))
    output = Output("output", Tensor("output", "float32", ("batch", 1)))
    dims = {"batch": Dim(role="batch"), "features": Dim()}
    contract = Contract("greedy", (Parameter("x", x),), (output,), dims)
    result = check(LINEAR, contract=seal(contract), model=Greedy())
    found = [finding for finding in result.findings if "memory" in finding.message]
    assert {(finding.kind, finding.severity) for finding in found} == {("sound", "question")}


def test_a_run_that_ends_for_want_of_memory_is_a_question_and_one_that_crashes_an_error() -> None:
    short = death(Outcome("error", error_type="MemoryError", message="out of memory"))
    assert (short.severity, short.same) == ("question", "memory")
    killed = death(Outcome("crash", message="killed by signal 11"))
    assert (killed.severity, killed.same) == ("error", "died")


class Spread(nn.Module):
    """A wave by its own mean and spread: of one element there is no spread."""

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        return (wave - wave.mean(-1, keepdim=True)) / (wave.std(-1, keepdim=True) + 1e-5)


class Never(nn.Module):
    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        return wave * float("nan")


@pytest.mark.parametrize(
    ("model", "least", "accounted"),
    [(Spread, 2, True), (Spread, 3, False), (Never, 2, False)],
    ids=["no spread of one", "two have one", "never finite"],
)
def test_a_size_that_alone_spoils_the_output_accounts_for_a_minimum(
    model: type[nn.Module], least: int, accounted: bool
) -> None:
    contract = seal(
        Contract(
            "spread",
            (Parameter("wave", Tensor("wave", "float32", ("batch", "length"), Values(finite=True))),),
            (Output("output", Tensor("output", "float32", ("batch", "length"))),),
            {"batch": Dim(role="batch"), "length": Dim(least)},
        )
    )
    found = [f for f in check(Subject(model, contract)).findings if f.severity == "error" and f.kind == "complete"]
    assert ("dim:length.min/below" not in [finding.case for finding in found]) is accounted


class Columns(nn.Module):
    """A column of floats names a category: a fraction of one is cut to the whole number."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        category, factor = x.unbind(1)
        return self.table(category.long()) * factor[:, None]


def test_a_fraction_beyond_the_bound_of_a_column_acts_as_the_bound_does() -> None:
    domain = Values(along_last=(Values(min=0, max=4), Values(finite=True)))
    contract = Contract(
        "columns",
        (Parameter("x", Tensor("x", "float32", ("batch", 2), domain)),),
        (Output("output", Tensor("output", "float32", ("batch", 3))),),
        {"batch": Dim(role="batch")},
    )
    torch.manual_seed(0)
    result = check(LINEAR, contract=seal(contract), model=Columns())
    assert result.findings == ()
    assert result.policies["saturated"] > 0
