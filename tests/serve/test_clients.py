"""The clients that people have, in front of the server: answers that are right, and refusals that say what is wrong."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import numpy as np
import pytest
import tritonclient.http as triton
from botocore.exceptions import ClientError

from tests.integration.gateway import gateway
from tests.serve.command import Served
from tests.serve.conftest import CONTRACT, W

X = np.arange(40, dtype=np.float32).reshape(2, 20)
INFER = "/v2/models/linear/infer"


@pytest.mark.parametrize("path", ["/invocations", INFER])
@pytest.mark.parametrize("kind", ["BINARY", "SAGEMAKER_BINARY", "OPEN_INFERENCE_JSON", "JSON", "NPY", "NPZ"])
def test_the_generated_client(served: Served, client: ModuleType, path: str, kind: str) -> None:
    reply = served.send(client.serialize(X, content_type=getattr(client, kind)), path)
    assert reply.status == 200
    np.testing.assert_allclose(client.deserialize(reply.body, reply.headers), X @ W, rtol=1e-6)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_triton(served: Served, binary: bool, compression: str | None) -> None:
    with triton.InferenceServerClient(f"127.0.0.1:{served.port}") as asking:
        assert asking.is_server_live()
        assert asking.is_server_ready()
        assert asking.is_model_ready("linear")
        assert asking.get_server_metadata()["name"] == "contractgen"
        assert asking.get_model_metadata("linear")["outputs"] == [
            {"name": "output", "datatype": "FP32", "shape": [-1, 1]}
        ]
        tensor = triton.InferInput("x", [2, 20], "FP32")
        tensor.set_data_from_numpy(X, binary_data=binary)
        wanted = [triton.InferRequestedOutput("output", binary_data=binary)]
        answer = asking.infer(
            "linear", [tensor], outputs=wanted, request_id="7", request_compression_algorithm=compression
        )
        np.testing.assert_allclose(answer.as_numpy("output"), X @ W, rtol=1e-6)
        assert answer.get_response()["id"] == "7"
        wrong = triton.InferInput("x", [2, 20], "INT64")
        wrong.set_data_from_numpy(X.astype(np.int64), binary_data=binary)
        with pytest.raises(triton.InferenceServerException, match=r"inputs\.x: expected float32, got int64"):
            asking.infer("linear", [wrong], request_compression_algorithm=compression)


class TestBoto3:
    @pytest.fixture
    def runtime(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> Any:
        """The real client before a gateway that turns errors into its own, as SageMaker does."""

        def container(body: bytes, headers: dict[str, str]) -> tuple[int, bytes, str]:
            reply = served.ask("POST", "/invocations", body, headers)
            return reply.status, reply.body, reply.headers["content-type"]

        with gateway(container) as at:
            for name, value in {
                "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": at.url, "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nobody", "AWS_EC2_METADATA_DISABLED": "true",
            }.items():  # fmt: skip
                monkeypatch.setenv(name, value)
            yield boto3.client("sagemaker-runtime")

    @pytest.mark.parametrize("kind", ["SAGEMAKER_BINARY", "OPEN_INFERENCE_JSON", "JSON", "NPY", "NPZ"])
    def test_gets_answers(self, runtime: Any, client: ModuleType, kind: str) -> None:
        request = client.serialize(X, content_type=getattr(client, kind))
        reply = runtime.invoke_endpoint(EndpointName="linear", Body=request.body, ContentType=request.content_type)
        found = client.deserialize(reply["Body"].read(), {"Content-Type": reply["ContentType"]})
        np.testing.assert_allclose(found, X @ W, rtol=1e-6)

    def test_reads_the_violations_from_the_model_error(self, runtime: Any) -> None:
        with pytest.raises(ClientError) as refusal:
            runtime.invoke_endpoint(EndpointName="linear", Body=b'{"x": [[1, 2]]}', ContentType="application/json")
        assert refusal.value.response["Error"]["Code"] == "ModelError"
        assert refusal.value.response["OriginalStatusCode"] == 400
        violations = json.loads(refusal.value.response["OriginalMessage"])["violations"]
        assert [one["code"] for one in violations] == ["shape"]


class TestCurl:
    def run(self, *arguments: str) -> tuple[int, Any]:
        command = ["curl", "--silent", "--show-error", "--max-time", "20", "--write-out", "\n%{http_code}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        text, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(text)

    def test_plain_json(self, served: Served) -> None:
        body = json.dumps({"x": X.tolist()})
        status, found = self.run("-H", "Content-Type: application/json", "-d", body, f"{served.url}/invocations")
        assert status == 200
        np.testing.assert_allclose(found, X @ W, rtol=1e-6)

    def test_what_it_sends_unless_told_is_refused_by_name(self, served: Served) -> None:
        status, found = self.run("-d", "{}", f"{served.url}/invocations")
        assert status == 415
        assert "'application/x-www-form-urlencoded'" in found["error"]

    def test_a_large_file_is_refused_before_it_is_sent(self, served: Served, tmp_path: Path) -> None:
        (tmp_path / "body").write_bytes(bytes(65 << 20))
        status, found = self.run("-T", str(tmp_path / "body"), "-X", "POST", f"{served.url}/invocations")
        assert (status, found["violations"][0]["code"]) == (413, "malformed")

    def test_the_contract(self, served: Served) -> None:
        assert self.run(f"{served.url}/contract.json") == (200, json.loads(CONTRACT.read_text()))
