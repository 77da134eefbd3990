"""The generated handler in the real TorchServe, with batches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.integration.sagemaker.torchserve import archive, torchserve
from tests.integration.samples import FAILURES, Deployed, binary, good, protocol_json, wire
from tests.integration.servers import Answer, ask

PATH = "/predictions/model"


@pytest.fixture(scope="module", params=["false", "true"], ids=["raw", "decoded"])
def served(
    request: pytest.FixtureRequest, linear: Deployed, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Deployed, int]]:
    """A server that waits half a second for batches of eight, with and without decoding JSON by itself."""
    folder = tmp_path_factory.mktemp("ts") / "run"
    packed = archive(folder / "store", linear.render("torchserve"), linear.artifact, linear.source)
    model = {
        "defaultVersion": True, "marName": "model.mar", "minWorkers": 1, "maxWorkers": 1,
        "batchSize": 8, "maxBatchDelay": 500, "responseTimeout": 120,
    }  # fmt: skip
    settings = {"models": json.dumps({"model": {"1.0": model}}), "decode_input_request": request.param}
    with torchserve(folder, settings, packed.name, {}) as port:
        yield linear, port


def test_one_bad_request_does_not_fail_its_neighbours_in_a_batch(served: tuple[Deployed, int]) -> None:
    deployed, port = served
    _, wrong, code = FAILURES["shape"]
    values = [good("linear", batch=1 + i % 3, seed=i) for i in range(32)]
    bad = {i for i in range(32) if i % 5 == 2}

    def send(index: int) -> Answer:
        if index in bad:
            body, content_type = binary(wire("linear", wrong))
            return ask(port, "POST", PATH, body, {"Content-Type": content_type})
        request = deployed.client.serialize(values[index])
        return ask(port, "POST", PATH, request.body, request.headers)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(32)))
    for index, answer in enumerate(answers):
        if index in bad:
            assert answer.status == 400, answer
            assert code in {one["code"] for one in json.loads(answer.body)["violations"]}
        else:
            assert answer.status == 200, answer
            result = deployed.client.deserialize(answer.body, answer.headers)
            np.testing.assert_allclose(result, deployed.expected(values[index]), rtol=1e-5, atol=1e-6)


def test_json_is_checked_whoever_decoded_it(served: tuple[Deployed, int]) -> None:
    deployed, port = served
    headers = {"Content-Type": "application/json"}
    value = good("linear")
    answer = ask(port, "POST", PATH, protocol_json(wire("linear", value)), headers)
    assert answer.status == 200, answer
    np.testing.assert_allclose(
        deployed.client.deserialize(answer.body, answer.headers), deployed.expected(value), rtol=1e-6
    )
    for body, code in ((b"[[1, 2]]", "shape"), (b'{"y": [[1]]}', "missing"), (b'["a"]', "dtype")):
        answer = ask(port, "POST", PATH, body, headers)
        assert answer.status == 400, answer
        assert code in {one["code"] for one in json.loads(answer.body)["violations"]}
