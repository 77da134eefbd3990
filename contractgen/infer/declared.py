"""What the user declares narrows and names what was found; a declaration that a run refutes is an error that shows the run."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from contractgen.errors import DeclarationRefuted, UsageError
from contractgen.infer.assemble import Facts, dtype_name
from contractgen.infer.edits import Put
from contractgen.infer.extents import Claim, Extent, Sizes
from contractgen.infer.hypothesis import Path, dotted
from contractgen.infer.priors import Prior
from contractgen.infer.probe import Input
from contractgen.infer.signature import Signature

Declarations = Mapping[str, Mapping[str, object]]


def suggest(signature: Signature, tensors: Declarations) -> None:
    """Let declared dtypes and shapes lead the search."""
    for wire, members in tensors.items():
        path = _path(wire)
        prior = signature.priors.get(path, Prior())
        dtypes = (_dtype(wire, members["dtype"]),) if "dtype" in members else prior.dtypes
        shape = members.get("shape")
        dims = tuple(str(size) for size in shape) if isinstance(shape, list) else prior.dims
        ranks = (len(dims),) if isinstance(shape, list) else prior.ranks
        signature.priors[path] = replace(prior, dtypes=dtypes, ranks=ranks, dims=dims, declared=True)


@dataclass
class Declared:
    """Applies declarations to the facts of one model."""

    facts: Facts
    sizes: Sizes

    def apply(self, dims: Declarations, tensors: Declarations) -> None:
        """Narrow and rename. Raises DeclarationRefuted, or UsageError for a name that nothing has."""
        for wire, members in tensors.items():
            self._tensor(wire, members)
        for name, members in dims.items():
            self._dim(name, members)

    def _dim(self, name: str, members: Mapping[str, object]) -> None:
        index = next((i for i, known in self.facts.names.items() if known == name), None)
        if index is None or not self.facts.extents[index].free:
            free = [known for i, known in self.facts.names.items() if self.facts.extents[i].free]
            raise UsageError(f"no free dim is called {name!r}", hint=_nearest(name, free))
        extent = self.facts.extents[index]
        bounds = {key: value for key, value in members.items() if key != "name"}
        for key, value in bounds.items():
            assert isinstance(value, int)
            setattr(extent, "max" if key == "max" else "min" if key == "min" else "multiple_of", value)
            extent.remainder = 0 if key == "multiple_of" else extent.remainder
            extent.claims = [claim for claim in extent.claims if claim.property != key]
            extent.claims.append(Claim(key, "declared", f"declared as {value}"))
        self._confirm(extent, f"dims.{name}")
        if isinstance(members.get("name"), str):
            self.facts.names[index] = str(members["name"])

    def _confirm(self, extent: Extent, where: str) -> None:
        """Run the declared bounds; each must be a size that the model takes."""
        step = extent.multiple_of
        low = extent.ceil(extent.min)
        wanted = [low] if extent.max is None else sorted({low, extent.floor(extent.max)})
        if extent.max is not None and extent.floor(extent.max) < low:
            raise UsageError(f"{where}: no multiple of {step} lies between {extent.min} and {extent.max}")
        for size in wanted:
            if not self.sizes.ok(extent, [size])[0]:
                outcome = self.sizes.prober.at([self.sizes.with_size((extent, size))])[0]
                raise DeclarationRefuted(
                    f"{where}: the model refutes it: {self._shown(extent, size)}: {self.sizes.prober.describe(outcome)}"
                )
        extent.min = low

    def _shown(self, extent: Extent, size: int) -> str:
        sized = self.sizes.prober.hypothesis.with_sizes(self.sizes.with_size((extent, size)))
        return ", ".join(
            f"{dotted(path)} {dtype_name(leaf.dtype)}{list(leaf.sizes)}" for path, leaf in sized.leaves().items()
        )

    def _tensor(self, wire: str, members: Mapping[str, object]) -> None:
        leaves = {dotted(path): path for path in self.facts.hypothesis.leaves()}
        if wire not in leaves:
            raise UsageError(f"no input tensor is called {wire!r}", hint=_nearest(wire, leaves))
        path = leaves[wire]
        leaf = self.facts.hypothesis.leaves()[path]
        if "dtype" in members and leaf.dtype != _dtype(wire, members["dtype"]):
            raise DeclarationRefuted(
                f"tensors.{wire}.dtype: the model runs on {dtype_name(leaf.dtype)} and not on {members['dtype']}"
            )
        shape = members.get("shape")
        if isinstance(shape, list):
            self._shape(wire, path, shape)
        self._values(wire, path, members)
        if "optional" in members:
            self._optional(wire, path, bool(members["optional"]))

    def _shape(self, wire: str, path: Path, shape: Sequence[object]) -> None:
        rank = len(self.facts.hypothesis.leaves()[path].sizes)
        if rank != len(shape):
            raise DeclarationRefuted(
                f"tensors.{wire}.shape: the model runs on rank {rank} and not on rank {len(shape)}"
            )
        for axis, wanted in enumerate(shape):
            index = next(i for i, extent in enumerate(self.facts.extents) if (path, axis) in extent.group)
            extent = self.facts.extents[index]
            if isinstance(wanted, str):
                if extent.free:
                    self.facts.names[index] = wanted
            elif isinstance(wanted, int) and extent.fixed != wanted:
                if not extent.free or not self.sizes.ok(extent, [wanted])[0]:
                    raise DeclarationRefuted(
                        f"tensors.{wire}.shape: the model refutes {wanted} on axis {axis}: {self._shown(extent, wanted)} failed"
                    )
                extent.fixed = wanted
                extent.claims = [Claim("fixed", "declared", f"declared as {wanted}")]

    def _values(self, wire: str, path: Path, members: Mapping[str, object]) -> None:
        domain = self.facts.domains[path]
        for key in ("min", "max"):
            value = members.get(key)
            if isinstance(value, int):
                outcome = self.sizes.prober.run([Input((), ((path, Put(value, -1)),))])[0]
                if not self.sizes.prober.means(outcome):
                    raise DeclarationRefuted(
                        f"tensors.{wire}.{key}: the model refutes it: {value} in {wire}: {self.sizes.prober.describe(outcome)}"
                    )
                domain.settle(key, value, [Claim(key, "declared", f"declared as {value}")])
        one_of = members.get("one_of")
        if isinstance(one_of, list):
            domain.one_of = tuple(int(value) for value in one_of)
            domain.claims = [claim for claim in domain.claims if claim.property != "one_of"]
            domain.claims.append(Claim("one_of", "declared", f"declared as {one_of}"))
        for key in ("finite", "not_nan"):
            if key in members:
                setattr(domain, key, bool(members[key]))
                domain.claims = [claim for claim in domain.claims if claim.property != key]
                domain.claims.append(Claim(key, "declared", f"declared as {str(members[key]).lower()}"))

    def _optional(self, wire: str, path: Path, optional: bool) -> None:
        taken = next((known for known in self.facts.optional if path[: len(known)] == known), None)
        if optional and taken is None:
            raise DeclarationRefuted(f"tensors.{wire}.optional: the model does not run without it")
        if not optional and taken is not None:
            self.facts.optional -= {taken}


def _dtype(wire: str, name: object) -> torch.dtype:
    dtype = getattr(torch, str(name), None)
    if not isinstance(dtype, torch.dtype):
        raise UsageError(f"tensors.{wire}.dtype: {name!r} is no dtype", hint="write it as in float32, int64 or bool")
    return dtype


def _path(wire: str) -> Path:
    return tuple(int(part) if part.isdigit() else part for part in wire.split("."))


def _nearest(name: str, known: Mapping[str, object] | Sequence[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(known))}"
