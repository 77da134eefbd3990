"""Turning an artifact (weights, a pickle, TorchScript, ``.pt2``, ONNX, SageMaker, transformers) into a runnable model."""

from __future__ import annotations

from contractgen.load.loaded import LoadedModel
from contractgen.load.opening import load_model

__all__ = ["LoadedModel", "load_model"]
