"""Sample models as a user deploys them: weights and class in a repository, generated files in the contract's folder."""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from contractgen.contract.codec import load_contract
from contractgen.generate.files import write_files
from contractgen.generate.targets import Deployment, render_all
from sample_models.catalogue import SAMPLES
from tests.generated import Pair, load

ARGUMENTS: dict[str, dict[str, object]] = {"linear": {"input_size": 20}}
DATATYPES = {"float32": "FP32", "int64": "INT64", "float64": "FP64"}


@dataclass(frozen=True)
class Deployed:
    """A sample in a repository of its own."""

    name: str
    root: Path
    artifact: Path
    source: Path
    class_name: str

    @property
    def contract(self) -> Path:
        return self.root / "contract"

    @property
    def client(self) -> ModuleType:
        return _generated(self.contract).client

    @property
    def validator(self) -> ModuleType:
        return _generated(self.contract).validator

    def render(self, *targets: str, out: str = "contract", entry_point: Path | None = None, **more: Any) -> Path:
        """Write the files of these targets, and return their folder."""
        folder = self.root / out
        said = {"artifact": self.artifact, "factory": f"{self.source}:{self.class_name}"}
        deployment = Deployment(
            folder=folder, arguments=ARGUMENTS.get(self.name, {}), entry_point=entry_point, **{**said, **more}
        )
        folder.mkdir(exist_ok=True)
        write_files(folder, render_all(load_contract(self.contract / "contract.json"), targets, deployment))
        return folder

    def unpacked(self, folder: Path) -> Path:
        """The `model.tar.gz` that the generated script packs, as SageMaker unpacks it."""
        archive, place = folder / "model.tar.gz", folder / "model"
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([sys.executable, str(folder / "pack_model.py"), "--out", str(archive)], check=True, timeout=60)
        with tarfile.open(archive) as packed:
            packed.extractall(place, filter="data")
        return place

    def expected(self, *args: Any) -> Any:
        """What the model itself says, run eagerly."""
        import torch

        with torch.no_grad():
            return _eager(self)(*map(_tensors, args)).numpy()


@functools.cache
def _generated(folder: Path) -> Pair:
    return load(folder)


@functools.cache
def _eager(deployed: Deployed) -> Any:
    """The model, loaded as its author would."""
    import torch

    with importing(deployed.source.parent):
        kind = getattr(importlib.import_module(deployed.source.stem), deployed.class_name)
        model = kind(**ARGUMENTS.get(deployed.name, {})).eval()
    model.load_state_dict(torch.load(deployed.artifact, weights_only=True))
    return model


def _tensors(value: Any) -> Any:
    import torch

    if isinstance(value, dict):
        return {key: torch.from_numpy(item) for key, item in value.items()}
    return torch.from_numpy(value)


@contextlib.contextmanager
def deploy(name: str, root: Path) -> Iterator[Deployed]:
    """A sample with its weights, its class and its contract below `root`."""
    sample = next(one for one in SAMPLES if one.name == name)
    source = root / "net.py"
    shutil.copy(sample.folder / "model.py", source)
    artifact = sample.save(root)
    (root / "contract").mkdir()
    shutil.copy(sample.contract / "contract.json", root / "contract")
    deployed = Deployed(name, root, artifact, source, sample.class_name)
    deployed.render()
    yield deployed


@contextlib.contextmanager
def importing(folder: Path) -> Iterator[None]:
    """`folder` first on the import path; whatever was imported from it is forgotten afterwards."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for module_name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(f"{folder}/"):
                del sys.modules[module_name]
        importlib.invalidate_caches()


def good(name: str, batch: int = 3, seed: int = 0) -> Any:
    """The one argument of a call that keeps the contract."""
    random = np.random.default_rng(seed)
    if name == "linear":
        return random.normal(size=(batch, 20)).astype(np.float32)
    image = random.normal(size=(batch, 3, 8, 9)).astype(np.float32)
    return {"image": image, "text": random.integers(0, 1000, (batch, 5))}


def wire(name: str, value: Any) -> dict[str, np.ndarray[Any, Any]]:
    """The tensors of a call by their names in a request."""
    return {"x": value} if name == "linear" else {f"batch.{key}": item for key, item in value.items()}


FAILURES: dict[str, tuple[str, Any, str]] = {
    "shape": ("linear", np.zeros((1, 10), np.float32), "shape"),
    "dtype": ("linear", np.zeros((1, 20), np.int64), "dtype"),
    "structure": ("multimodal", {"image": np.zeros((1, 3, 8, 8), np.float32)}, "missing"),
}
"""What breaks a deployed model most often: the sample, the argument of a call, and the code of the violation."""


def binary(tensors: dict[str, np.ndarray[Any, Any]]) -> tuple[bytes, str]:
    """A request of another make, with nothing checked: its body and SageMaker's content type for it."""
    inputs = [
        {
            "name": name,
            "shape": list(array.shape),
            "datatype": DATATYPES[array.dtype.name],
            "parameters": {"binary_data_size": array.nbytes},
        }
        for name, array in tensors.items()
    ]
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    body = head + b"".join(array.tobytes() for array in tensors.values())
    return body, f"application/vnd.sagemaker-triton.binary+json;json-header-size={len(head)}"


def protocol_json(tensors: dict[str, np.ndarray[Any, Any]]) -> bytes:
    """The same request as JSON of the Open Inference Protocol."""
    inputs = [
        {
            "name": name,
            "shape": list(array.shape),
            "datatype": DATATYPES[array.dtype.name],
            "data": array.ravel().tolist(),
        }
        for name, array in tensors.items()
    ]
    return json.dumps({"inputs": inputs}).encode()
