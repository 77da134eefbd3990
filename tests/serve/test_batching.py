"""Requests that are run together get their own answers, and only those are that the contract allows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks.fuzz.contracts import LISTS, PAIR, SCALARS
from contractgen.contract.codec import load_contract
from contractgen.contract.model import Dim, Output, Parameter, Tensor, Values
from contractgen.errors import UsageError
from contractgen.generate.render import render_validator
from contractgen.generate.sources import load_source
from contractgen.serve.application import ServerApplication
from contractgen.serve.batching import check_batches
from contractgen.serve.metrics import Metrics
from tests.generated import load
from tests.serve.command import ROOT, serving
from tests.serve.conftest import CONTRACT, W
from tests.serve.live import TIMEOUT, Reply, running, until

LINEAR = load_contract(CONTRACT)
TEXT = load_contract(ROOT / "sample_models/text/contract/contract.json")


class Gate:
    """A model that waits until it is let go, and remembers how many rows it was run on."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.entered = threading.Event()
        self.open = threading.Event()
        self.rows: list[int] = []

    def __call__(self, tensors: Any) -> Any:
        self.entered.set()
        assert self.open.wait(TIMEOUT)
        x = next(iter(tensors.values()))
        self.rows.append(len(x))
        return self.function(tensors)


def linear(tensors: Any) -> Any:
    if np.any(tensors["x"] == 13):
        raise ValueError("unlucky")
    return tensors["x"] @ W


def answers(contract: Any, function: Any, requests: list[Any], batch: int) -> tuple[list[Reply], Gate]:
    """The answers to requests that gather behind a first one, which holds the model's only thread."""
    gate = Gate(function)
    validator = load_source(render_validator(contract), "validator")
    app = ServerApplication(contract, validator, gate, Metrics("m", "c"), batch=batch, threads=1, log_requests=False)
    replies: dict[int, Reply] = {}

    def ask(number: int) -> None:
        replies[number] = site.send(requests[number])

    with running(app) as site:
        threads = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(len(requests))]
        threads[0].start()
        assert gate.entered.wait(TIMEOUT)
        for count, thread in enumerate(threads[1:], 2):
            thread.start()
            until(lambda count=count: app.pool.pending + len(replies) == count)  # type: ignore[misc]
        gate.open.set()
        for thread in threads:
            thread.join(TIMEOUT)
    return [replies[number] for number in range(len(requests))], gate


@pytest.fixture(scope="module")
def client() -> ModuleType:
    return load(CONTRACT.parent).client


def rows(*numbers: int) -> Any:
    return np.array(numbers, np.float32)[:, None] * np.linspace(0, 1, 20, dtype=np.float32)


def test_what_has_gathered_is_run_at_once_up_to_the_bound(client: ModuleType) -> None:
    given = [rows(1), rows(2), rows(3, 4), rows(5), rows(6), rows(7, 8, 9)]
    replies, gate = answers(LINEAR, linear, [client.serialize(x) for x in given], batch=4)
    assert gate.rows == [1, 4, 4]
    for x, reply in zip(given, replies, strict=True):
        np.testing.assert_allclose(client.deserialize(reply.body, reply.headers), x @ W, rtol=1e-4, atol=1e-5)


def test_each_answer_is_in_the_format_of_its_request(client: ModuleType) -> None:
    kinds = [client.BINARY, client.JSON, client.NPY, client.OPEN_INFERENCE_JSON]
    requests = [client.serialize(rows(number), content_type=kind) for number, kind in enumerate(kinds)]
    replies, gate = answers(LINEAR, linear, requests, batch=8)
    assert gate.rows == [1, 3]
    for number, reply in enumerate(replies):
        found = client.deserialize(reply.body, reply.headers)
        np.testing.assert_allclose(found, rows(number) @ W, rtol=1e-4, atol=1e-5)


def test_a_violation_never_joins(client: ModuleType) -> None:
    bad = client.serialize(rows(1))
    bad = type(bad)([bad.body[:-80] + b"\0\0\xc0\x7f" * 20], bad.content_type, bad.json_length)
    replies, gate = answers(LINEAR, linear, [client.serialize(rows(1)), bad, client.serialize(rows(2))], batch=8)
    assert [reply.status for reply in replies] == [200, 400, 200]
    assert replies[1].codes == ["value"]
    assert gate.rows == [1, 1]


def test_where_a_batch_fails_only_its_cause_does(client: ModuleType) -> None:
    unlucky = np.full((1, 20), 13, np.float32)
    requests = [client.serialize(x) for x in (rows(1), rows(2), unlucky, rows(3))]
    replies, gate = answers(LINEAR, linear, requests, batch=8)
    assert [reply.status for reply in replies] == [200, 200, 500, 200]
    assert gate.rows == [1, 3, 1, 1, 1]


def test_a_model_that_mixes_rows_up_is_not_believed(client: ModuleType) -> None:
    replies, gate = answers(
        LINEAR, lambda tensors: tensors["x"][:1] @ W, [client.serialize(rows(n)) for n in (1, 2, 3)], 8
    )
    assert gate.rows == [1, 2, 1, 1]
    for number, reply in enumerate(replies, 1):
        np.testing.assert_allclose(
            client.deserialize(reply.body, reply.headers), rows(number) @ W, rtol=1e-4, atol=1e-5
        )


def test_requests_of_other_sizes_stay_apart() -> None:
    own = load(ROOT / "sample_models/text/contract").client
    names = [part.name for part in TEXT.inputs]
    outputs = {output.node.wire_name: output.node for output in TEXT.outputs if isinstance(output.node, Tensor)}
    size = next(iter(outputs.values())).shape[1]
    assert isinstance(size, int)

    def model(tensors: Any) -> Any:
        ids = next(iter(tensors.values()))
        return np.repeat(ids.sum(1, keepdims=True).astype(np.float32), size, 1)

    def request(length: int) -> Any:
        return own.serialize(**{name: np.ones((1, length), np.int64) for name in names})

    replies, gate = answers(TEXT, model, [request(length) for length in (3, 3, 5, 3, 5)], batch=8)
    assert gate.rows == [1, 2, 2]
    sums = [float(np.asarray(own.deserialize(reply.body, reply.headers)).ravel()[0]) for reply in replies]
    assert sums == [3, 3, 5, 3, 5]


def test_all_places_taken_is_said_at_once(client: ModuleType) -> None:
    gate = Gate(linear)
    app = ServerApplication(
        LINEAR, load_source(render_validator(LINEAR), "validator"), gate, Metrics("m", "c"),
        batch=8, threads=1, waiting=1, log_requests=False,
    )  # fmt: skip
    request = client.serialize(rows(1))
    with running(app) as site:
        replies: list[Reply] = []
        threads = [threading.Thread(target=lambda: replies.append(site.send(request)), daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        until(lambda: app.pool.pending == 2)
        assert site.send(request).status == 503
        gate.open.set()
        for thread in threads:
            thread.join(TIMEOUT)
        assert [reply.status for reply in replies] == [200, 200]


def test_the_server_tells_how_many_it_ran_together(slow_graph: Path, client: ModuleType, tmp_path: Path) -> None:
    with serving(CONTRACT, slow_graph, "--batch", "16", "--threads", "1", folder=tmp_path) as served:
        x = rows(*range(10))
        request = client.serialize(x)
        replies: list[Reply] = []
        threads = [threading.Thread(target=lambda: replies.append(served.send(request)), daemon=True) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT)
        for reply in replies:
            np.testing.assert_allclose(client.deserialize(reply.body, reply.headers), x @ W, rtol=1e-4, atol=1e-4)
        metrics = served.metrics()
        assert metrics["contractgen_batch_requests_sum"] == 6


UNPROVEN = {
    "nothing proves": replace(LINEAR, evidence=()),
    "no dim": replace(LINEAR, dims={"batch": Dim()}),
    "x does not have batch as one axis": replace(LINEAR, inputs=(Parameter("x", Tensor("x", "float32", (1, 20))),)),
    "output does not have batch": replace(LINEAR, outputs=(Output("output", Tensor("output", "float32", ())),)),
    "depends on batch": replace(LINEAR, relations=(("<=", "batch", 4),)),
    "may contain depends on batch": replace(
        LINEAR, inputs=(Parameter("x", Tensor("x", "float32", ("batch", 20), Values(max="batch"))),)
    ),
}


@pytest.mark.parametrize(("reason", "contract"), UNPROVEN.items(), ids=UNPROVEN)
def test_without_a_proven_batch_axis_there_is_none(reason: str, contract: Any) -> None:
    with pytest.raises(UsageError, match=reason):
        check_batches(contract)


def test_contracts_by_hand_have_no_proof() -> None:
    assert check_batches(LINEAR) == "batch"
    for contract in (PAIR, LISTS, SCALARS):
        with pytest.raises(UsageError, match="cannot be batched"):
            check_batches(contract)
