"""The generated model repository in the real Triton Inference Server."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from tritonclient import http
from tritonclient.grpc import model_config_pb2
from tritonclient.utils import InferenceServerException

from contractgen.contract.codec import load_contract
from contractgen.generate.targets import Deployment, known
from sample_models.catalogue import SAMPLES
from tests.generate.test_artifact import EVIL, evil_contract
from tests.integration.samples import FAILURES, Deployed, good, wire
from tests.integration.triton.server import triton


def config_of(contract: Any, folder: Path) -> Any:
    said = Deployment(folder=folder, artifact=folder / "m.pth", factory="net.py:Net")
    text = known("triton").render(contract, said)["triton/config.pbtxt"]
    return text_format.Parse(text, model_config_pb2.ModelConfig())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_the_configuration_says_what_the_contract_says(sample: Any, tmp_path: Path) -> None:
    contract = load_contract(sample.contract / "contract.json")
    config = config_of(contract, tmp_path)
    assert config.backend == "python"
    assert config.max_batch_size == 0, "the batch has no bound, and Triton wants a number"
    assert not config.HasField("dynamic_batching")
    for entry in (*config.input, *config.output):
        assert entry.data_type != 0
        assert entry.dims[0] == -1


def test_a_bounded_batch_is_batched_and_an_optional_input_is_optional(tmp_path: Path) -> None:
    contract = load_contract(SAMPLES[0].contract / "contract.json")
    bounded = dataclasses.replace(
        contract,
        dims={"batch": dataclasses.replace(contract.dims["batch"], max=8)},
        inputs=(*contract.inputs, optional(contract.inputs[0])),
    )
    config = config_of(bounded, tmp_path)
    assert config.max_batch_size == 8
    assert config.HasField("dynamic_batching")
    assert [list(entry.dims) for entry in config.input] == [[20], [20]]
    assert [entry.optional for entry in config.input] == [False, True]


def optional(parameter: Any) -> Any:
    node = dataclasses.replace(parameter.node, wire_name="bias")
    return dataclasses.replace(parameter, name="bias", required=False, node=node)


@pytest.mark.parametrize("name", [name for name in EVIL if "\ud800" not in name])
def test_a_name_of_any_kind_is_a_name(name: str, tmp_path: Path) -> None:
    config = config_of(evil_contract(name), tmp_path)
    assert config.input[0].name == f"{name.replace('*', 'star')}.a"


@pytest.fixture(scope="module")
def served(linear: Deployed, multimodal: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Three models: both samples, and the linear one with a bounded batch."""
    repository = tmp_path_factory.mktemp("repository")
    for deployed in (linear, multimodal):
        place(deployed, deployed.render("triton"), repository / deployed.name)
    folder = linear.render("triton")
    place(linear, folder, repository / "batched")
    contract = load_contract(folder / "contract.json")
    bounded = dataclasses.replace(contract, dims={"batch": dataclasses.replace(contract.dims["batch"], max=8)})
    said = Deployment(folder=folder, artifact=linear.artifact, factory=f"{linear.source}:{linear.class_name}")
    text = known("triton").render(bounded, said)["triton/config.pbtxt"]
    (repository / "batched/config.pbtxt").write_text(text)
    with triton(repository, tmp_path_factory.mktemp("triton")) as port:
        yield port


def place(deployed: Deployed, generated: Path, model: Path) -> None:
    """A model in a repository, as its page says."""
    shutil.copytree(generated / "triton", model)
    for path in (generated / "validator.py", generated / "contract_model.py", deployed.artifact, deployed.source):
        shutil.copy(path, model / "1")


def infer(port: int, model: str, tensors: dict[str, Any], binary: bool = True) -> Any:
    client = http.InferenceServerClient(f"127.0.0.1:{port}", network_timeout=60, connection_timeout=60)
    inputs = []
    for name, array in tensors.items():
        entry = http.InferInput(name, array.shape, {"float32": "FP32", "int64": "INT64"}[array.dtype.name])
        entry.set_data_from_numpy(array, binary_data=binary)
        inputs.append(entry)
    with client:
        return client.infer(model, inputs).as_numpy("output")


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("name", ["linear", "multimodal", "batched"])
def test_a_valid_request_is_answered_with_what_the_model_says(
    request: pytest.FixtureRequest, served: int, name: str, binary: bool
) -> None:
    sample = "linear" if name == "batched" else name
    value = good(sample)
    result = infer(served, name, wire(sample, value), binary)
    np.testing.assert_allclose(result, request.getfixturevalue(sample).expected(value), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("failure", FAILURES)
def test_what_the_configuration_can_say_triton_refuses_itself(served: int, failure: str) -> None:
    name, value, _ = FAILURES[failure]
    with pytest.raises(InferenceServerException) as refusal:
        infer(served, name, wire(name, value))
    assert refusal.value.status() == "400"


BEYOND = {
    "a NaN": ("linear", np.full((1, 20), np.nan, np.float32), "value"),
    "an id out of range": (
        "multimodal", {"image": np.zeros((1, 3, 4, 4), np.float32), "text": np.full((1, 2), 1000)}, "value",
    ),
    "two batches": ("multimodal", {"image": np.zeros((2, 3, 4, 4), np.float32), "text": np.zeros((1, 2), int)}, "shape"),
    "an empty batch": ("linear", np.zeros((0, 20), np.float32), "shape"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "value", "code"), BEYOND.values(), ids=BEYOND.keys())
def test_what_it_cannot_say_the_validator_refuses(served: int, name: str, value: Any, code: str) -> None:
    with pytest.raises(InferenceServerException) as refusal:
        infer(served, name, wire(name, value))
    assert refusal.value.status() == "400"
    text = refusal.value.message()
    violations = json.loads(text[text.index("{") :])["violations"]
    assert code in {one["code"] for one in violations}


def test_one_bad_request_does_not_fail_its_neighbours_in_a_dynamic_batch(linear: Deployed, served: int) -> None:
    values = [good("linear", batch=1, seed=i) for i in range(24)]
    for i in range(0, 24, 5):
        values[i][0, 3] = np.inf

    def send(value: Any) -> Any:
        try:
            return infer(served, "batched", {"x": value})
        except InferenceServerException as refusal:
            return refusal.status()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, values))
    for i, (value, answer) in enumerate(zip(values, answers, strict=True)):
        if i % 5 == 0:
            assert answer == "400"
        else:
            np.testing.assert_allclose(answer, linear.expected(value), rtol=1e-5, atol=1e-6)
