"""The generated application behind a real server: what it answers to whom, and that nothing brings it down."""

from __future__ import annotations

import ast
import gzip
import importlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import openapi_spec_validator
import pytest
import tritonclient.http as triton

from benchmarks.fuzz.contracts import LINEAR, LISTS, PAIR, SCALARS
from contractgen.contract.codec import load_contract
from contractgen.contract.model import Contract
from contractgen.generate.files import write_files
from contractgen.generate.targets import Deployment, render_all
from tests.generate.test_artifact import EVIL, evil_contract
from tests.serve.live import TIMEOUT, Site, rest_of, running, until

ROOT = Path(__file__).parents[3]
CONTRACTS = [LINEAR, PAIR, LISTS, SCALARS]
CONTRACT = load_contract(ROOT / "sample_models/linear/contract/contract.json")
W = np.linspace(-1, 1, 20, dtype=np.float32)[:, None]


def predict(x: Any) -> Any:
    return x @ W


def written(contract: Contract, folder: Path) -> Path:
    write_files(folder, render_all(contract, ["asgi"], Deployment(folder=folder)))
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The files of a contract where Python finds them, as in the container."""
    folder = written(CONTRACT, tmp_path_factory.mktemp("asgi"))
    before = dict.fromkeys(("app", "validator", "client"))
    for name in before:
        before[name] = sys.modules.pop(name, None)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name, module in before.items():
        sys.modules.pop(name, None)
        if module is not None:
            sys.modules[name] = module


@pytest.fixture(scope="module")
def app(files: Path) -> ModuleType:
    return importlib.import_module("app")


@pytest.fixture(scope="module")
def client(files: Path) -> ModuleType:
    return importlib.import_module("client")


@pytest.fixture(scope="module")
def site(app: ModuleType) -> Iterator[Site]:
    with running(app.create_app(predict)) as site:
        yield site


X = np.arange(40, dtype=np.float32).reshape(2, 20)


@pytest.mark.parametrize("path", ["/invocations", "/v2/models/linear/infer"])
@pytest.mark.parametrize("kind", ["BINARY", "SAGEMAKER_BINARY", "OPEN_INFERENCE_JSON", "JSON", "NPY", "NPZ"])
def test_each_format_is_answered_in_kind(site: Site, client: ModuleType, path: str, kind: str) -> None:
    reply = site.send(client.serialize(X, content_type=getattr(client, kind)), path)
    assert reply.status == 200
    np.testing.assert_array_equal(client.deserialize(reply.body, reply.headers), predict(X))


def test_accept_chooses_the_format_of_the_answer(site: Site, client: ModuleType) -> None:
    reply = site.send(client.serialize(X, content_type=client.NPY), Accept="text/html, application/json;q=0.9, */*")
    assert reply.json == predict(X).tolist()


def test_a_request_id_is_given_back(site: Site) -> None:
    body = {"id": "seven", "inputs": [{"name": "x", "shape": [1, 20], "datatype": "FP32", "data": [0.0] * 20}]}
    assert site.post("/v2/models/linear/infer", json.dumps(body).encode()).json["id"] == "seven"


def test_health_and_metadata_are_as_clients_of_the_protocol_want_them(site: Site) -> None:
    assert site.get("/ping").status == 200
    assert site.get("/v2/health/live").json == {"live": True}
    assert site.get("/v2/health/ready").json == {"ready": True}
    assert site.get("/v2/models/linear/ready").json == {"name": "linear", "ready": True}
    assert site.get("/v2").json["extensions"] == ["binary_tensor_data"]
    metadata = site.get("/v2/models/linear").json
    assert metadata["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 20]}]
    head = site.ask("HEAD", "/ping")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "15")


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_the_client_of_triton_is_served(site: Site, binary: bool, compression: str | None) -> None:
    with triton.InferenceServerClient(f"127.0.0.1:{site.port}") as asking:
        assert asking.is_server_live()
        assert asking.is_model_ready("linear")
        tensor = triton.InferInput("x", [2, 20], "FP32")
        tensor.set_data_from_numpy(X, binary_data=binary)
        wanted = [triton.InferRequestedOutput("output", binary_data=binary)]
        answer = asking.infer("linear", [tensor], outputs=wanted, request_compression_algorithm=compression)
        np.testing.assert_allclose(answer.as_numpy("output"), predict(X), rtol=1e-6)
        bad = triton.InferInput("x", [1, 10], "FP32")
        bad.set_data_from_numpy(X[:1, :10], binary_data=binary)
        with pytest.raises(triton.InferenceServerException, match=r"inputs\.x: expected size 20 on axis 1, got 10"):
            asking.infer("linear", [bad], request_compression_algorithm=compression)


def test_every_violation_is_listed(site: Site) -> None:
    body = {"inputs": [
        {"name": "x", "shape": [20], "datatype": "INT64", "data": [0] * 20},
        {"name": "y", "shape": [1], "datatype": "FP32", "data": [0.0]},
    ]}  # fmt: skip
    reply = site.post("/invocations", json.dumps(body).encode())
    assert reply.status == 400
    assert sorted(reply.codes) == ["dtype", "rank", "unexpected"]


def test_what_is_no_request_of_ours_is_refused_by_status(site: Site) -> None:
    assert site.post("/invocations", b"{}", Content_Type="text/html").status == 415
    assert site.get("/v2/models/other").status == 404
    assert site.get("/invocations").headers["allow"] == "POST"
    assert site.post("/ping", b"{}").headers["allow"] == "GET, HEAD"
    for reply in (site.get("/nothing"), site.get("/invocations"), site.ask("TRACE", "/invocations")):
        assert reply.status in (404, 405)
        assert reply.codes == []


def test_headers_that_contradict_each_other_are_refused(site: Site) -> None:
    with site.connect() as connection:
        connection.sendall(
            b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Type: application/x-npy\r\n"
            b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"
        )
        assert b"expected each header once" in rest_of(connection)


@pytest.fixture(scope="module")
def small(app: ModuleType) -> Iterator[Site]:
    limits = app.validator.Limits(max_body_bytes=1000)
    with running(app.create_app(predict, limits=limits, read_seconds=1.0)) as site:
        yield site


class TestABodyThatIsTooLarge:
    def test_is_refused_by_its_stated_length(self, small: Site) -> None:
        reply = small.post("/invocations", b" " * 1001)
        assert reply.status == 413
        assert reply.codes == ["malformed"]
        assert small.post("/invocations", b" " * 1000).status == 400

    def test_is_refused_before_it_is_sent_where_the_client_waits(self, small: Site) -> None:
        with small.connect() as connection:
            connection.sendall(
                b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n"
            )
            assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")

    def test_is_counted_where_no_length_is_stated(self, small: Site) -> None:
        reply = small.ask("POST", "/invocations", iter([b" " * 600] * 2))
        assert reply.status == 413
        assert reply.codes == ["malformed"]

    def test_is_seen_through_compression(self, small: Site) -> None:
        reply = small.post("/invocations", gzip.compress(b" " * 100_000), Content_Encoding="gzip")
        assert reply.status == 413

    def test_that_does_not_arrive_is_waited_for_so_long(self, small: Site) -> None:
        with small.connect() as connection:
            connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            answer = rest_of(connection)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"expected the whole body within 1 s, got 1 bytes" in answer

    def test_and_a_client_that_leaves_do_no_harm(self, small: Site) -> None:
        with small.connect() as connection:
            connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert small.get("/ping").status == 200


def test_the_next_request_beyond_all_places_is_refused_at_once(app: ModuleType, client: ModuleType) -> None:
    leave = threading.Event()

    def slow(x: Any) -> Any:
        assert leave.wait(TIMEOUT)
        return predict(x)

    request = client.serialize(X)
    application = app.create_app(slow, threads=2, waiting=1)
    with running(application) as site:
        replies: list[Any] = []
        asking = [threading.Thread(target=lambda: replies.append(site.send(request))) for _ in range(3)]
        for thread in asking:
            thread.start()
        until(lambda: application.pool.pending == 3)
        refused = site.send(request)
        assert refused.status == 503
        assert refused.codes == []
        assert refused.headers["retry-after"] == "1"
        assert site.post("/invocations", b"[[1]]").status == 400, "a bad request needs no place"
        leave.set()
        for thread in asking:
            thread.join(TIMEOUT)
        assert [reply.status for reply in replies] == [200, 200, 200]
        assert site.send(request).status == 200


@pytest.mark.parametrize(
    "failure",
    [RuntimeError("secret"), SystemExit(3), KeyboardInterrupt(), MemoryError()],
    ids=lambda failure: type(failure).__name__,
)
def test_a_failure_of_the_model_is_no_more_than_that(
    app: ModuleType, client: ModuleType, failure: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(x: Any) -> Any:
        raise failure

    with running(app.create_app(broken, threads=1)) as site:
        for _ in range(3):
            reply = site.send(client.serialize(X))
            assert reply.status == 500
            assert reply.json == {"error": "internal error", "violations": []}
    assert "Traceback" in caplog.text


def test_a_result_that_is_not_the_contracts_is_a_failure(app: ModuleType, client: ModuleType) -> None:
    with running(app.create_app(lambda x: (x, x))) as site:
        assert site.send(client.serialize(X)).status == 500


def test_many_bodies_at_once_have_a_bound_too(app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "HELD_BODIES", 1)
    application = app.create_app(predict, limits=app.validator.Limits(max_body_bytes=1000))
    with running(application) as site:
        with site.connect() as connection:
            connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b" " * 900)
            until(lambda: application.held_bytes == 900)
            refused = site.post("/invocations", b" " * 900)
            assert (refused.status, refused.codes) == (503, [])
        until(lambda: application.held_bytes == 0)
        assert site.post("/invocations", b" " * 900).status == 400


def test_it_can_be_mounted_in_another_application(app: ModuleType, client: ModuleType) -> None:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    with running(Starlette(routes=[Mount("/models/linear", app.create_app(predict))])) as site:
        assert site.get("/models/linear/ping").status == 200
        assert site.send(client.serialize(X), "/models/linear/invocations").status == 200


def test_it_runs_as_the_dockerfile_says(files: Path, client: ModuleType) -> None:
    (files / "predict.py").write_text(
        f"import numpy as np\nW = np.array({W.tolist()}, np.float32)\ndef predict(x):\n    return x @ W\n"
    )
    text = (files / "Dockerfile").read_text()
    entry = json.loads(re.search(r"^ENTRYPOINT (\[.*\])$", text, re.MULTILINE)[1])  # type: ignore[index]
    assert "0.0.0.0 --port 8080" in entry[-1]
    entry[-1] = entry[-1].replace("0.0.0.0 --port 8080", "127.0.0.1 --port 0")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        [*entry, "serve"], cwd=files, env={**os.environ, "PATH": path}, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        port = next(int(found[1]) for line in process.stderr if (found := re.search(r"127\.0\.0\.1:(\d+)", line)))
        reply = Site(port).send(client.serialize(X))
        np.testing.assert_allclose(client.deserialize(reply.body, reply.headers), predict(X), rtol=1e-6)
        process.terminate()
        process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
        process.wait()


class TestTheDocument:
    @pytest.mark.parametrize("contract", [*CONTRACTS, CONTRACT], ids=lambda contract: contract.name)
    def test_is_valid(self, contract: Contract) -> None:
        from contractgen.generate.targets.asgi_openapi import document

        openapi_spec_validator.validate(document(contract))

    def test_is_what_the_server_does(self, app: ModuleType) -> None:
        """Schemathesis sends what the document allows and what it does not, and holds the answers against it."""
        runs: list[int] = []

        def counted(x: Any) -> Any:
            runs.append(len(x))
            return predict(x)

        # What a schema cannot say (numbers that float32 holds) is refused though the schema allows it.
        checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
        with running(app.create_app(counted)) as site:
            command = [
                *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run"),
                *(f"{site.url}/openapi.json", "--checks", f"{checks},negative_data_rejection,unsupported_method"),
                *("--generation-deterministic", "--max-examples", "25", "--phases", "examples,coverage,fuzzing"),
            ]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout[-6000:]
        assert len(runs) >= 5, "some of what is sent has to reach the model"


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
class TestTheText:
    def test_is_old_formatted_and_clean(self, contract: Contract, tmp_path: Path) -> None:
        written(contract, tmp_path)
        ast.parse((tmp_path / "app.py").read_text(), feature_version=(3, 9))
        for command in (
            ["ruff", "format", "--check", "--config", str(ROOT / "pyproject.toml"), "app.py"],
            ["ruff", "check", "--select", "E,F,W,I,B,UP,SIM,RUF", "--target-version", "py39", "--line-length", "120", "--ignore", "UP007,UP045,E501", "--isolated", "app.py"],
        ):  # fmt: skip
            done = subprocess.run([sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr


def test_strict_types_hold(files: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "app.py", f"--cache-dir={files}/cache"]
    done = subprocess.run(command, cwd=files, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", [name for name in EVIL if "\ud800" not in name])
def test_names_are_data_and_never_code(name: str, tmp_path: Path) -> None:
    def shape(contract: Contract, folder: Path) -> list[str]:
        tree = ast.parse((written(contract, folder) / "app.py").read_text())
        return [ast.unparse(node).split("=")[0] for node in tree.body[1:] if not isinstance(node, ast.Expr)]

    assert shape(evil_contract(name), tmp_path / "evil") == shape(evil_contract("clean"), tmp_path / "clean")
