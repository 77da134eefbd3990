from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from contractgen.contract.expression import holds
from contractgen.contract.model import Contract
from tests.infer.conftest import inferred

PATCH, PATCHES = 4, 16


class Sliced(nn.Module):
    """Patches of a picture, which take as many positions of a table as there are patches."""

    def __init__(self, dims: int = 2) -> None:
        super().__init__()
        self.patch = (nn.Conv2d, nn.Conv3d)[dims - 2](3, 8, PATCH, stride=PATCH)
        self.positions = nn.Parameter(torch.randn(1, PATCHES, 8))
        self.head = nn.Linear(8, 5)

    def forward(self, img: torch.Tensor) -> torch.Tensor:
        if any(size % PATCH for size in img.shape[2:]):
            raise ValueError(f"a picture of {tuple(img.shape[2:])} is no grid of patches")
        x = self.patch(img).flatten(2).transpose(1, 2)
        return self.head((x + self.positions[:, : x.shape[1]]).mean(1))


class LookedUp(Sliced):
    """The same with positions from an embedding, which leaves no condition behind."""

    def forward(self, img: torch.Tensor) -> torch.Tensor:
        if any(size % PATCH for size in img.shape[2:]):
            raise ValueError(f"a picture of {tuple(img.shape[2:])} is no grid of patches")
        x = self.patch(img).flatten(2).transpose(1, 2)
        places = nn.functional.embedding(torch.arange(x.shape[1]), self.positions[0])
        return self.head((x + places).mean(1))


class Flat(nn.Module):
    """A picture whose features are flattened: another one with as many runs, and means nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 2, stride=2)
        self.head = nn.Linear(4 * 16 * 16, 5)

    def forward(self, img: torch.Tensor) -> torch.Tensor:
        return self.head(self.conv(img).flatten(1))


def accepts(contract: Contract, **sizes: int) -> bool:
    """Whether the dims and relations allow these sizes."""
    dims = {name: contract.dims[name] for name in sizes}
    within = all(
        size >= dims[name].min and (dims[name].max or size) >= size and size % dims[name].multiple_of == 0
        for name, size in sizes.items()
    )
    return within and all(holds(relation, {"batch": 1, **sizes}) for relation in contract.relations)


@pytest.mark.parametrize("module", [Sliced(), LookedUp()], ids=["sliced", "looked up"])
def test_a_picture_has_as_many_patches_as_there_are_positions_however_they_lie(module: nn.Module) -> None:
    contract = inferred(module.eval())
    for height, width in itertools.product((3, 4, 8, 12, 16, 18, 20, 32, 64, 68), repeat=2):
        runs = height % PATCH == width % PATCH == 0 and height * width <= PATCHES * PATCH**2
        assert accepts(contract, height=height, width=width) == runs, (height, width)


def test_a_film_has_as_many_patches_as_there_are_positions_however_they_lie() -> None:
    contract = inferred(Sliced(3).eval())
    names = [name for name in contract.dims if name != "batch"]
    for sizes in itertools.product((3, 4, 8, 12, 16, 32, 64), repeat=3):
        runs = not any(size % PATCH for size in sizes) and sizes[0] * sizes[1] * sizes[2] <= PATCHES * PATCH**3
        assert accepts(contract, **dict(zip(names, sizes, strict=True))) == runs, sizes


def test_a_picture_of_which_all_is_weighed_stays_as_it_is() -> None:
    contract = inferred(Flat().eval())
    assert set(contract.dims) == {"batch"}
    assert not contract.relations
