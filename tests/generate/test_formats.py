"""Every wire format in both directions, with the libraries that people use on the other side."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import tracemalloc
from typing import Any

import numpy as np
import pytest

from benchmarks.fuzz.contracts import LISTS, PAIR, SCALARS
from contractgen.contract.model import Contract, Dict, Dim, Field, Output, Parameter, Tensor, Values
from tests.generate.modules import Generated, generated

FINGERPRINT = f"sha256:{'1' * 64}"
LINEAR = Contract(
    "linear",
    (Parameter("x", Tensor("x", "float32", ("batch", 20), Values(finite=True))),),
    (Output("output", Tensor("output", "float32", ("batch", 1))),),
    {"batch": Dim()},
    fingerprint=FINGERPRINT,
)
SEVERAL = Contract(
    "several",
    LINEAR.inputs,
    (
        Output("output_0", Dict((Field("logits", Tensor("logits", "float32", ("batch", 2))),))),
        Output("output_1", Tensor("output_1", "int64", ("batch",))),
        Output("output_2", Tensor("output_2", "float16", ())),
    ),
    {"batch": Dim()},
    fingerprint=FINGERPRINT,
)
X = np.random.default_rng(0).standard_normal((3, 20)).astype(np.float32)


@pytest.fixture(scope="module")
def linear() -> Generated:
    return generated(LINEAR)


@pytest.fixture(scope="module")
def several() -> Generated:
    return generated(SEVERAL)


def formats(client: Any) -> list[str]:
    return [client.BINARY, client.SAGEMAKER_BINARY, client.OPEN_INFERENCE_JSON, client.JSON, client.NPZ]


def test_a_result_of_another_dtype_is_never_sent(linear: Generated) -> None:
    assert linear.validator.respond(np.zeros((3, 1), np.float32)).status == 200
    for media in formats(linear.client):
        with pytest.raises(TypeError, match="'output' is float64, its contract says float32"):
            linear.validator.respond(np.zeros((3, 1)), accept=media)


class TestOurOwnClient:
    def test_says_what_the_body_is(self, linear: Generated) -> None:
        client = linear.client
        request = client.serialize(X)
        assert request.headers["Content-Type"] == "application/octet-stream"
        length = int(request.headers["Inference-Header-Content-Length"])
        assert json.loads(request.body[:length])["parameters"]["contract"] == FINGERPRINT
        request = client.serialize(X, content_type=client.SAGEMAKER_BINARY)
        assert request.headers == {"Content-Type": f"{client.SAGEMAKER_BINARY};json-header-size={length}"}

    def test_refuses_an_unknown_content_type(self, linear: Generated) -> None:
        with pytest.raises(ValueError, match="application/x-npz"):
            linear.client.serialize(X, content_type="text/csv")

    def test_does_not_copy_large_arrays(self, linear: Generated) -> None:
        large = np.zeros((1000, 20), np.float32)
        buffers = linear.client.serialize(large).buffers
        assert any(np.shares_memory(np.frombuffer(part, np.uint8), large) for part in buffers)

    @pytest.mark.parametrize("make", [
        lambda x: x.astype(">f4"), np.asfortranarray, lambda x: np.repeat(x, 2, 1)[:, ::2], lambda x: x[::-1][::-1],
        lambda x: x.tolist(), lambda x: [list(row) for row in x], lambda x: memoryview(x).tolist(),
    ])  # fmt: skip
    def test_takes_whatever_is_exactly_the_same(self, linear: Generated, make: Any) -> None:
        request = linear.client.serialize(make(X.copy()))
        (arrived,), _ = linear.validator.parse(request.body, request.headers)
        np.testing.assert_array_equal(arrived, X)
        assert arrived.dtype == np.float32

    def test_takes_read_only_and_mapped_arrays(self, linear: Generated, tmp_path: Any) -> None:
        mapped = np.memmap(tmp_path / "x", np.float32, "w+", shape=X.shape)
        mapped[:] = X
        fixed = X.copy()
        fixed.flags.writeable = False
        assert linear.client.serialize(mapped).body == linear.client.serialize(fixed).body

    def test_takes_torch_tensors(self, linear: Generated) -> None:
        torch = pytest.importorskip("torch")
        tensor = torch.from_numpy(X.copy()).requires_grad_()
        assert linear.client.serialize(tensor).body == linear.client.serialize(X).body


class TestEveryFormat:
    @pytest.mark.parametrize("place", range(5))
    def test_answers_in_kind(self, several: Generated, place: int) -> None:
        client, validator = several.client, several.validator
        request = client.serialize(X, content_type=formats(client)[place])
        _, _, reply = validator.receive(request.body, request.headers)
        outputs = ({"logits": X[:, :2]}, np.arange(3), np.array(0.5, np.float16))
        response = validator.respond(outputs, reply=reply)
        if place != 2:  # FP16 has no JSON form in the protocol
            assert response.content_type.partition(";")[0] == request.content_type.partition(";")[0]
        result = client.deserialize(response.body, response.headers)
        assert isinstance(result, tuple)
        np.testing.assert_array_equal(result[0]["logits"], X[:, :2])
        np.testing.assert_array_equal(result[1], np.arange(3))
        assert result[2] == np.float16(0.5)
        assert [part.dtype for part in result[1:]] == [np.int64, np.float16]

    @pytest.mark.parametrize("contract", [PAIR, LISTS, SCALARS], ids=lambda one: one.name)
    @pytest.mark.parametrize("place", range(5))
    def test_holds_zero_size_scalars_and_nothing(self, contract: Contract, place: int) -> None:
        from tests.generate.random_contracts import Maker
        from tests.generate.test_agreement import bound, same

        model = generated(contract)
        maker = Maker(place)
        maker.dims = contract.dims
        for _ in range(20):
            arguments = maker.arguments(contract)
            try:
                request = model.call(model.client.serialize, arguments, content_type=formats(model.client)[place])
            except model.client.ContractViolation:
                continue
            args, kwargs = model.validator.parse(request.body, request.headers)
            assert same(arguments, bound(model, args, kwargs))


class TestOtherClients:
    def parsed(self, model: Generated, body: bytes, **headers: str) -> np.ndarray:
        (x,), _ = model.validator.parse(body, {name.replace("_", "-"): value for name, value in headers.items()})
        return x

    def test_np_save(self, linear: Generated) -> None:
        stream = io.BytesIO()
        np.save(stream, X)
        np.testing.assert_array_equal(self.parsed(linear, stream.getvalue(), content_type="application/x-npy"), X)

    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    def test_np_savez(self, linear: Generated, save: Any) -> None:
        stream = io.BytesIO()
        save(stream, x=X)
        np.testing.assert_array_equal(self.parsed(linear, stream.getvalue(), content_type="application/x-npz"), X)

    @pytest.mark.parametrize("wrap", [
        lambda x: x, lambda x: {"x": x}, lambda x: {"instances": x}, lambda x: {"inputs": x},
        lambda x: {"inputs": {"x": x}}, lambda x: {"instances": {"x": x}},
    ])  # fmt: skip
    def test_plain_json_however_it_is_wrapped(self, linear: Generated, wrap: Any) -> None:
        body = json.dumps(wrap(X.tolist())).encode()
        np.testing.assert_array_equal(self.parsed(linear, body, Content_Type="application/json"), X)

    @pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"batch": x}, lambda x: {"inputs": x}])
    def test_plain_json_of_a_dict(self, wrap: Any) -> None:
        batch = {"image": np.zeros((1, 3, 8, 8)).tolist(), "ids": [[1, 2, 3]]}
        (arrived,), _ = generated(PAIR).validator.parse(
            json.dumps(wrap(batch)).encode(), {"content-type": "application/json"}
        )
        assert arrived["ids"].tolist() == [[1, 2, 3]]
        assert arrived["image"].dtype == np.float32

    @pytest.mark.parametrize("size", [8, 32])
    def test_plain_json_of_one_object_per_row(self, size: int) -> None:
        images = np.random.default_rng(0).random((8, 3, size, 8), np.float32)
        rows = [{"image": image.tolist(), "ids": [1, 2, 3]} for image in images]
        body = json.dumps({"instances": rows}).encode()
        (arrived,), _ = generated(PAIR).validator.parse(body, {"content-type": "application/json"})
        np.testing.assert_array_equal(arrived["image"], images)
        assert arrived["ids"].shape == (8, 3)
        rows[3]["image"] = rows[3]["image"][:2]
        validator = generated(PAIR).validator
        with pytest.raises(validator.ContractViolation):
            validator.parse(json.dumps({"instances": rows}).encode(), {"content-type": "application/json"})

    def test_gzip(self, linear: Generated) -> None:
        request = linear.client.serialize(X)
        headers = {**request.headers, "Content-Encoding": "gzip"}
        (arrived,), _ = linear.validator.parse(gzip.compress(request.body), headers)
        np.testing.assert_array_equal(arrived, X)

    @pytest.mark.parametrize("size", [2**18 - 1, 2**18, 2**18 + 1, 3_000_000])
    def test_gzip_of_any_size_is_unpacked_piece_by_piece(self, linear: Generated, size: int) -> None:
        rows = np.resize(np.float32([0, 0, 0, 1]), (size // 80, 20))
        request = linear.client.serialize(rows)
        body = gzip.compress(request.body, 9)
        limits = linear.validator.Limits(max_expanded_bytes=2**26)
        (arrived,), _ = linear.validator.parse(body, {**request.headers, "Content-Encoding": "gzip"}, limits=limits)
        np.testing.assert_array_equal(arrived, rows)
        for damaged in (body[:-1], body + b"0", body + body):
            with pytest.raises(linear.validator.ContractViolation):
                linear.validator.parse(damaged, {**request.headers, "Content-Encoding": "gzip"}, limits=limits)

    def test_gzip_is_never_there_twice(self, linear: Generated) -> None:
        rows = np.random.default_rng(0).integers(0, 256, (400_000, 20)).astype(np.float32)
        request = linear.client.serialize(rows)
        body = gzip.compress(request.body, 1)
        tracemalloc.start()
        limits = linear.validator.Limits(max_expanded_bytes=2**23)
        with contextlib.suppress(linear.validator.ContractViolation):
            linear.validator.parse(body, {**request.headers, "Content-Encoding": "gzip"}, limits=limits)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2 * len(body) + 16 * 2**20

    @pytest.mark.parametrize("binary", [True, False])
    @pytest.mark.parametrize("outputs", [None, ["output_1"], ["output_1", "logits"]])
    def test_tritonclient(self, several: Generated, binary: bool, outputs: list[str] | None) -> None:
        triton = pytest.importorskip("tritonclient.http")
        given = triton.InferInput("x", list(X.shape), "FP32")
        given.set_data_from_numpy(X, binary_data=binary)
        wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in outputs] if outputs else None
        body, length = triton.InferenceServerClient.generate_request_body([given], outputs=wanted, request_id="seven")
        headers = {} if length is None else {"Inference-Header-Content-Length": str(length)}
        (arrived,), _, reply = several.validator.receive(body, headers)
        np.testing.assert_array_equal(arrived, X)
        results = ({"logits": X[:, :2]}, np.arange(3), np.array(0.5, np.float16))
        response = several.validator.respond(results, reply=reply)
        size = response.headers.get("Inference-Header-Content-Length")
        read = triton.InferenceServerClient.parse_response_body(response.body, header_length=size and int(size))
        assert read.get_response()["id"] == "seven"
        assert {one["name"] for one in read.get_response()["outputs"]} == set(
            outputs or ["logits", "output_1", "output_2"]
        )
        np.testing.assert_array_equal(read.as_numpy("output_1"), np.arange(3))

    def test_kserve(self, linear: Generated) -> None:
        kserve = pytest.importorskip("kserve")
        given = kserve.InferInput("x", list(X.shape), "FP32")
        given.set_data_from_numpy(X, binary_data=True)
        body, length = kserve.InferRequest("linear", [given]).to_rest()
        (arrived,), _ = linear.validator.parse(body, {"inference-header-content-length": str(length)})
        np.testing.assert_array_equal(arrived, X)
        ours = linear.client.serialize(X)
        theirs = kserve.InferRequest.from_bytes(
            ours.body, int(ours.headers["Inference-Header-Content-Length"]), "linear"
        )
        np.testing.assert_array_equal(theirs.inputs[0].as_numpy(), X)

    def test_sagemaker_sdk(self, linear: Generated) -> None:
        serializers = pytest.importorskip("sagemaker.serializers")
        body = serializers.NumpySerializer().serialize(X)
        np.testing.assert_array_equal(self.parsed(linear, body, Content_Type="application/x-npy"), X)
        body = serializers.JSONSerializer().serialize(X).encode()
        np.testing.assert_array_equal(self.parsed(linear, body, Content_Type="application/json"), X)


class TestTheContract:
    def test_of_another_fingerprint_is_refused_with_both(self, linear: Generated) -> None:
        other = generated(
            Contract("linear", LINEAR.inputs, LINEAR.outputs, LINEAR.dims, fingerprint=f"sha256:{'2' * 64}")
        )
        request = other.client.serialize(X)
        with pytest.raises(linear.validator.ContractViolation) as refusal:
            linear.validator.parse(request.body, request.headers)
        (violation,) = refusal.value.violations
        assert violation.code == "contract"
        assert FINGERPRINT in violation.expected
        assert "2" * 64 in violation.actual

    def test_is_checked_without_a_fingerprint(self, linear: Generated) -> None:
        text = b'{"inputs":[{"name":"x","shape":[1,10],"datatype":"FP32","data":[' + b",".join([b"1"] * 10) + b"]}]}"
        with pytest.raises(linear.validator.ContractViolation) as refusal:
            linear.validator.parse(text, {})
        assert [one.code for one in refusal.value.violations] == ["shape"]


class TestBfloat16:
    CONTRACT = Contract("b", (Parameter("x", Tensor("x", "bfloat16", ("batch", 2))),), LINEAR.outputs, LINEAR.dims)

    def test_bits_and_float32_convert_exactly(self) -> None:
        ml_dtypes = pytest.importorskip("ml_dtypes")
        bits = np.arange(2**16, dtype=np.uint16)
        client = generated(self.CONTRACT).client
        expected = bits.view(ml_dtypes.bfloat16).astype(np.float32)
        np.testing.assert_array_equal(client.from_bfloat16(bits), expected)
        numbers = np.random.default_rng(0).standard_normal(10_000).astype(np.float32)
        np.testing.assert_array_equal(client.to_bfloat16(numbers), numbers.astype(ml_dtypes.bfloat16).view(np.uint16))

    def test_ml_dtypes_and_torch_tensors_are_taken(self) -> None:
        ml_dtypes = pytest.importorskip("ml_dtypes")
        torch = pytest.importorskip("torch")
        client = generated(self.CONTRACT).client
        bits = client.to_bfloat16(np.array([[1.5, -2]], np.float32))
        bodies = [
            client.serialize(bits).body,
            client.serialize(bits.view(ml_dtypes.bfloat16)).body,
            client.serialize(torch.tensor([[1.5, -2]], dtype=torch.bfloat16)).body,
            client.serialize([[1.5, -2]]).body,
        ]
        assert len(set(bodies)) == 1


class TestAnError:
    def test_is_one_line_with_all_violations(self, linear: Generated) -> None:
        validator = linear.validator
        with pytest.raises(validator.ContractViolation) as refusal:
            validator.parse(b'{"x": [[1, 2]]}', {"Content-Type": "application/json"})
        response = validator.error_response(refusal.value)
        assert response.status == 400
        content = json.loads(response.body)
        assert "\n" not in content["error"]
        assert set(content["violations"][0]) == {"code", "path", "expected", "actual", "message", "hint"}

    @pytest.mark.parametrize(("body", "headers", "status"), [
        (b"x,y", {"Content-Type": "text/csv"}, 415),
        (b"{}", {"Content-Type": "application/json", "Content-Encoding": "br"}, 415),
        (b"[" * 100, {"Content-Type": "application/json"}, 413),
        (b"{}", {"Content-Type": "application/json"}, 400),
    ])  # fmt: skip
    def test_has_the_status_that_says_most(
        self, linear: Generated, body: bytes, headers: dict[str, str], status: int
    ) -> None:
        validator = linear.validator
        with pytest.raises(validator.ContractViolation) as refusal:
            validator.parse(body, headers, limits=validator.Limits(max_body_bytes=50))
        assert validator.error_response(refusal.value).status == status

    def test_of_the_server_says_nothing(self, linear: Generated) -> None:
        response = linear.validator.error_response(RuntimeError("the password is 1234"))
        assert response.status == 500
        assert b"1234" not in response.body

    def test_reaches_our_client_as_what_it_is(self, linear: Generated) -> None:
        body = b'{"error": "inputs.x: expected float32", "violations": []}'
        with pytest.raises(linear.client.ContractViolation, match=r"inputs\.x: expected float32"):
            linear.client.deserialize(body, {"Content-Type": "application/json"})
