"""The page of a contract."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from contractgen.contract.model import Contract, Parameter, Tensor
from contractgen.report.html import page
from contractgen.report.results import Verification
from tests.report.contracts import EVERYTHING
from tests.report.test_results import RESULT


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


def read(contract: Contract, results: Verification | None = None) -> Page:
    parser = Page()
    parser.feed(page(contract, results))
    assert parser.open == []
    return parser


def test_the_page_says_all_that_the_contract_says() -> None:
    text = read(EVERYTHING).text
    for words in (
        "batch['ids']",
        "0 to 999",
        "= height // 16",
        "seq <= height",
        "position.weight has 512 rows",
        "sha256:00",
    ):
        assert words in text
    assert text.index("int32 ran too") < text.index("Inputs")


def test_the_page_needs_nothing_from_elsewhere() -> None:
    seen = read(EVERYTHING)
    assert seen.links == []
    assert "script" not in seen.tags
    assert "url(" not in page(EVERYTHING)
    assert "@import" not in page(EVERYTHING)


def test_names_from_a_model_are_text() -> None:
    hostile = "</td><script>alert(1)</script>"
    contract = replace(EVERYTHING, name=hostile, inputs=(Parameter(hostile, Tensor(hostile, "int64", ())),))
    seen = read(contract)
    assert "script" not in seen.tags
    assert hostile in seen.text


def test_the_results_of_a_check_stand_on_the_page_the_findings_first() -> None:
    text = read(EVERYTHING, RESULT).text
    for words in (
        "2 findings",
        "with 30 inputs",
        "onnx differs from eager: by 1",
        "x: float32[0, 20]",
        "dim:batch.min/zero",
        "9/10",
        "1 of 2 claims exercised on both sides",
        "never broken",
    ):
        assert words in text
    assert text.index("Findings") < text.index("Inputs") < text.index("Runtimes")


def test_what_a_check_says_is_text() -> None:
    hostile = "</pre><script>alert(1)</script>"
    finding = replace(
        RESULT.findings[0], message=hostile, input=(hostile,), case=hostile, runtime=hostile, claim=hostile
    )
    claims = (replace(RESULT.claims[0], id=hostile, text=hostile, inside=0),)
    runtimes = (replace(RESULT.runtimes[0], available=False, reason=hostile),)
    result = replace(RESULT, findings=(finding,), claims=claims, runtimes=runtimes, notes=(hostile,))
    seen = read(EVERYTHING, result)
    assert "script" not in seen.tags
    assert seen.text.count(hostile) >= 9
