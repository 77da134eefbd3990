"""Contracts from Python: `export`, `load_contract`, `Contract` and `diff`, all at the top of the package.

They do what the commands of the same names do, and raise where those print: a `contractgen.errors.ContractgenError`.
Importing them imports no framework; what runs a model imports torch when it is called.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from contractgen.config import Declarations, Settings, check_artifacts, check_dims, check_name, check_tensors
from contractgen.contract import codec, model
from contractgen.contract.compare.api import Comparison, Mode, compare
from contractgen.report.results import Verification

if TYPE_CHECKING:
    from contractgen.generate.files import Written
    from contractgen.generate.runtime.violations import Violation


class Contract(model.Contract):
    """What a model accepts and returns, as data, with what can be asked of it.

    ``inputs``, ``outputs``, ``dims``, ``relations`` and ``evidence`` mirror ``contract.json``.

        >>> contract = contractgen.load_contract("contracts/model/contract.json")
        >>> contract.inputs[0].name, contract.inputs[0].node.dtype, contract.inputs[0].node.shape
        ('x', 'float32', ('batch', 20))
        >>> contract.dims["batch"].min, contract.dims["batch"].max
        (1, None)
    """

    __slots__ = ()

    @classmethod
    def of(cls, data: model.Contract) -> Contract:
        """The same contract with these methods."""
        return cls(**{each.name: getattr(data, each.name) for each in fields(model.Contract)})

    def violations(self, *args: object, **kwargs: object) -> list[Violation]:
        """All that is wrong with an input; empty where the contract allows it.

        Takes what ``forward`` takes, in the forms that the generated client does: arrays of numpy, torch or JAX, and
        lists and numbers where they convert exactly. A parameter that is missing or unknown is Python's own `TypeError`,
        as in any call.

            >>> contract = contractgen.load_contract("contracts/model/contract.json")
            >>> contract.violations(np.zeros((1, 20), np.float32))
            []
            >>> for violation in contract.violations(np.zeros(20)):
            ...     print(violation.code, "|", violation.message, "|", violation.hint)
            dtype | inputs.x: expected float32, got float64 | cast it: x.astype(np.float32)
            rank | inputs.x: expected 2 axes [batch, 20], got 1 axis [20] | add a batch dimension: x[None]
        """
        from contractgen.generate.runtime.violations import Violation

        client = _client(codec.dumps(self))
        try:
            client.serialize(*args, **kwargs)
        except client.ContractViolation as error:
            return [Violation(one.code, one.path, one.expected, one.actual, one.hint) for one in error.violations]
        return []

    def check(
        self,
        artifact: str | os.PathLike[str],
        *,
        model: str | None = None,
        arguments: Mapping[str, object] | None = None,
        example: str | None = None,
        trust: bool = False,
        seed: int = 0,
        budget: float = 5.0,
        reinfer: bool = True,
    ) -> Verification:
        """Verify a model file against this contract, as ``contractgen check`` does, with a client and validator made afresh.

        ``model``, ``arguments``, ``example`` and ``trust`` are those of `export`. Random cases go on for ``budget`` seconds, and
        the same ``seed`` gives the same ones; ``reinfer`` also infers the model's contract again and finds where this one has
        drifted from it. The result is ``ok`` where nothing was found; ``findings`` says what was.

            >>> contract = contractgen.load_contract("contracts/model/contract.json")
            >>> result = contract.check("model.pth", model="train.py:MyModel")
            >>> result.ok, result.findings
            (True, ())
            >>> result.soundness.good == result.soundness.cases > 0
            True
        """
        if not isinstance(artifact, (str, os.PathLike)):
            raise TypeError(f"check takes a model file, not {type(artifact).__name__}; violations(...) takes an input")
        from contractgen import pipeline

        settings = Settings(model=model, arguments=arguments or {}, example=example)
        return pipeline.check(
            self, None, Path(artifact), settings, trust=trust, seed=seed, budget=budget, reinfer=reinfer
        )


@lru_cache(maxsize=64)
def _client(contract_text: str) -> ModuleType:
    """The generated client of a contract, as a module."""
    from contractgen.generate.render import render_client
    from contractgen.generate.sources import load_source

    return load_source(render_client(codec.loads(contract_text)), "client")


@dataclass(frozen=True)
class Exported:
    """What an export came to."""

    contract: Contract
    folder: Path
    """Where the files are, or would be."""
    verification: Verification
    written: tuple[Written, ...]
    """What became of each file; empty where verification found something."""
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether verification found nothing."""
        return self.verification.ok


def export(
    artifact: str | os.PathLike[str],
    *,
    model: str | None = None,
    arguments: Mapping[str, object] | None = None,
    example: str | None = None,
    name: str | None = None,
    out: str | os.PathLike[str] | None = None,
    artifacts: Sequence[str] = (),
    targets: Sequence[str] = (),
    entry_point: str | os.PathLike[str] | None = None,
    budget: float | None = None,
    dims: Declarations | None = None,
    tensors: Declarations | None = None,
    trust: bool = False,
    force: bool = False,
) -> Exported:
    """Find out what a model file accepts, write its contract, client and validator, and verify them against it.

    ``model`` names what builds the module of a state_dict (``package.module:callable`` or ``file.py:Class``) and
    ``arguments`` its keyword arguments; ``example`` is a first input (``FILE.npz`` or ``module:function``). ``out`` is the
    folder to write to (``contracts/<name>``), ``artifacts`` the traced models to write beside (``onnx``, ``pt2``,
    ``torchscript``), ``targets`` the serving stacks to write files for, ``entry_point`` your own ``inference.py`` for those that
    use it. ``dims`` and ``tensors`` declare what you know better, ``budget`` bounds the search for a first input in seconds.
    ``trust`` allows an artifact that runs code when it is loaded; ``force`` overwrites files that were edited by hand, and
    writes even where verification found something.

        >>> exported = contractgen.export("model.pth", model="train.py:MyModel", dims={"batch": {"max": 64}})
        >>> exported.ok
        True
        >>> exported.contract.dims["batch"].max
        64
        >>> [file.path.as_posix() for file in exported.written]
        ['contracts/model/contract.json', 'contracts/model/client.py', 'contracts/model/validator.py']
    """
    from contractgen import pipeline

    settings = Settings(
        model=model,
        arguments=arguments or {},
        example=example,
        name=None if name is None else check_name(name, "name"),
        out=None if out is None else Path(out),
        artifacts=check_artifacts(list(artifacts), "artifacts"),
        targets=tuple(targets),
        entry_point=None if entry_point is None else Path(entry_point),
        budget=budget,
        dims=check_dims(dict(dims or {}), "dims"),
        tensors=check_tensors(dict(tensors or {}), "tensors"),
    )
    done = pipeline.run(Path(artifact), settings, trust=trust, force=force)
    return Exported(Contract.of(done.contract), done.folder, done.verification, done.written, done.warnings)


def load_contract(path: str | os.PathLike[str]) -> Contract:
    """Read a contract and check all that can be checked of it.

    Raises `contractgen.errors.UsageError` where there is no such file, or where it is no contract: each line of the message
    starts with the JSON path of a cause. A contract without a fingerprint gets it here.

        >>> contractgen.load_contract("contracts/model/contract.json").fingerprint[:7]
        'sha256:'
        >>> contractgen.load_contract("train.py")
        Traceback (most recent call last):
        contractgen.contract.parsing.ContractError: train.py: not JSON: line 1, column 3: Extra data
    """
    return Contract.of(codec.load_contract(Path(path)))


def diff(
    old: model.Contract | str | os.PathLike[str], new: model.Contract | str | os.PathLike[str], mode: Mode = "backward"
) -> Comparison:
    """What changed from one contract to another, and what that breaks. Each is a contract or the path of one.

    ``mode`` says which direction has to keep working: ``backward`` is old clients with a new server, ``forward`` new
    clients with an old server, ``full`` both. The result's ``breaking`` are the findings that the mode does not forgive,
    each with a ``witness``: a request (or response) that the one contract allows and the other refuses. ``step`` is the
    semver step. Raises `contractgen.errors.UsageError` for a file that is no contract.

        >>> result = contractgen.diff("released.json", "contracts/model/contract.json")
        >>> result.step, result.breaking
        ('minor', ())
        >>> back = contractgen.diff("contracts/model/contract.json", "released.json")
        >>> [(finding.rule.id, finding.about, finding.old, finding.new) for finding in back.breaking]
        [('input-max', 'dim batch at inputs.x axis 0', 'batch (1 or more)', 'at most 8')]
    """
    return compare(_read(old), _read(new), mode)


def _read(given: model.Contract | str | os.PathLike[str]) -> Contract:
    return Contract.of(given) if isinstance(given, model.Contract) else load_contract(given)
