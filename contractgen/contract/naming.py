"""What a contract is called when nobody says."""

from __future__ import annotations

import re
from pathlib import Path


def name_of(path: Path) -> str:
    """The default name of a contract: ``./weights/my-model.v2.tar.gz`` gives ``my_model_v2``."""
    stem = path.resolve().name
    for ending in (".tar.gz", ".tgz", ".index.json"):
        stem = stem.removesuffix(ending)
    if stem == path.resolve().name and not path.is_dir():
        stem = path.resolve().stem
    slug = re.sub(r"[^0-9A-Za-z]+", "_", stem).strip("_")
    return f"model_{slug}".strip("_") if not slug or slug[0].isdigit() else slug
