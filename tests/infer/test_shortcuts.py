from __future__ import annotations

import pytest
import torch
from torch import nn

from contractgen.infer.trial import SymbolicTensor, Tracer
from tests.infer.conftest import f32, params

LAYERS = (
    (nn.GroupNorm(2, 4), (3, 4, 7, 5)),
    (nn.LayerNorm((7, 5)), (3, 4, 7, 5)),
    (nn.BatchNorm2d(4), (3, 4, 7, 5)),
    (nn.Sequential(nn.ELU(inplace=True), nn.Mish(), nn.GELU("tanh"), nn.SiLU(inplace=True)), (3, 4, 7)),
    (nn.Upsample(scale_factor=2), (3, 4, 7)),
    (nn.Upsample(scale_factor=1.5, mode="bilinear"), (3, 4, 7, 5)),
    (nn.Upsample(size=(6, 11), mode="bicubic", align_corners=True), (3, 4, 7, 5)),
    (nn.Upsample(scale_factor=3, mode="trilinear"), (3, 4, 7, 5, 11)),
)


@pytest.mark.parametrize(("layer", "sizes"), LAYERS, ids=lambda value: type(value).__name__)
def test_a_shortcut_gives_the_sizes_of_the_kernel(layer: nn.Module, sizes: tuple[int, ...]) -> None:
    trial = Tracer(layer.eval()).run(params(input=f32(*sizes)))
    real = layer(torch.zeros(sizes))
    assert trial.ok, trial.message
    concrete = Tracer(layer).run(params(input=f32(*sizes)), symbolic=False)
    assert concrete.outputs == SymbolicTensor(real.dtype, tuple(real.shape))


def test_interpolations_are_computed_again_after_a_symbolic_run() -> None:
    layer = nn.Upsample(scale_factor=2, mode="bilinear")
    image = torch.arange(6.0).reshape(1, 1, 2, 3)
    before = layer(image)
    assert Tracer(layer).run(params(input=f32(2, 3, 5, 7))).ok
    assert torch.equal(layer(image), before)


def test_a_normalised_shape_that_differs_is_refused_with_a_condition() -> None:
    trial = Tracer(nn.LayerNorm(8)).run(params(input=f32(3, 7)))
    assert not trial.ok
    assert "normalized_shape" in trial.message
    assert any(guard.axes == ((("input",), 1),) for guard in trial.guards)
