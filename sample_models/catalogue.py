"""Which class and which file belong to each sample."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent


@dataclass(frozen=True)
class Sample:
    """One folder of this one. ``artifact`` is what its ``save.py`` writes."""

    name: str
    class_name: str
    artifact: str

    @property
    def folder(self) -> Path:
        return ROOT / self.name

    @property
    def contract(self) -> Path:
        """The folder of the checked-in contract, client and validator."""
        return self.folder / "contract"

    @property
    def factory(self) -> str:
        return f"{self.folder / 'model.py'}:{self.class_name}"

    def save(self, folder: Path) -> Path:
        """Run ``save.py`` in ``folder`` and return the artifact's path."""
        subprocess.run([sys.executable, self.folder / "save.py"], cwd=folder, check=True)  # noqa: S603 (our own script)
        return folder / self.artifact


SAMPLES = (
    Sample("linear", "MyModel", "model.pth"),
    Sample("image", "ImageClassifier", "image.pth"),
    Sample("multimodal", "Matcher", "multimodal.pth"),
    Sample("text", "TextClassifier", "text.pth"),
    Sample("unet", "UNet", "unet.pth"),
    Sample("sequence", "SensorClassifier", "sequence.pth"),
)
