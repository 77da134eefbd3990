"""One export, in a process of its own: ``python -m benchmarks.export.work contractgen|torch MODEL FOLDER``."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import torch

from benchmarks.export import models


def with_torch(name: str, folder: Path) -> None:
    """What a user does by hand: load, `torch.export.export`, `torch.onnx.export`, both with a dynamic batch."""
    model = getattr(models, name)()
    model.load_state_dict(torch.load(folder / f"{name}.pth", weights_only=True))
    model.eval()
    example = (models.EXAMPLES[name](),)
    shapes = tuple({0: torch.export.Dim.DYNAMIC} for _ in example)
    torch.export.save(torch.export.export(model, example, dynamic_shapes=shapes), folder / f"{name}.torch.pt2")
    torch.onnx.export(model, example, folder / f"{name}.torch.onnx", dynamo=True, dynamic_shapes=shapes, verbose=False)


def with_contractgen(name: str, folder: Path) -> None:
    """The whole of `contractgen export`, without an example: inference, generated code, verification."""
    import contractgen

    done = contractgen.export(
        folder / f"{name}.pth", model=f"{models.__file__}:{name}", out=folder / name, artifacts=("pt2", "onnx")
    )
    assert done.ok, done.verification.findings


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    {"torch": with_torch, "contractgen": with_contractgen}[sys.argv[1]](sys.argv[2], Path(sys.argv[3]))
