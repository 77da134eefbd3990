"""The generated signature in the real MLflow."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature

from contractgen.contract.codec import load_contract
from contractgen.generate.targets import Deployment, render_all
from sample_models.catalogue import SAMPLES
from tests.integration.samples import Deployed, good, importing, wire


def signature_of(contract: Any, folder: Path) -> tuple[ModelSignature, tuple[str, ...]]:
    files = render_all(contract, ["mlflow"], Deployment(folder=folder))
    (folder / "mlflow_signature.py").write_text(files["mlflow_signature.py"])
    with importing(folder):
        module = importlib.import_module("mlflow_signature")
        return module.signature(), module.LOST


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_names_dtypes_and_fixed_sizes_survive_a_file(sample: Any, tmp_path: Path) -> None:
    contract = load_contract(sample.contract / "contract.json")
    signature, lost = signature_of(contract, tmp_path)
    Model(signature=signature).save(str(tmp_path / "MLmodel"))
    again = Model.load(str(tmp_path / "MLmodel")).signature
    assert again == signature
    assert lost
    for spec in (*again.inputs, *again.outputs):
        assert spec.shape[0] == -1


class Echo(mlflow.pyfunc.PythonModel):
    """Says what reached the model."""

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return {name: [str(array.dtype), list(array.shape)] for name, array in model_input.items()}


@pytest.fixture
def loaded(multimodal: Deployed, tmp_path: Path) -> Any:
    signature, _ = signature_of(load_contract(multimodal.contract / "contract.json"), tmp_path)
    mlflow.pyfunc.save_model(str(tmp_path / "saved"), python_model=Echo(), signature=signature, pip_requirements=[])
    return mlflow.pyfunc.load_model(str(tmp_path / "saved"))


def test_mlflow_lets_a_valid_call_through(loaded: Any) -> None:
    result = loaded.predict(wire("multimodal", good("multimodal")))
    assert result == {"batch.image": ["float32", [3, 3, 8, 9]], "batch.text": ["int64", [3, 5]]}


def broken(**changes: Any) -> dict[str, Any]:
    tensors = wire("multimodal", good("multimodal"))
    return {name: array for name, array in (tensors | changes).items() if array is not None}


@pytest.mark.parametrize(
    "call",
    [
        broken(**{"batch.text": None}),
        broken(**{"batch.image": np.zeros((3, 4, 8, 8), np.float32)}),
        broken(**{"batch.image": np.zeros((3, 3, 8, 8), np.float64)}),
    ],
    ids=["structure", "shape", "dtype"],
)
def test_mlflow_refuses_what_a_signature_can_hold(loaded: Any, call: dict[str, Any]) -> None:
    with pytest.raises(MlflowException, match=r"schema|Shape|shape|dtype|missing"):
        loaded.predict(call)


def test_what_is_listed_as_lost_is_let_through(loaded: Any) -> None:
    call = broken(**{"batch.text": np.full((2, 5), 1000)})
    assert loaded.predict(call)["batch.text"] == ["int64", [2, 5]]
