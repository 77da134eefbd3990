"""The true input contract of a PyTorch model.

    >>> import contractgen
    >>> exported = contractgen.export("model.pth", model="train.py:MyModel")
    >>> contract = contractgen.load_contract("contracts/model/contract.json")
    >>> contract == exported.contract
    True
    >>> contract.violations([[0.5] * 20])
    []
    >>> contract.check("model.pth", model="train.py:MyModel").ok
    True
    >>> contractgen.diff("released.json", contract).breaking
    ()

Importing this package imports neither torch nor onnx; what runs a model does when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contractgen.api import Contract, Exported, diff, export, load_contract

__version__ = "0.1.0"

__all__ = ["Contract", "Exported", "__version__", "diff", "export", "load_contract"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 (the type of the member that is asked for)
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from contractgen import api  # noqa: PLC0415 (only a lazy attribute pays for it)

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
