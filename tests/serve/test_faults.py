"""What goes wrong in front of a server: bad and slow clients, too many of them, the end of the process."""

from __future__ import annotations

import http.client
import io
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from contractgen.contract.codec import dumps
from contractgen.contract.model import Contract, Output, Parameter, Tensor
from tests.serve.command import Served, serving
from tests.serve.conftest import CONTRACT, W
from tests.serve.live import in_background, last_answer, rest_of, until

IN_FLIGHT = "contractgen_in_flight"


@pytest.fixture(scope="module")
def strict(graph: Path, tmp_path_factory: pytest.TempPathFactory) -> Served:  # type: ignore[misc]
    folder = tmp_path_factory.mktemp("strict")
    with serving(CONTRACT, graph, "--read-timeout", "0.5", "--max-body", "100000", folder=folder) as served:
        yield served


HALVES = {
    "nothing at all": (b"", 408),
    "half a head": (b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Le", 408),
    "half a body": (b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{", 408),
    "half a chunk": (b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{", 408),
    "a head without end": (b"GET /ping HTTP/1.1\r\n" + b"X-A: b\r\n" * 10_000, 431),
    "a body without end": (
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        + (b"fff\r\n" + b" " * 4095 + b"\r\n") * 40, 413,
    ),
    "a length beyond the limit": (b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n", 413),
    "a length beyond all numbers": (b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 19 + b"\r\n\r\n", 413),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "a length that is none": (b"POST /invocations HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "status"), HALVES.values(), ids=HALVES)
def test_a_client_that_sends_no_whole_request_is_told_and_left(strict: Served, sent: bytes, status: int) -> None:
    with strict.connect() as connection:
        connection.sendall(sent)
        reply = last_answer(rest_of(connection))
    assert reply.status == status
    assert reply.codes in ([], ["malformed"])
    assert strict.get("/v2/health/ready").status == 200


def test_half_a_head_behind_a_whole_request_is_not_waited_for_either(strict: Served) -> None:
    with strict.connect() as connection:
        connection.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /ping HT")
        assert last_answer(rest_of(connection)).status == 408


def test_many_half_requests_leave_room_for_whole_ones(strict: Served, client: ModuleType) -> None:
    connections = [strict.connect() for _ in range(200)]
    try:
        for number, connection in enumerate(connections):
            connection.sendall([HALVES["half a head"], HALVES["half a body"]][number % 2][0])
        assert strict.send(client.serialize(np.zeros((1, 20), np.float32))).status == 200
        answers = [last_answer(rest_of(connection)).status for connection in connections]
        assert answers == [408] * 200
    finally:
        for connection in connections:
            connection.close()


def test_of_many_requests_at_once_each_gets_its_own_answer(served: Served, client: ModuleType) -> None:
    before = served.metrics()

    def ask(number: int) -> int:
        x = np.full((1, 20), number, np.float32)
        if number % 10 == 0:
            reply = served.post("/invocations", client.serialize(x).body[:-1], **client.serialize(x).headers)
            assert reply.codes == ["malformed"]
        else:
            reply = served.send(client.serialize(x))
            np.testing.assert_allclose(client.deserialize(reply.body, reply.headers), x @ W, rtol=1e-5, atol=1e-3)
        return reply.status

    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(ask, range(400)))
    assert statuses == {200: 360, 400: 40}
    after = served.metrics()
    key = 'contractgen_violations_total{code="malformed",path="body"}'
    assert after[key] - before.get(key, 0.0) == 40
    key = 'contractgen_requests_total{path="/invocations",status="200"}'
    assert after[key] - before.get(key, 0.0) == 360


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A contract and a graph whose answers have 16 MB, more than the kernel's buffers hold."""
    size = 4 << 20
    contract = Contract(
        "large",
        (Parameter("x", Tensor("x", "float32", (1,))),),
        (Output("output", Tensor("output", "float32", (size,))),),
        {},
    )
    made = helper.make_graph(
        [helper.make_node("Expand", ["x", "size"], ["output"])], "large",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [size])],
        [helper.make_tensor("size", TensorProto.INT64, [1], [size])],
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("large")
    (folder / "contract.json").write_text(dumps(contract))
    onnx.save(
        helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), str(folder / "large.onnx")
    )
    return folder / "contract.json", folder / "large.onnx"


def test_a_client_that_does_not_take_its_answer_is_left(large: tuple[Path, Path], tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.ones(1, np.float32))
    body = buffer.getvalue()
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-npy\r\nContent-Length: {len(body)}\r\n\r\n"
    with serving(*large, "--write-timeout", "1", folder=tmp_path) as served:
        with served.connect() as connection:
            connection.sendall(head.encode() + body)
            until(lambda: any(event["event"] == "answer not taken" for event in served.events))
            assert len(rest_of(connection)) < 16 << 20
        reply = served.post("/invocations", body, Content_Type="application/x-npy")
        np.testing.assert_array_equal(np.load(io.BytesIO(reply.body)), np.ones(4 << 20, np.float32))


class TestAfterSigterm:
    def test_what_was_accepted_is_answered(self, slow_graph: Path, client: ModuleType, tmp_path: Path) -> None:
        x = np.ones((20, 20), np.float32)
        with serving(CONTRACT, slow_graph, "--threads", "1", folder=tmp_path) as served:
            idle = served.connect()
            half = served.connect()
            half.sendall(HALVES["half a head"][0])
            replies, threads = in_background(served, client.serialize(x), 6)
            until(lambda: served.metrics()[IN_FLIGHT] == 7)
            assert served.stop() == 0
            for thread in threads:
                thread.join(30)
            assert [reply.status for reply in replies] == [200] * 6
            for reply in replies:
                np.testing.assert_allclose(client.deserialize(reply.body, reply.headers), x @ W, rtol=1e-5, atol=1e-5)
            with pytest.raises(ConnectionRefusedError):
                served.get("/ping")
            assert rest_of(idle) == b""
            told = [event["event"] for event in served.events if event["event"] != "request"]
            assert told == ["opened", "process serves", "draining", "drained"]

    def test_nothing_is_waited_for_beyond_the_bound(self, slow_graph: Path, client: ModuleType, tmp_path: Path) -> None:
        options = ("--threads", "1", "--drain-timeout", "1")
        with serving(CONTRACT, slow_graph, *options, folder=tmp_path) as served:
            request = client.serialize(np.ones((100_000, 20), np.float32))
            connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
            connection.request("POST", "/invocations", request.body, request.headers)
            until(lambda: served.metrics()[IN_FLIGHT] == 2)
            assert served.stop() == 1
            answer = connection.getresponse()
            assert (answer.status, json.loads(answer.read())) == (
                503,
                {"error": "the server has ended", "violations": []},
            )
            assert served.events[-1]["event"] == "drained"
            assert served.events[-1]["cut"] == 1


def test_beyond_its_places_the_server_says_503_at_once(slow_graph: Path, client: ModuleType, tmp_path: Path) -> None:
    options = ("--threads", "1", "--queue", "1", "--drain-timeout", "1")
    with serving(CONTRACT, slow_graph, *options, folder=tmp_path) as served:
        request = client.serialize(np.ones((40, 20), np.float32))
        replies, threads = in_background(served, request, 8)
        for thread in threads:
            thread.join(30)
        statuses = Counter(reply.status for reply in replies)
        assert statuses[503] >= 1
        assert statuses[200] >= 2
        assert statuses[200] + statuses[503] == 8
        for reply in replies:
            if reply.status == 503:
                assert reply.codes == []
                assert reply.headers["retry-after"] == "1"
        assert served.send(request).status == 200


class TestTheLog:
    def test_has_a_line_for_each_request_by_its_id(self, served: Served, client: ModuleType) -> None:
        request = client.serialize(np.zeros((1, 20), np.float32))
        own = served.send(request, X_Request_Id="abc").headers["x-request-id"]
        given = served.ask(
            "POST", "/invocations", b"[[1]]", {"X-Request-Id": "mine-1", "Content-Type": "application/json"}
        )
        assert given.headers["x-request-id"] == "mine-1"
        until(lambda: any(event.get("id") == "mine-1" for event in served.events))
        line = next(event for event in served.events if event.get("id") == "mine-1")
        assert (line["event"], line["path"], line["status"], line["codes"]) == (
            "request",
            "/invocations",
            400,
            ["shape"],
        )
        assert own != ""

    @pytest.mark.parametrize("identity", ['"},{"', "a b", "x" * 129, ""])
    def test_takes_no_id_that_is_none(self, served: Served, identity: str) -> None:
        reply = served.ask("GET", "/ping", headers={"X-Request-Id": identity})
        assert reply.headers["x-request-id"] != identity

    def test_is_json_whatever_is_asked_for(self, served: Served) -> None:
        path = '/%22%0a{"event":"fake"}'
        assert served.get(path).status == 404
        until(lambda: any(event.get("path") == "other" for event in served.events))
        assert all(json.dumps(event) and event["event"] != "fake" for event in served.events)
