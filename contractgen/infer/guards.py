"""Conditions over the sizes of input axes, as the symbolic run notes them: evaluated, negated by trial, and read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from types import CodeType
from typing import Any, TypeAlias

import sympy
from torch.utils._sympy.functions import FloorDiv
from torch.utils._sympy.printers import PythonPrinter

from contractgen.contract.model import Operator
from contractgen.infer.hypothesis import Axis
from contractgen.infer.symbols import ordered

_NAMES = {"min": min, "max": max, "abs": abs, "math": __import__("math")}


@dataclass(frozen=True)
class Guard:
    """A condition: Python source over ``v[0]``, ``v[1]``, ... which stand for ``axes``."""

    source: str
    axes: tuple[Axis, ...]
    artefact: bool
    """Whether it only says that a size is not 0 or 1, which the symbolic run assumes of every size."""
    solutions: tuple[tuple[Axis, AxisExpr], ...] = ()
    """For an equality that is linear in an axis: that axis as an expression over the others."""
    comparison: tuple[Operator, AxisExpr, AxisExpr] | None = None
    """The condition in the contract's own operators, where those can say it of sizes of 1 and more."""
    steps: tuple[str, ...] = ()
    """Sizes that are computed from those of ``axes`` first: ``v`` goes on with them."""

    @classmethod
    def over(cls, expr: Any, symbols: Mapping[Any, Axis], definitions: Mapping[Any, Any] | None = None) -> Guard | None:
        """The guard of a symbolic condition, or None where it speaks of anything else than input sizes."""
        expr, definitions = divided(expr), definitions or {}
        needed = ordered(expr, definitions)
        free = sorted((symbol for symbol in needed if symbol not in definitions), key=str)
        if not free or any(symbol not in symbols for symbol in free):
            return None
        computed = [symbol for symbol in needed if symbol in definitions]
        places = {symbol: index for index, symbol in enumerate((*free, *computed))}
        steps = tuple(_python_source(definitions[symbol], places) for symbol in computed)
        axes = tuple(symbols[symbol] for symbol in free)
        return cls(
            _python_source(expr, places),
            axes,
            _is_artefact(expr),
            _solutions(expr, symbols),
            _comparison(expr, symbols),
            steps,
        )

    @property
    def tie(self) -> bool:
        """Whether it says that two axes are equal, or different."""
        two = ("v[0] == v[1]", "v[0] != v[1]", "v[1] == v[0]", "v[1] != v[0]")
        return not self.steps and self.source in two

    @property
    def equality(self) -> bool:
        """Whether it says that something equals something."""
        return " == " in self.source

    @property
    def truncation(self) -> bool:
        """Whether it only says which whole number ``int()`` made of a quotient in this run."""
        return re.fullmatch(r"math\.trunc\(.*\) == -?\d+|-?\d+ == math\.trunc\(.*\)", self.source) is not None

    @property
    def settles(self) -> bool:
        """Whether it leaves one size to its axis."""
        return re.fullmatch(r"v\[0\] == \d+", self.source) is not None

    @cached_property
    def _code(self) -> tuple[CodeType, ...]:
        return tuple(compile(source, "<guard>", "eval") for source in (*self.steps, self.source))

    def holds(self, sizes: Mapping[Axis, int]) -> bool:
        """Whether the condition is true of these sizes; one that cannot be evaluated is not."""
        try:
            values = [sizes[axis] for axis in self.axes]
            names = {"__builtins__": {}, **_NAMES, "v": values}
            for code in self._code:  # each sees the values before it
                values += [eval(code, names)]  # noqa: S307 -- our own printer's text
            return bool(values[-1])
        except (ArithmeticError, KeyError, NameError, TypeError, ValueError):
            return False


def _python_source(expr: Any, places: Mapping[Any, int]) -> str:
    names = {symbol: sympy.Symbol(f"v[{places[symbol]}]", integer=True) for symbol in expr.free_symbols}
    return str(PythonPrinter().doprint(expr.xreplace(names)))


def _solutions(expr: Any, symbols: Mapping[Any, Axis]) -> tuple[tuple[Axis, AxisExpr], ...]:
    """Each axis that stands alone, with factor 1 or -1, on a side of an equality of several axes."""
    if not isinstance(expr, sympy.Eq) or len(expr.free_symbols) < 2:
        return ()
    difference = sympy.expand(expr.args[0] - expr.args[1])
    found: list[tuple[Axis, AxisExpr]] = []
    for term in sympy.Add.make_args(difference):
        factor, symbol = term.as_coeff_Mul()
        if abs(factor) == 1 and symbol in symbols:
            rest = sympy.expand(-(difference - term) * factor)
            solved = None if symbol in rest.free_symbols else axis_expression(rest, symbols)
            if solved is not None:
                found.append((symbols[symbol], solved))
    return tuple(found)


def divided(expr: Any) -> Any:
    """The expression with the divisions done that come out even, or an element short: a count of steps is rounded up."""

    def divide(quotient: Any) -> Any:
        base, divisor = quotient.args
        if not isinstance(divisor, sympy.Symbol):
            return quotient
        try:
            whole, rest = sympy.div(sympy.expand(base), divisor, divisor)
        except sympy.PolynomialError:  # the divisor also stands within another division
            return quotient
        return whole + rest if rest in (0, -1) else quotient  # a size is at least 1: -1 // size is -1

    if not isinstance(expr, sympy.Basic) or not expr.has(FloorDiv):
        return expr
    return expr.replace(lambda part: isinstance(part, FloorDiv), divide)


def _comparison(expr: Any, symbols: Mapping[Any, Axis]) -> tuple[Operator, AxisExpr, AxisExpr] | None:
    """A comparison in the contract's operators; that a count is not 0 or 1 says that it is larger."""
    name = type(expr).__name__
    if name not in _COMPARISONS or len(expr.args) != 2:
        return None
    left, right = (axis_expression(arg, symbols) for arg in expr.args)
    if left is None or right is None:
        return None
    if name == "Unequality":
        count, other = (right, left) if isinstance(left, int) else (left, right)
        return ("<", other, count) if other in (0, 1) else None
    operator, flipped = _COMPARISONS[name]
    return (operator, right, left) if flipped else (operator, left, right)


_COMPARISONS: dict[str, tuple[Operator, bool]] = {
    "Equality": ("==", False), "Unequality": ("<", False), "LessThan": ("<=", False), "StrictLessThan": ("<", False),
    "GreaterThan": ("<=", True), "StrictGreaterThan": ("<", True),
}  # fmt: skip


AxisExpr: TypeAlias = "int | Axis | tuple[Operator, AxisExpr, AxisExpr]"
"""A size computed from input axes: the contract's expressions before its dims have names."""


def axis_expression(expr: Any, symbols: Mapping[Any, Axis]) -> AxisExpr | None:
    """A symbolic size over the axes of the inputs, or None where the contract's operators cannot say it."""
    expr = divided(expr)
    if isinstance(expr, sympy.Integer):
        return int(expr)
    if isinstance(expr, sympy.Symbol):
        return symbols.get(expr)
    name = type(expr).__name__
    if name in _BINARY:
        parts = [axis_expression(arg, symbols) for arg in expr.args]
        if len(parts) < 2 or any(part is None for part in parts):
            return None
        operator = _BINARY[name]
        return reduce(lambda left, right: (operator, left, right), parts)  # type: ignore[arg-type, return-value]
    if isinstance(expr, sympy.Pow) and isinstance(expr.exp, sympy.Integer) and 2 <= int(expr.exp) <= 4:
        base = axis_expression(expr.base, symbols)
        return None if base is None else reduce(lambda left, right: ("*", left, right), [base] * int(expr.exp))
    return None


_BINARY: dict[str, Operator] = {
    "Add": "+", "Mul": "*", "FloorDiv": "//", "CleanDiv": "//", "Mod": "%", "PythonMod": "%", "Max": "max", "Min": "min",
}  # fmt: skip


def evaluate(expr: AxisExpr, sizes: Mapping[Axis, int]) -> int:
    """The size that ``expr`` comes to."""
    if isinstance(expr, int):
        return expr
    if len(expr) == 2:
        return sizes[expr]
    operator, left, right = expr
    return _OPERATORS[operator](evaluate(left, sizes), evaluate(right, sizes))


_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
    "//": lambda a, b: a // b, "%": lambda a, b: a % b, "min": min, "max": max,
}  # fmt: skip


def _is_artefact(expr: Any) -> bool:
    """``expr != 1``, ``expr != 0`` and ``Mod(a, b) != 0`` with its like come of telling 0 and 1 from all other sizes."""
    if isinstance(expr, sympy.Ne):
        left, right = expr.args
        if right in (0, 1) or left in (0, 1):
            return True
        return bool(expr.atoms(sympy.Mod)) or type(left).__name__ in ("Mod", "PythonMod")
    if isinstance(expr, (sympy.Ge, sympy.Gt)):
        return expr.args[1] in (0, 1, 2) and isinstance(expr.args[0], sympy.Symbol)
    return False
