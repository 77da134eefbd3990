"""A process dies, by its model or by a signal: another takes its place, and what it held is answered."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from tests.serve.command import Served, serving
from tests.serve.conftest import CONTRACT
from tests.serve.live import Reply, in_background, last_answer, rest_of, until

IN_FLIGHT = "contractgen_in_flight"
CLIENTS = 6

CRASHING = """
import ctypes
import torch


class Crashing(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(20, 1))

    def forward(self, x):
        if x[0, 0] == 13:
            ctypes.string_at(0)
        return x @ self.weight
"""


def pids(served: Served) -> list[int]:
    """The processes that have served."""
    return [event["process"] for event in served.events if event["event"] == "process serves"]


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):  # gone before it was opened, or before it was read
        return False


@contextmanager
def held(served: Served) -> Iterator[None]:
    """The supervisor does nothing meanwhile, so that what is done here is done before it sees what happened."""
    served.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        served.process.send_signal(signal.SIGCONT)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_alive(pid))


def assert_refused(reply: Reply) -> None:
    assert (reply.status, reply.codes, reply.headers["retry-after"]) == (503, [], "1")


class TestWhatADeadProcessHeld:
    def test_is_answered(self, slow_graph: Path, client: ModuleType, tmp_path: Path) -> None:
        request = client.serialize(np.ones((100_000, 20), np.float32))
        with serving(CONTRACT, slow_graph, "--threads", "1", folder=tmp_path) as served:
            halves = [b"POST /invocations HT", b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"]
            connections = [served.connect() for _ in halves]
            for connection, half in zip(connections, halves, strict=True):
                connection.sendall(half)
            replies, threads = in_background(served, request, CLIENTS)
            # With the half of a body, and the one that asks.
            until(lambda: served.metrics()[IN_FLIGHT] == CLIENTS + 2)
            kill(pids(served)[0])
            for thread in threads:
                thread.join(30)
            assert len(replies) == CLIENTS
            for reply in [*replies, *(last_answer(rest_of(connection)) for connection in connections)]:
                assert_refused(reply)
            until(lambda: len(pids(served)) == 2)
            assert served.send(client.serialize(np.ones((1, 20), np.float32))).status == 200
            died = next(event for event in served.events if event["event"] == "process died")
            assert (died["exit_code"], died["refused"]) == (-signal.SIGKILL, CLIENTS + len(halves))
            for connection in connections:
                connection.close()

    def test_is_answered_where_it_came_too_late_to_be_read(
        self, graph: Path, client: ModuleType, tmp_path: Path
    ) -> None:
        with serving(CONTRACT, graph, folder=tmp_path) as served:
            resting = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
            request = client.serialize(np.ones((1, 20), np.float32))
            resting.request("POST", "/invocations", request.body, request.headers)
            assert resting.getresponse().read()
            idle = served.connect()
            until(lambda: served.metrics()[IN_FLIGHT] == 1)
            with held(served):
                kill(pids(served)[0])
                resting.request("POST", "/invocations", request.body, request.headers)
            answer = resting.getresponse()
            assert_refused(Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()))
            assert rest_of(idle) == b""

    def test_is_answered_where_the_model_brought_it_down(self, client: ModuleType, tmp_path: Path) -> None:
        (tmp_path / "crashing.py").write_text(CRASHING)
        torch.save({"weight": torch.ones(20, 1)}, tmp_path / "crashing.pth")
        options = ("--runtime", "eager", "--model", "crashing.py:Crashing")
        with serving(CONTRACT, tmp_path / "crashing.pth", *options, folder=tmp_path) as served:
            assert_refused(served.send(client.serialize(np.full((1, 20), 13, np.float32))))
            until(lambda: len(pids(served)) == 2)
            assert served.send(client.serialize(np.ones((1, 20), np.float32))).status == 200
            died = next(event for event in served.events if event["event"] == "process died")
            assert (died["exit_code"], died["refused"]) == (-signal.SIGSEGV, 1)

    def test_is_not_answered_twice(self, graph: Path, tmp_path: Path) -> None:
        """The client has its answer and has closed its side, or has not: nothing more is sent either way."""
        with serving(CONTRACT, graph, folder=tmp_path) as served:
            connections = [served.connect() for _ in range(2)]
            for connection in connections:
                connection.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
                answer = b""
                while not answer.endswith(b'{"status":"ok"}'):
                    part = connection.recv(65536)
                    assert part
                    answer += part
            connections[0].shutdown(socket.SHUT_WR)
            kill(pids(served)[0])
            for connection in connections:
                assert rest_of(connection) == b""
                connection.close()


class TestOneThatIsKilled:
    def test_is_replaced_while_the_others_serve(self, graph: Path, client: ModuleType, tmp_path: Path) -> None:
        request = client.serialize(np.ones((1, 20), np.float32))
        lost: list[str] = []
        statuses: Counter[int] = Counter()
        stop = threading.Event()

        def ask(keeps: bool) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
            while not stop.is_set():
                try:
                    connection.request("POST", "/invocations", request.body, request.headers)
                    response = connection.getresponse()
                    response.read()
                    statuses[response.status] += 1
                except (OSError, http.client.HTTPException) as error:
                    lost.append(type(error).__name__)
                    connection.close()
                if not keeps:
                    connection.close()
            connection.close()

        with serving(CONTRACT, graph, "--workers", "2", "--no-request-log", folder=tmp_path) as served:
            until(lambda: len(pids(served)) == 2)
            threads = [threading.Thread(target=ask, args=(number % 2 == 0,), daemon=True) for number in range(CLIENTS)]
            for thread in threads:
                thread.start()
            until(lambda: statuses[200] > 50)
            kill(pids(served)[0])
            until(lambda: len(pids(served)) == 3)
            reached = statuses[200]
            until(lambda: statuses[200] > reached + 50)
            stop.set()
            for thread in threads:
                thread.join(30)
            assert set(statuses) <= {200, 503}
            assert statuses[503] + len(lost) <= CLIENTS, "no more than what each client had asked the process that died"
            counted = served.metrics()['contractgen_requests_total{path="/invocations",status="200"}']
            assert statuses[200] <= counted <= statuses[200] + CLIENTS, "of all processes, the dead one too"

    def test_leaves_all_to_be_refused_where_it_was_the_last(
        self, graph: Path, client: ModuleType, tmp_path: Path
    ) -> None:
        with serving(CONTRACT, graph, "--workers", "2", folder=tmp_path) as served:
            until(lambda: len(pids(served)) == 2)
            request = client.serialize(np.ones((1, 20), np.float32))
            # A request waits before the supervisor goes on, so that no new process can be there first.
            with held(served):
                for pid in pids(served):
                    kill(pid)
                replies, threads = in_background(served, request, 1)
                threads[0].join(0.2)
            threads[0].join(30)
            (refused,) = replies
            assert_refused(refused)
            until(lambda: len(pids(served)) == 4)
            assert served.send(request).status == 200
            assert served.get("/v2/health/ready").status == 200


def test_the_end_is_clean_while_a_process_opens_the_model(graph: Path, tmp_path: Path) -> None:
    with serving(CONTRACT, graph, folder=tmp_path) as served:
        kill(pids(served)[0])
        until(lambda: any(event["event"] == "process died" for event in served.events))
        assert served.stop() == 0


def test_all_end_with_the_supervisor(graph: Path, tmp_path: Path) -> None:
    with serving(CONTRACT, graph, "--workers", "2", folder=tmp_path) as served:
        until(lambda: len(pids(served)) == 2)
        served.process.kill()
        served.process.wait(30)
        until(lambda: not any(is_alive(pid) for pid in pids(served)))
