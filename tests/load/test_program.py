"""``.pt2`` files."""

from __future__ import annotations

import inspect
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from contractgen.errors import LoadError
from contractgen.load import load_model
from tests.load.test_state_dict import on_gpu


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"y": self.linear(x) * mask}


@pytest.fixture
def program(folder: Path) -> torch.export.ExportedProgram:
    args = (torch.randn(4, 3), torch.ones(4, 1))
    batch = torch.export.Dim("batch", max=64)
    result = torch.export.export(Net().eval(), args, dynamic_shapes=({0: batch}, {0: batch}))
    torch.export.save(result, "model.pt2")
    return result


def test_it_runs_with_its_example_its_names_and_its_constraints(program: Any) -> None:
    loaded = load_model("model.pt2")
    assert loaded.kind == "pt2"
    assert loaded.notes == ()
    assert loaded.traced_inputs is not None
    args, kwargs = loaded.traced_inputs
    assert [tuple(tensor.shape) for tensor in args] == [(4, 3), (4, 1)]
    assert torch.equal(loaded.module(*args, **kwargs)["y"], program.module()(*args)["y"])
    assert list(inspect.signature(loaded.module.forward).parameters) == ["x", "mask"]
    constraints = loaded.module.exported_program.range_constraints
    assert [int(each.upper) for each in constraints.values()] == [64]


def test_without_an_example_it_has_none(program: Any, folder: Path) -> None:
    program.example_inputs = None
    torch.export.save(program, "bare.pt2")
    assert load_model("bare.pt2").traced_inputs is None


def test_a_pickle_in_it_that_would_run_code_is_refused(program: Any, folder: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return exec, ("open('exploded', 'w')",)

    buffer = io.BytesIO()
    torch.save(Bomb(), buffer)
    with zipfile.ZipFile("model.pt2") as old, zipfile.ZipFile("bad.pt2", "w") as new:
        for name in old.namelist():
            new.writestr(name, buffer.getvalue() if "sample_inputs" in name else old.read(name))
    with pytest.raises(LoadError, match=r"would import and run builtins\.exec"):
        load_model("bad.pt2")
    assert not (folder / "exploded").exists()


def test_a_damaged_archive(program: Any, folder: Path) -> None:
    with zipfile.ZipFile("model.pt2") as old, zipfile.ZipFile("bad.pt2", "w") as new:
        for name in old.namelist():
            new.writestr(name, b"{}" if name.endswith("models/model.json") else old.read(name))
    with pytest.raises(LoadError, match="cannot be loaded as an ExportedProgram"):
        load_model("bad.pt2")


def test_a_program_of_a_gpu_comes_to_the_cpu(folder: Path) -> None:
    class Counts(Net):
        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"y": super().forward(x, mask)["y"] + torch.arange(2, device=x.device)}

    args = (torch.randn(4, 3), torch.ones(4, 1))
    program = torch.export.export(Counts().eval(), args)
    torch.export.save(program, "cpu.pt2")
    with zipfile.ZipFile("cpu.pt2") as old, zipfile.ZipFile("model.pt2", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith(".json"):
                data = data.replace(b'"type": "cpu", "index": null', b'"type": "cuda", "index": 0')
            if "sample_inputs" in name:
                (folder / "inputs.pt").write_bytes(data)
                on_gpu(folder / "inputs.pt")
                data = (folder / "inputs.pt").read_bytes()
            new.writestr(name, data)
        assert b'"cuda"' in new.read(next(name for name in new.namelist() if name.endswith("models/model.json")))
    loaded = load_model("model.pt2")
    assert loaded.traced_inputs is not None
    assert torch.equal(loaded.traced_inputs[0][0], args[0])
    assert torch.equal(loaded.module(*args)["y"], program.module()(*args)["y"])
