"""What goes wrong in front of a server: bad and slow clients, too many of them, the end of the process, its death."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.serve.command import Served, serving
from tests.serve.conftest import CONTRACT, W
from tests.serve.live import Reply, Site, rest_of, until

IN_FLIGHT = "contractgen_in_flight"


@pytest.fixture(scope="module")
def strict(graph: Path, tmp_path_factory: pytest.TempPathFactory) -> Served:  # type: ignore[misc]
    folder = tmp_path_factory.mktemp("strict")
    with serving(CONTRACT, graph, "--read-timeout", "0.5", "--max-body", "100000", folder=folder) as served:
        yield served


def last_answer(raw: bytes) -> Reply:
    """The one answer on a connection that was closed after it."""
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert headers["connection"] == "close"
    assert int(headers["content-length"]) == len(body)
    return Reply(int(status.split()[1]), headers, body)


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


def in_background(site: Site, request: object, count: int) -> tuple[list[Reply], list[threading.Thread]]:
    """So many requests at once, and where their answers go."""
    replies: list[Reply] = []
    threads = [threading.Thread(target=lambda: replies.append(site.send(request)), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return replies, threads


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
            assert [event["event"] for event in served.events if event["event"] != "request"] == ["draining", "drained"]

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


class TestProcesses:
    def test_one_that_is_killed_is_replaced_while_the_others_serve(
        self, graph: Path, client: ModuleType, tmp_path: Path
    ) -> None:
        with serving(CONTRACT, graph, "--workers", "2", "--no-request-log", folder=tmp_path) as served:
            until(lambda: len(pids(served)) == 2)
            request = client.serialize(np.ones((1, 20), np.float32))
            lost: list[str] = []
            statuses: Counter[int] = Counter()
            stop = threading.Event()

            def ask() -> None:
                while not stop.is_set():
                    try:
                        statuses[served.send(request).status] += 1
                    except (
                        OSError,
                        http.client.HTTPException,
                    ) as error:  # it was being answered by the process that died
                        lost.append(type(error).__name__)

            threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
            for thread in threads:
                thread.start()
            until(lambda: statuses[200] > 50)
            os.kill(pids(served)[0], signal.SIGKILL)
            until(lambda: len(pids(served)) == 3)
            reached = statuses[200]
            until(lambda: statuses[200] > reached + 50)
            stop.set()
            for thread in threads:
                thread.join(30)
            assert set(statuses) == {200}, "the other process has room for all"
            assert len(lost) <= 4, "no more than one request of each client was in the process that died"
            died = next(event for event in served.events if event["event"] == "process died")
            assert died["exit_code"] == -signal.SIGKILL
            counted = served.metrics()['contractgen_requests_total{path="/invocations",status="200"}']
            assert statuses[200] <= counted <= statuses[200] + len(lost), "of all processes, the dead one too"

    def test_while_there_is_none_all_is_refused(self, graph: Path, client: ModuleType, tmp_path: Path) -> None:
        with serving(CONTRACT, graph, "--workers", "2", folder=tmp_path) as served:
            until(lambda: len(pids(served)) == 2)
            # The supervisor is held until a request waits, so that no new process can be there first.
            served.process.send_signal(signal.SIGSTOP)
            for pid in pids(served):
                os.kill(pid, signal.SIGKILL)
            until(lambda: not any(is_alive(pid) for pid in pids(served)))
            request = client.serialize(np.ones((1, 20), np.float32))
            replies, threads = in_background(served, request, 1)
            threads[0].join(0.2)
            served.process.send_signal(signal.SIGCONT)
            threads[0].join(30)
            (refused,) = replies
            assert (refused.status, refused.codes, refused.headers["retry-after"]) == (503, [], "1")
            until(lambda: len(pids(served)) == 4)
            assert served.send(request).status == 200
            assert served.get("/v2/health/ready").status == 200

    def test_all_end_with_the_supervisor(self, graph: Path, tmp_path: Path) -> None:
        with serving(CONTRACT, graph, "--workers", "2", folder=tmp_path) as served:
            until(lambda: len(pids(served)) == 2)
            served.process.kill()
            served.process.wait(30)
            until(lambda: not any(is_alive(pid) for pid in pids(served)))


def pids(served: Served) -> list[int]:
    """The processes that have served."""
    return [event["process"] for event in served.events if event["event"] == "process serves"]


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


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
