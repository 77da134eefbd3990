"""Arithmetic over dims: the value of an expression, the dims that it names, its text, and what it is built from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from contractgen.contract.decimals import is_decimal
from contractgen.contract.model import Bound, Expr, Operator

COMPARISONS: Final[frozenset[str]] = frozenset(("==", "<=", "<"))
"""Operators that yield a truth value; they stand only at the top of a relation."""

_COMPUTE: Final[dict[str, Callable[[int, int], int | bool]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "//": lambda left, right: left // right,
    "%": lambda left, right: left % right,
    "min": min,
    "max": max,
    "==": lambda left, right: left == right,
    "<=": lambda left, right: left <= right,
    "<": lambda left, right: left < right,
}

_BINDING: Final[dict[str, int]] = {"==": 0, "<=": 0, "<": 0, "+": 1, "-": 1, "*": 2, "//": 2, "%": 2}
_ATOM: Final = 3


def evaluate(expr: Expr, sizes: Mapping[str, int]) -> int | bool:
    """The value of an expression: an integer, or a truth value where a comparison is at the top.

    ``//`` and ``%`` round as Python's do, towards minus infinity. Raises `KeyError` for a dim without a size and
    `ZeroDivisionError` for a division by zero, which stands for a relation that does not hold.
    """
    if isinstance(expr, tuple):
        operator, left, right = expr
        return _COMPUTE[operator](evaluate(left, sizes), evaluate(right, sizes))
    return sizes[expr] if isinstance(expr, str) else expr


def holds(relation: Expr, sizes: Mapping[str, int]) -> bool:
    """Whether a relation is true. One that divides by zero is not."""
    try:
        return bool(evaluate(relation, sizes))
    except ZeroDivisionError:
        return False


def bound_value(bound: Bound, sizes: Mapping[str, int]) -> int | Decimal:
    """The value of a bound of a value domain. Raises what `evaluate` raises."""
    if isinstance(bound, str) and is_decimal(bound):
        return Decimal(bound)
    return evaluate(bound, sizes)


def names_in_order(expr: Expr) -> tuple[str, ...]:
    """The dims that an expression (or a bound of a value domain) names, each once, from left to right."""
    if isinstance(expr, tuple):
        return tuple(dict.fromkeys(names_in_order(expr[1]) + names_in_order(expr[2])))
    return (expr,) if isinstance(expr, str) and not is_decimal(expr) else ()


def names(expr: Expr) -> frozenset[str]:
    """The dims that an expression (or a bound of a value domain) names."""
    return frozenset(names_in_order(expr))


def operators(expr: Expr) -> frozenset[Operator]:
    """The operators in an expression."""
    if isinstance(expr, tuple):
        return frozenset((expr[0],)) | operators(expr[1]) | operators(expr[2])
    return frozenset()


def rename(expr: Expr, new_names: Mapping[str, str]) -> Expr:
    """The same expression over other names; a dim that ``new_names`` does not have keeps its own."""
    if isinstance(expr, tuple):
        operator, left, right = expr
        return (operator, rename(left, new_names), rename(right, new_names))
    return new_names.get(expr, expr) if isinstance(expr, str) else expr


def render(expr: Expr) -> str:
    """An expression as a person writes it: ``4 * (height // 16) <= seq``."""
    return _render(expr)[0]


def _render(expr: Expr) -> tuple[str, int]:
    """The text, and how tightly its outermost operator binds."""
    if not isinstance(expr, tuple):
        return str(expr), _ATOM
    operator, left, right = expr
    (left_text, left_binding), (right_text, right_binding) = _render(left), _render(right)
    if operator in ("min", "max"):
        return f"{operator}({left_text}, {right_text})", _ATOM
    binding = _BINDING[operator]
    # Python's comparisons chain, so one below another needs its parentheses on either side; the other operators
    # group to the left, so only a right operand that binds as loosely does.
    if left_binding < binding or (binding == 0 and left_binding == 0):
        left_text = f"({left_text})"
    if right_binding <= binding:
        right_text = f"({right_text})"
    return f"{left_text} {operator} {right_text}", binding
