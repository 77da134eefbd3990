"""The generated deployment on the real Ray Serve, by its own configuration."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import pytest
import yaml

from tests.integration.samples import FAILURES, Deployed, binary, good, wire
from tests.integration.servers import Answer, ask, free_port, running

LAUNCHER = Path(__file__).parent / "launcher.py"


class Served(NamedTuple):
    """A sample on Ray Serve."""

    deployed: Deployed
    port: int
    pid: int


@contextlib.contextmanager
def ray_serve(deployed: Deployed, replicas: int, *, most: int = 0, wait_seconds: float = 0.02) -> Iterator[Served]:
    """The generated configuration with another address and a fixed number of replicas, or with `most` up to so many."""
    folder = deployed.render("ray")
    shutil.copy(deployed.source, folder)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    port = free_port()
    config["http_options"] = {"host": "127.0.0.1", "port": port}
    (deployment,) = config["applications"][0]["deployments"]
    if most:
        # As generated, with other numbers and Ray's own delays shortened.
        deployment["autoscaling_config"] |= {
            "min_replicas": replicas, "max_replicas": most, "target_ongoing_requests": 1,
            "upscale_delay_s": 1, "metrics_interval_s": 0.5, "look_back_period_s": 2,
        }  # fmt: skip
    else:
        del deployment["autoscaling_config"]
        deployment["num_replicas"] = replicas
    if "user_config" in deployment:
        deployment["user_config"] = {"max_batch_size": 16, "batch_wait_seconds": wait_seconds}
    changed = folder / "test_config.yaml"
    changed.write_text(yaml.safe_dump(config))
    environment = {
        "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}", "MODEL_DIR": str(deployed.root),
        "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    command = [sys.executable, str(LAUNCHER), str(changed)]
    with running(command, port, "/ping", folder, environment) as process:
        try:
            yield Served(deployed, port, process.pid)
        finally:
            leave_nothing(process.pid)


def leave_nothing(pid: int) -> None:
    """End the launcher and every process below it: Ray gives its own a session each."""
    with contextlib.suppress(psutil.NoSuchProcess):
        launcher = psutil.Process(pid)
        family = [*launcher.children(recursive=True), launcher]
        for child in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(family, timeout=10)


@pytest.fixture(scope="module")
def served(linear: Deployed) -> Iterator[Served]:
    with ray_serve(linear, replicas=2) as running_:
        yield running_


def send(served: Served, value: Any) -> Answer:
    request = served.deployed.client.serialize(value)
    return ask(served.port, "POST", "/invocations", request.body, request.headers)


def test_joined_calls_get_their_own_rows_and_no_violation_reaches_them(served: Served) -> None:
    values = [good("linear", batch=1 + i % 4, seed=i) for i in range(80)]
    _, wrong, code = FAILURES["dtype"]
    body, content_type = binary(wire("linear", wrong))

    def one(index: int) -> Answer:
        if index % 10 == 3:
            return ask(served.port, "POST", "/invocations", body, {"Content-Type": content_type})
        return send(served, values[index])

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(one, range(80)))
    for index, answer in enumerate(answers):
        if index % 10 == 3:
            assert answer.status == 400, answer
            assert code in {found["code"] for found in json.loads(answer.body)["violations"]}
        else:
            assert answer.status == 200, answer
            result = served.deployed.client.deserialize(answer.body, answer.headers)
            np.testing.assert_allclose(result, served.deployed.expected(values[index]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/ping", b"", 200),
        ("GET", "/invocations", b"", 404),
        ("POST", "/elsewhere", b"", 404),
        ("POST", "/invocations", b"\xff", 400),
        ("POST", "/invocations", b"", 400),
    ],
)
def test_any_other_request_is_answered_with_json(
    served: Served, method: str, path: str, body: bytes, status: int
) -> None:
    answer = ask(served.port, method, path, body, {"Content-Type": "application/json"})
    assert answer.status == status
    assert json.loads(answer.body)


def replicas_of(served: Served) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(served.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if "ServeReplica" in " ".join(child.cmdline()):
                found.append(child)
    return found


def test_nothing_is_lost_when_a_replica_is_killed_under_load(served: Served) -> None:
    """A request that the dead replica held is answered with an error at once, and sent again."""
    values = [good("linear", batch=2, seed=i) for i in range(1500)]
    started = threading.Event()
    repeated: list[int] = []

    def one(index: int) -> Any:
        if index == 300:
            started.set()
        limit = time.monotonic() + 90
        while True:
            try:
                answer = send(served, values[index])
                if answer.status == 200:
                    return served.deployed.client.deserialize(answer.body, answer.headers)
                assert answer.status in {500, 503}, answer
            except (OSError, http.client.HTTPException):
                pass
            repeated.append(index)
            assert time.monotonic() < limit, f"request {index} was never answered"

    before = replicas_of(served)
    assert len(before) == 2
    with ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(one, index) for index in range(1500)]
        assert started.wait(60)
        before[0].send_signal(signal.SIGKILL)
        results = [answer.result(timeout=120) for answer in answers]
    for value, result in zip(values, results, strict=True):
        np.testing.assert_allclose(result, served.deployed.expected(value), rtol=1e-5, atol=1e-6)
    assert not before[0].is_running() or before[0].status() == psutil.STATUS_ZOMBIE
    assert len(set(repeated)) <= 64, "more than the dead replica could hold had to be sent again"


def test_load_brings_another_replica_and_loses_nothing(linear: Deployed) -> None:
    """Calls that wait for each other keep several at once on the one replica, where one is the target."""
    ended = threading.Event()

    def ask(number: int) -> int:
        answered = 0
        while not ended.is_set():
            value = good("linear", batch=2, seed=1000 * number + answered % 50)
            answer = send(served, value)
            assert answer.status == 200, answer
            result = linear.client.deserialize(answer.body, answer.headers)
            np.testing.assert_allclose(result, linear.expected(value), rtol=1e-5, atol=1e-6)
            answered += 1
        return answered

    with ray_serve(linear, replicas=1, most=2, wait_seconds=0.2) as served:
        assert len(replicas_of(served)) == 1
        with ThreadPoolExecutor(8) as pool:
            clients = [pool.submit(ask, number) for number in range(8)]
            try:
                limit = time.monotonic() + 180
                while len(replicas_of(served)) < 2:
                    assert time.monotonic() < limit, "the load brought no other replica"
                    assert not any(client.done() for client in clients), "a client has failed"
                    time.sleep(0.5)
            finally:
                ended.set()
            assert all(client.result(timeout=90) for client in clients)


def test_a_model_with_structure_is_served_too(multimodal: Deployed) -> None:
    with ray_serve(multimodal, replicas=1) as served:
        value = good("multimodal")
        answer = send(served, value)
        assert answer.status == 200, answer
        result = multimodal.client.deserialize(answer.body, answer.headers)
        np.testing.assert_allclose(result, multimodal.expected(value), rtol=1e-5, atol=1e-6)
        name, wrong, code = FAILURES["structure"]
        body, content_type = binary(wire(name, wrong))
        answer = ask(served.port, "POST", "/invocations", body, {"Content-Type": content_type})
        assert answer.status == 400
        assert code in {found["code"] for found in json.loads(answer.body)["violations"]}
