"""What each sample's checked-in client and validator let through, and what they refuse, both of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.generated import Pair, load

ROOT = Path(__file__).parent.parent.parent / "sample_models"


def pictures(*shape: int) -> np.ndarray[Any, Any]:
    return np.zeros(shape, np.float32)


def ids(*shape: int, value: int = 0) -> np.ndarray[Any, Any]:
    return np.full(shape, value, np.int64)


def pair(**changed: Any) -> dict[str, Any]:
    return {"image": pictures(2, 3, 32, 48), "text": ids(2, 7), **changed}


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in pair().items() if name != key}


GOOD = {
    "image: one photograph": ("image", (pictures(1, 3, 256, 256),)),
    "image: five photographs": ("image", (pictures(5, 3, 256, 256),)),
    "multimodal: a batch": ("multimodal", (pair(),)),
    "multimodal: another size of image": ("multimodal", (pair(image=pictures(2, 3, 64, 17)),)),
    "multimodal: the last word": ("multimodal", (pair(text=ids(2, 7, value=999)),)),
    "text: the longest": ("text", (ids(1, 512),)),
    "text: one token": ("text", (ids(3, 1),)),
    "text: with a mask": ("text", (ids(2, 9), ids(2, 9, value=1))),
    "unet: the smallest": ("unet", (pictures(1, 1, 16, 16),)),
    "unet: a wide one": ("unet", (pictures(2, 1, 48, 160),)),
    "sequence: one step": ("sequence", (pictures(1, 1, 12),)),
    "sequence: many steps": ("sequence", (pictures(4, 700, 12),)),
}

BAD = {
    "image: 224 x 224": ("image", (pictures(1, 3, 224, 224),), {"shape"}),
    "image: no batch dimension": ("image", (pictures(3, 256, 256),), {"rank"}),
    "image: 257 rows": ("image", (pictures(1, 3, 257, 256),), {"shape"}),
    "image: channels last": ("image", (pictures(1, 256, 256, 3),), {"shape"}),
    "multimodal: a list instead of the dict": ("multimodal", (list(pair().values()),), {"structure"}),
    "multimodal: no text": ("multimodal", (without("text"),), {"missing"}),
    "multimodal: no image": ("multimodal", (without("image"),), {"missing"}),
    "multimodal: a key too many": ("multimodal", (pair(texts=ids(2, 7)),), {"unexpected"}),
    "multimodal: id 1000": ("multimodal", (pair(text=ids(2, 7, value=1000)),), {"value"}),
    "multimodal: id -1": ("multimodal", (pair(text=ids(2, 7, value=-1)),), {"value"}),
    "multimodal: two batches": ("multimodal", (pair(text=ids(3, 7)),), {"shape"}),
    "text: too long": ("text", (ids(1, 513),), {"shape"}),
    "text: a mask of another length": ("text", (ids(2, 9), ids(2, 8)), {"shape"}),
    "text: id 5000": ("text", (ids(1, 4, value=5000),), {"value"}),
    "text: no batch dimension": ("text", (ids(4),), {"rank"}),
    "unet: 40 rows": ("unet", (pictures(1, 1, 40, 48),), {"shape"}),
    "unet: 8 columns": ("unet", (pictures(1, 1, 16, 8),), {"shape"}),
    "unet: colour": ("unet", (pictures(1, 3, 16, 16),), {"shape"}),
    "sequence: eleven sensors": ("sequence", (pictures(1, 9, 11),), {"shape"}),
    "sequence: no steps": ("sequence", (pictures(1, 0, 12),), {"shape"}),
    "sequence: no batch dimension": ("sequence", (pictures(9, 12),), {"rank"}),
}

_loaded: dict[str, Pair] = {}


def sample(name: str) -> Pair:
    if name not in _loaded:
        _loaded[name] = load(ROOT / name / "contract")
    return _loaded[name]


@pytest.mark.parametrize(("name", "arguments"), GOOD.values(), ids=GOOD.keys())
def test_a_good_input_arrives(name: str, arguments: tuple[Any, ...]) -> None:
    sample(name).validator.validate(*arguments)
    args, kwargs = sample(name).through(*arguments)
    sample(name).validator.validate(*args, **kwargs)


@pytest.mark.parametrize(("name", "arguments", "codes"), BAD.values(), ids=BAD.keys())
def test_a_bad_input_is_refused_by_both(name: str, arguments: tuple[Any, ...], codes: set[str]) -> None:
    for refusal in (sample(name).refusal(*arguments), sample(name).refusal_of_arrays(*arguments)):
        assert {violation.code for violation in refusal} == codes
