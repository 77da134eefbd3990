from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contractgen.contract.parsing import MAX_DEPTH, ContractError, key_path, parse_json
from contractgen.errors import UsageError

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda below: st.lists(below) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), below),
    max_leaves=20,
)


@given(plain)
def test_reads_what_json_writes(data: object) -> None:
    assert parse_json(json.dumps(data)) == data


@pytest.mark.parametrize(
    ("text", "path", "problem"),
    [
        ('{"a": [1, {"b": 1, "b": 1}]}', "$.a[1].b", 'the member "b" occurs twice'),
        ('{"a": 1, "a": 2, "a": 3}', "$.a", "occurs twice"),
        ('{"x-a.b": 1.0}', '$["x-a.b"]', "1.0 is not an integer"),
        ("[1e3]", "$[0]", "1e3 is not an integer; a decimal is written as a string"),
        ("[0, NaN]", "$[1]", "NaN is not JSON"),
        ("-Infinity", "$", "-Infinity is not JSON"),
        ('{"max": 9007199254740992}', "$.max", "9007199254740992 is beyond 2^53 - 1"),
        ('{"max": -9007199254740992}', "$.max", "beyond 2^53 - 1"),
        ('{"max": ' + "9" * 10_000 + "}", "$.max", "beyond 2^53 - 1"),
        ('["\\ud800"]', "$[0]", "surrogate"),
        ('{"\\udc00": 1}', "$", "surrogate"),
        ("", "", "not JSON: line 1, column 1"),
        ("{'a': 1}", "", "not JSON: line 1, column 2"),
        ('{"a": 1}}', "", "not JSON"),
        ("\ufeff{}", "", "not JSON"),
        ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), "$" + "[0]" * (MAX_DEPTH + 1), "nested more than"),
        ("[" * 200_000 + "]" * 200_000, "$", "nested more than"),
        ('{"a":' * 200_000 + "1" + "}" * 200_000, "$", "nested more than"),
    ],
    ids=lambda value: value[:30],
)
def test_refuses_what_two_readers_could_understand_differently(text: str, path: str, problem: str) -> None:
    with pytest.raises(ContractError) as caught:
        parse_json(text)
    assert caught.value.path == path
    assert problem in caught.value.problem
    assert len(caught.value.problem) < 120


def test_a_surrogate_pair_is_one_character() -> None:
    assert parse_json('"\\ud83d\\ude00"') == "😀"


def test_the_error_is_a_usage_error_that_starts_with_file_and_path() -> None:
    error = ContractError("$.dims.seq", "has no size", hint="give it one", file="contract.json")
    assert isinstance(error, UsageError)
    assert error.exit_code == 2
    assert str(error) == "contract.json: $.dims.seq: has no size"
    assert error.hint == "give it one"


@pytest.mark.parametrize(
    ("key", "path"), [("a_b-1", "$.a_b-1"), ("a.b", '$["a.b"]'), ('"', '$["\\""]'), ("", '$[""]'), ("1", '$["1"]')]
)
def test_keys_that_are_no_words_are_quoted_in_paths(key: str, path: str) -> None:
    assert key_path("$", key) == path
