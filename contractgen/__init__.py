"""The true input contract of a PyTorch model.

```python
import contractgen

exported = contractgen.export("model.pth", model="train.py:MyModel")
contract = contractgen.load_contract("contracts/model/contract.json")
breaking = contractgen.diff("released.json", contract).breaking
```

Importing this package imports neither torch nor onnx; `export` does when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contractgen.contract.codec import load_contract
    from contractgen.contract.compare.files import diff
    from contractgen.contract.model import Contract
    from contractgen.pipeline import Exported, export

__version__ = "0.1.0"

__all__ = ["Contract", "Exported", "__version__", "diff", "export", "load_contract"]

_HOMES = {
    "Contract": "contractgen.contract.model",
    "Exported": "contractgen.pipeline",
    "diff": "contractgen.contract.compare.files",
    "export": "contractgen.pipeline",
    "load_contract": "contractgen.contract.codec",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 (the type of the member that is asked for)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415 (only a lazy attribute pays for it)

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
