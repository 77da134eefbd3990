"""The symbols of one symbolic run: one for each size of an input, and one for each size whose expression grew too long.

Windows of windows make expressions that cost more to simplify than all the rest of the run. Where one is too long, the
run goes on with a new symbol in its place; a condition over such symbols is evaluated through what they stand for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch._dynamo.source import ConstantSource
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv
from torch.utils._sympy.functions import Mod, PythonMod

from contractgen.infer.hypothesis import Axis

_LONG = 10
"""Operations that the expression of one size may hold."""


class Names:
    """What the symbols of one run stand for."""

    def __init__(self, env: ShapeEnv) -> None:
        self.axes: dict[Any, Axis] = {}
        """The axis of an input whose size a symbol is."""
        self.definitions: dict[Any, Any] = {}
        """The expression that a symbol was put in place of, over symbols that are older."""
        self.numbers: dict[str, str] = {}
        """The size that a symbol has in this run."""
        self._env = env
        self._short: dict[Any, Any] = {}

    def add(self, size: Any, axis: Axis) -> None:
        """Note the symbol of an input's axis, if its size is one."""
        if isinstance(size, torch.SymInt):
            self.axes[size.node.expr] = axis
            self.numbers[str(size.node.expr)] = str(size.node.hint)

    def tame(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor, with a symbol of its own for each size whose expression is long."""
        sizes: list[Any] = [self._shortened(size) for size in tuple(tensor.shape)]
        if all(new is old for new, old in zip(sizes, tuple(tensor.shape), strict=True)):
            return tensor
        return torch.empty(sizes, dtype=tensor.dtype, device=tensor.device)

    def _shortened(self, size: Any) -> Any:
        if not isinstance(size, torch.SymInt) or size.node.expr.count_ops() <= _LONG:
            return size
        expr, number = size.node.expr, size.node.hint
        if expr.has(Mod, PythonMod):
            return number  # what is padded to whole windows: conditions on it take minutes to simplify
        if expr not in self._short:
            source = ConstantSource(f"size_{len(self._short)}")
            symbol = self._env.create_symbol(number, source, DimDynamic.DYNAMIC, None)
            self._short[expr] = self._env.create_symintnode(symbol, hint=number, source=source)
            if symbol.free_symbols:  # a size of 1 is a plain number
                self.definitions[symbol] = expr
                self.numbers[str(symbol)] = str(number)
        return self._short[expr]

    def hides(self, expr: Any) -> bool:
        """Whether the expression is over other symbols than those of the inputs."""
        return not expr.free_symbols <= self.axes.keys()

    def axes_of(self, expr: Any) -> tuple[Axis, ...]:
        """The axes of the inputs that an expression depends on, in order of first mention."""
        return tuple(
            dict.fromkeys(self.axes[symbol] for symbol in ordered(expr, self.definitions) if symbol in self.axes)
        )


def ordered(expr: Any, definitions: Mapping[Any, Any]) -> tuple[Any, ...]:
    """The symbols that an expression is over and those that they stand for, each after those that it is defined by."""
    found: dict[Any, None] = {}

    def visit(part: Any) -> None:
        for symbol in sorted(part.free_symbols, key=str):
            if symbol not in found:
                if symbol in definitions:
                    visit(definitions[symbol])
                found[symbol] = None

    visit(expr)
    return tuple(found)
