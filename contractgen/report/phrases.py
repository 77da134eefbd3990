"""The words for what a contract claims: the same in the terminal, on the page and in the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from contractgen.contract import model
from contractgen.contract.expression import render


def shape(sizes: tuple[int | str, ...]) -> str:
    """A shape as it is said: ``[batch, 3, height, width]``."""
    return f"[{', '.join(map(str, sizes))}]"


def dim(claim: model.Dim) -> str:
    """What a dim may be: ``1 to 512``, ``16 or more, a multiple of 16``, ``height // 16``."""
    if claim.equals is not None:
        return f"= {render(claim.equals)}"
    if claim.max is None:
        text = f"{claim.min} or more"
    elif claim.min == claim.max:
        text = str(claim.min)
    else:
        text = f"{claim.min} to {claim.max}"
    if claim.multiple_of > 1:
        text += f", a multiple of {claim.multiple_of}"
    return text


def values(domain: model.Values | None) -> str:
    """What a tensor may contain: ``0 to 999``, ``one of 0, 1``, ``finite``; empty for anything."""
    if domain is None:
        return ""
    parts = []
    if domain.min is not None and domain.min == domain.max:
        parts.append(_bound(domain.min))
    elif domain.min is not None and domain.max is not None:
        parts.append(f"{_bound(domain.min)} to {_bound(domain.max)}")
    elif domain.min is not None:
        parts.append(f"{_bound(domain.min)} or more")
    elif domain.max is not None:
        parts.append(f"{_bound(domain.max)} or less")
    if domain.one_of is not None:
        parts.append("one of " + ", ".join(map(str, domain.one_of)))
    if domain.finite:
        parts.append("finite")
    if domain.not_nan:
        parts.append("not NaN")
    if domain.order is not None:
        parts.append(f"{domain.order} along the last axis")
    if domain.attained and domain.max is not None:
        parts.append(f"the largest {_bound(domain.max)}")
    if domain.each_row is not None:
        parts.append(f"{domain.each_row.text} in each row")
    if domain.along_last is not None:
        columns = (f"[..., {index}] {values(each) or 'anything'}" for index, each in enumerate(domain.along_last))
        parts.append("; ".join(columns))
    return ", ".join(parts)


def _bound(bound: model.Bound) -> str:
    return bound if isinstance(bound, str) else render(bound)


@dataclass(frozen=True)
class Line:
    """One leaf of a signature: a tensor or a constant, in words."""

    path: str
    dtype: str
    shape: str
    domain: str
    notes: tuple[str, ...] = ()


def input_lines(contract: model.Contract) -> tuple[Line, ...]:
    """One line per tensor and constant that goes in, in forward's order."""
    lines: list[Line] = []
    for parameter in contract.inputs:
        notes = () if parameter.required else ("optional",)
        if parameter.kind == "keyword":
            notes = (*notes, "keyword only")
        name = f"*{parameter.name}" if parameter.kind == "variadic" else parameter.name
        lines.extend(_lines(name, parameter.node, notes))
    return tuple(lines)


def output_lines(contract: model.Contract) -> tuple[Line, ...]:
    """One line per tensor that comes out."""
    return tuple(line for output in contract.outputs for line in _lines(output.name, output.node, ()))


def _lines(path: str, node: model.Node, notes: tuple[str, ...]) -> Iterator[Line]:
    if isinstance(node, model.Tensor):
        yield Line(path, node.dtype, shape(node.shape), values(node.values), notes)
    elif isinstance(node, model.Constant):
        yield Line(path, node.type, f"= {node.value!r}", "", (*notes, "constant, not sent"))
    elif isinstance(node, model.Optional):
        yield from _lines(path, node.node, (*notes, "or None"))
    elif isinstance(node, model.List):
        yield from _lines(f"{path}[*]", node.item, (*notes, f"a list of {node.length}"))
    elif isinstance(node, model.Tuple):
        if node.sequence == "list":
            notes = (*notes, f"in a list of {len(node.items)}")
        for index, item in enumerate(node.items):
            yield from _lines(f"{path}[{index}]", item, notes)
    else:
        for each in node.fields:
            own = notes if each.required or "optional" in notes else (*notes, "optional")
            yield from _lines(f"{path}[{each.key!r}]", each.node, own)


def questions(contract: model.Contract) -> tuple[model.Evidence, ...]:
    """The claims that nothing supports but a guess: a person has to answer them."""
    return tuple(each for each in contract.evidence if each.source == "assumed")


def answers(contract: model.Contract) -> tuple[model.Evidence, ...]:
    """The claims that something supports, in the contract's order."""
    return tuple(each for each in contract.evidence if each.source != "assumed")


def about(evidence: model.Evidence) -> str:
    """A claim's subject in words: ``dim seq: max``."""
    kind, _, name = evidence.about.partition(":")
    subject = f"{kind} {name}" if name else kind
    return f"{subject}: {evidence.property}" if evidence.property else subject


def count(number: int, noun: str) -> str:
    """A number with its noun: ``1 case``, ``120 cases``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
