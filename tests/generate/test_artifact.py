"""The generated files as text: deterministic, clean, of old syntax, and never the contract's to write code in."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.fuzz.contracts import LINEAR, LISTS, PAIR, SCALARS
from contractgen.contract import model
from contractgen.contract.model import Constant, Contract, Dict, Dim, Field, Output, Parameter, Tensor, Tuple, Values
from contractgen.errors import UsageError
from contractgen.generate.assemble import RUNTIME, names_used
from contractgen.generate.check_code import is_flat
from contractgen.generate.features import FEATURES, features
from contractgen.generate.files import stale, write_files
from contractgen.generate.identifiers import identifiers
from contractgen.generate.pruning import pruned
from contractgen.generate.render import (
    CLIENT,
    DATA,
    OWN_NAMES,
    VALIDATOR,
    flatten_function,
    render,
    serialize_function,
    validate_function,
)
from tests.generate.modules import generated
from tests.generate.random_contracts import Maker

CONTRACTS = [LINEAR, PAIR, LISTS, SCALARS]

EVIL = [
    'a"""b', "a'b", "a\\", "a\nb", "__import__('os').system('true')", "class", "None", "__class__", "\uff58", "\u0445", "\u202e", "0",
    "a:b", "", " ", "{x}", "%s", "self", "np", "tensors", "SPEC", "content_type", "_", "print(1)#", "\ud800", "a]b", "*",
]  # fmt: skip


def evil_contract(name: str) -> Contract:
    wire = name.replace("*", "star")
    inputs = (
        Parameter(name or "x", Tensor(f"{wire}.a", "float32", ("batch", 2), Values(finite=True))),
        Parameter(
            "d", Dict((Field(name, Tensor(f"{wire}.b", "int64", ("batch",))), Field("c", Constant(name, "str"))))
        ),
    )
    outputs = (Output(name or "output", Tensor(f"{wire}.out", "float32", ("batch",))),)
    return Contract(name, inputs, outputs, {"batch": Dim()}, fingerprint=f"sha256:{'1' * 64}", description=name)


@pytest.mark.parametrize("name", EVIL)
def test_names_are_data_and_never_code(name: str) -> None:
    contract = evil_contract(name)
    if "\ud800" in name:
        pytest.skip("no JSON file holds a lone surrogate")
    generated_ = generated(contract)
    clean = generated(evil_contract("clean"))
    for ours, theirs in ((generated_.client, clean.client), (generated_.validator, clean.validator)):
        assert set(vars(ours)) == set(vars(theirs))
    x, ids = np.zeros((1, 2), np.float32), np.ones(1, np.int64)
    for content_type in (generated_.client.BINARY, generated_.client.JSON, generated_.client.NPZ):
        request = generated_.client.serialize(x, {name: ids, "c": name}, content_type=content_type)
        args, kwargs = generated_.validator.parse(request.body, request.headers)
        np.testing.assert_array_equal(args[0], x)
        assert args[1]["c"] == name
        assert not kwargs
    with pytest.raises(generated_.validator.ContractViolation):
        generated_.validator.validate(x, {name: x, "c": name})


@pytest.mark.parametrize("name", [name for name in EVIL if name not in ("\ud800", "*")])
def test_names_of_plain_tensors_are_data_and_never_code(name: str) -> None:
    wanted = name or "x"
    inputs = (
        Parameter(wanted, Tensor(wanted, "float32", (f"{wanted}", 2), Values(finite=True))),
        Parameter("n0", Tensor("n0", "int64", (f"{wanted}",)), "keyword"),
    )
    outputs = (Output("output", Tensor("output", "float32", (wanted,))),)
    made = generated(Contract(name, inputs, outputs, {wanted: Dim()}, fingerprint=f"sha256:{'1' * 64}"))
    x, ids = np.zeros((1, 2), np.float32), np.ones(1, np.int64)
    for content_type in (made.client.BINARY, made.client.JSON, made.client.NPZ):
        request = made.client.serialize(x, n0=ids, content_type=content_type)
        args, kwargs = made.validator.parse(request.body, request.headers)
        np.testing.assert_array_equal(args[0], x)
        np.testing.assert_array_equal(kwargs["n0"], ids)
    with pytest.raises(made.validator.ContractViolation):
        made.validator.validate(x[0], n0=ids)


def test_a_model_without_inputs_has_requests_too() -> None:
    outputs = (Output("output", Tensor("output", "float32", (1,))),)
    made = generated(Contract("nothing", (), outputs, {}, fingerprint=f"sha256:{'1' * 64}"))
    made.validator.validate()
    request = made.client.serialize(content_type=made.client.OPEN_INFERENCE_JSON)
    assert made.validator.parse(request.body, request.headers) == ((), {})
    with pytest.raises(made.validator.ContractViolation):
        made.validator.parse(b'{"x": 1}', {"Content-Type": "application/json"})


def test_identifiers_are_plain_different_and_readable() -> None:
    wanted = [*EVIL, "size", "size_"]
    names = identifiers(wanted, {"size"})
    assert len(set(names.values())) == len(set(wanted))
    assert all(one.isidentifier() and one.isascii() for one in names.values())
    readable = {"0": "input_0", "a:b": "a_b", "class": "class_", "size": "size_", "x": "x", "input.ids": "input_ids"}
    assert identifiers(readable, {"size"}) == readable


@pytest.mark.parametrize("name", ["columns", "blocks", "gather", "raw", "claims", "place"])
def test_a_parameter_keeps_its_name_beside_the_shared_code(name: str) -> None:
    made = generated(evil_contract(name))
    x, table = np.zeros((2, 2), np.float32), {name: np.ones(2, np.int64), "c": name}
    made.validator.validate(**{name: x}, d=table)
    request = made.client.serialize(**{name: x}, d=table)
    args, _ = made.validator.parse(request.body, request.headers)
    np.testing.assert_array_equal(args[0], x)


def test_the_names_that_functions_use_are_no_parameters() -> None:
    for contract in [*CONTRACTS, *(Maker(seed).contract() for seed in range(40))]:
        names = {part.name: f"neutral_{index}" for index, part in enumerate(contract.inputs)}
        functions = [validate_function(contract, names), serialize_function(contract, names)]
        functions += [] if is_flat(contract) else [flatten_function(contract, names, strict=True)]
        in_annotations_alone = {"Request", "None"}
        assert names_used("\n".join(functions)) - set(names.values()) - in_annotations_alone <= OWN_NAMES


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda one: one.name)
class TestTheText:
    def test_is_the_same_every_time(self, contract: Contract) -> None:
        code = "from benchmarks.fuzz.contracts import *; from contractgen.generate.render import render; "
        code += f"print(render({contract.name.upper()}))"
        texts = {
            subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."}, capture_output=True, check=True).stdout
            for seed in ("1", "2")
        }  # fmt: skip
        assert len(texts) == 1

    def test_has_the_syntax_of_python_3_9(self, contract: Contract) -> None:
        for text in render(contract).values():
            tree = ast.parse(text, feature_version=(3, 9))
            newer = {"slots", "kw_only", "weakref_slot"}
            assert not newer & {one.arg for one in ast.walk(tree) if isinstance(one, ast.keyword)}
            assert not [
                one
                for one in ast.walk(tree)
                if isinstance(one, ast.Call) and ast.unparse(one.func) == "zip" and one.keywords
            ]
            # Types joined by `|` are text until something evaluates them; as values they need 3.10.
            values = [node.value for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value]
            assert not [
                one
                for value in values
                for one in ast.walk(value)
                if isinstance(one, ast.BinOp) and isinstance(one.op, ast.BitOr)
            ]

    def test_copies_the_runtime_verbatim_as_far_as_it_is_needed(self, contract: Contract) -> None:
        for file, parts in (("client", CLIENT), ("validator", VALIDATOR)):
            copied = definitions(render(contract)[f"{file}.py"])
            for part in (DATA, *parts):
                source = pruned((RUNTIME / f"{part}.py").read_text(encoding="utf-8"), features(contract, file))
                for name, node in definitions(source).items():
                    assert name not in copied or ast.unparse(copied[name]) == ast.unparse(node)


def definitions(source: str) -> dict[str, ast.stmt]:
    found = ast.parse(source).body
    return {node.name: node for node in found if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


MANY = [*CONTRACTS, *(Maker(seed).contract() for seed in range(60))]
"""Contracts that between them need each part of the runtime with and without each other."""


def test_whatever_is_left_out_the_rest_is_formatted_and_clean(tmp_path: Path) -> None:
    for number, contract in enumerate(MANY):
        write_files(tmp_path / f"contract{number}", render(contract))
    root = RUNTIME.parents[2]
    rules = "B905,UP007,UP045,E501,RUF059"  # a derived size that nothing else binds is unpacked and not used
    for command in (
        ["ruff", "format", "--check", "--config", str(root / "pyproject.toml"), str(tmp_path)],
        ["ruff", "check", "--select", "E,F,W,I,B,UP,SIM,RUF", "--target-version", "py39", "--line-length", "120", "--ignore", rules, "--isolated", str(tmp_path)],
    ):  # fmt: skip
        done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_no_part_is_for_a_feature_that_no_contract_can_have() -> None:
    marks = [match for path in RUNTIME.glob("*.py") for match in re.findall(r"# only: (.*)", path.read_text("utf-8"))]
    wanted = {name for mark in marks for name in mark.split(", ")}
    seen = {name for contract in MANY for file in ("client", "validator") for name in features(contract, file)}
    assert wanted <= FEATURES
    assert wanted <= seen


class TestPruning:
    SOURCE = """\
table = {
    "a": 1,
    "b": 2,  # only: left
}


def first(x):
    # Only sometimes.
    if x == 1:  # only: left
        return 1

    if x == 2:  # only: left, right
        return 2
    elif x == 3:
        return 3
    return 4
"""

    @pytest.mark.parametrize(
        ("features_", "results"), [({"left"}, [1, 2, 3, 4]), ({"right"}, [4, 2, 3, 4]), (set(), [4, 4, 3, 4])]
    )
    def test_leaves_out_what_is_marked_for_others(self, features_: set[str], results: list[int]) -> None:
        scope: dict[str, Any] = {}
        exec(pruned(self.SOURCE, frozenset(features_)), scope)
        assert [scope["first"](x) for x in (1, 2, 3, 4)] == results
        assert list(scope["table"]) == (["a", "b"] if "left" in features_ else ["a"])

    def test_leaves_no_mark_and_no_comment_of_what_is_left_out(self) -> None:
        assert "only" not in pruned(self.SOURCE, frozenset({"left"}))
        assert "#" not in pruned(self.SOURCE, frozenset({"right"}))


def test_strict_types_hold(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    contracts = [*CONTRACTS, *MANY[len(CONTRACTS) :: 20]]
    for number, contract in enumerate(contracts):
        write_files(tmp_path / f"contract{number}", render(contract))
    for number in range(len(contracts)):
        for name in ("client", "validator"):
            path = tmp_path / f"contract{number}" / f"{name}.py"
            command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", str(path)]
            done = subprocess.run([*command, f"--cache-dir={tmp_path}/cache"], capture_output=True, text=True)
            assert done.returncode == 0, done.stdout


class TestFiles:
    def test_are_created_then_unchanged_then_updated(self, tmp_path: Path) -> None:
        assert {one.change for one in write_files(tmp_path / "a", render(LINEAR))} == {"created"}
        assert {one.change for one in write_files(tmp_path / "a", render(LINEAR))} == {"unchanged"}
        assert {one.change for one in write_files(tmp_path / "a", render(PAIR))} == {"updated"}
        assert not stale(tmp_path / "a", render(PAIR))

    def test_changed_by_hand_are_kept_unless_forced(self, tmp_path: Path) -> None:
        write_files(tmp_path, render(LINEAR))
        client = tmp_path / "client.py"
        client.write_text(client.read_text().replace("expected", "wanted"))
        with pytest.raises(UsageError, match=r"client\.py"):
            write_files(tmp_path, render(PAIR))
        assert not stale(tmp_path, {"validator.py": render(LINEAR)["validator.py"]})
        write_files(tmp_path, render(PAIR), force=True)
        assert not stale(tmp_path, render(PAIR))

    def test_that_are_not_ours_are_kept(self, tmp_path: Path) -> None:
        (tmp_path / "client.py").write_text("mine")
        with pytest.raises(UsageError):
            write_files(tmp_path, render(LINEAR))

    def test_that_are_missing_or_stale_are_shown_as_diffs(self, tmp_path: Path) -> None:
        write_files(tmp_path, {"client.py": render(LINEAR)["client.py"]})
        diffs = {diff.path.name: diff.text for diff in stale(tmp_path, render(PAIR))}
        assert diffs["validator.py"].startswith("--- /dev/null")
        assert "-CONTRACT" not in diffs["validator.py"]
        assert "+SPEC" in diffs["validator.py"]
        assert diffs["client.py"].startswith(f"--- {tmp_path}/client.py")


def test_a_signature_is_forwards_own() -> None:
    tensor = Tensor("x", "float32", ("batch",))
    inputs = (
        Parameter("x", tensor),
        Parameter("mask", Tensor("mask", "bool", ("batch",)), required=False),
        Parameter("rest", model.List(Tensor("rest.*", "int64", ("batch",)), "count"), "variadic"),
        Parameter("scale", model.Optional(Tensor("scale", "float64", ())), "keyword"),
        Parameter("flag", Constant(False, "bool"), "keyword", required=False),
        Parameter(
            "pair", Tuple((Tensor("pair.0", "int8", ()), Tensor("pair.1", "int8", ()))), "keyword", required=False
        ),
    )
    outputs = (Output("output", Tensor("output", "float32", ("batch",))),)
    contract = Contract("signature", inputs, outputs, {"batch": Dim(), "count": Dim(min=0)})
    function = next(
        node for node in ast.parse(render(contract)["client.py"]).body if isinstance(node, ast.FunctionDef) and node.name == "serialize"
    )  # fmt: skip
    assert ast.unparse(function.args) == (
        "x: npt.ArrayLike, mask: npt.ArrayLike | None=None, *rest: npt.ArrayLike, scale: npt.ArrayLike | None, "
        "flag: bool=False, pair: tuple[npt.ArrayLike, npt.ArrayLike] | None=None, "
        "content_type: str='application/octet-stream'"
    )
    made = generated(contract)
    x, y = np.ones(2, np.float32), np.ones(2, np.int64)
    request = made.client.serialize(x, None, y, y, scale=None)
    args, kwargs = made.validator.parse(request.body, request.headers)
    assert [one if one is None else one.dtype for one in args] == [np.float32, None, np.int64, np.int64]
    assert kwargs == {"scale": None}
    with pytest.raises(TypeError):
        made.client.serialize(x, None, y, scale=None, wrong=1)


def test_what_every_call_gives_may_stand_behind_what_may_be_left_out() -> None:
    row = ("batch", 2)
    inputs = (
        Parameter("x", Tensor("x", "float32", row)),
        Parameter("mask", Tensor("mask", "bool", row), required=False),
        Parameter("y", Tensor("y", "float32", row)),
    )
    outputs = (Output("output", Tensor("output", "float32", row)),)
    made = generated(Contract("late", inputs, outputs, {"batch": Dim()}, fingerprint=f"sha256:{'1' * 64}"))
    x, mask = np.zeros((3, 2), np.float32), np.ones((3, 2), np.bool_)
    for args, kwargs in (
        ((x, mask, x), {}),
        ((x,), {"y": x}),
        ((x, None, x), {}),
        ((), {"y": x, "x": x, "mask": mask}),
    ):
        made.validator.validate(*args, **kwargs)
        request = made.client.serialize(*args, **kwargs)
        given, named = made.validator.parse(request.body, request.headers)
        assert len(given) + len(named) == (3 if mask is (args[1:2] or (kwargs.get("mask"),))[0] else 2)
    with pytest.raises(made.validator.ContractViolation) as caught:
        made.validator.validate(x)
    assert [(one.path, one.code) for one in caught.value.violations] == [("inputs.y", "missing")]
