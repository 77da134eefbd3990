"""What JSON Schema cannot say about a contract: that its parts agree with each other.

`problems` finds all of it, in the order of the file; a contract without problems can be enforced. Value domains are
looked at by `value_checks`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from contractgen.contract.canonical import fingerprint
from contractgen.contract.expression import COMPARISONS, names_in_order, operators, render
from contractgen.contract.model import Contract, Dict, Dim, Expr, List, Optional, Output, Parameter, Tuple
from contractgen.contract.parsing import key_path
from contractgen.contract.problem import Problem
from contractgen.contract.solve import GaveUp, is_satisfiable
from contractgen.contract.tree import Leaf, Parts, carried_by, derived_in_order, leaves, places, used_in
from contractgen.contract.value_checks import value_problems

_STEPS: Final = 2_000

__all__ = ["Problem", "problems"]


def problems(contract: Contract) -> tuple[Problem, ...]:
    """All contradictions and gaps of a contract, each with the JSON path of its cause."""
    found = [
        *_dims(contract),
        *_relations(contract),
        *_parameters(contract.inputs),
        *_outputs(contract.outputs),
        *_tree(contract, contract.inputs),
        *_tree(contract, contract.outputs),
        *_evidence(contract),
    ]
    # What follows says nothing about a contract whose parts do not fit.
    return tuple(found or [*_satisfiable(contract), *_fingerprint(contract)])


def _satisfiable(contract: Contract) -> Iterator[Problem]:
    """Conditions that no sizes meet. Where that is not found out in a short search, nothing is said."""
    try:
        if is_satisfiable(contract, steps=_STEPS):
            return
        for index, relation in enumerate(contract.relations):
            if not is_satisfiable(contract, [relation], steps=_STEPS):
                yield Problem(
                    f"$.relations[{index}]", f"holds for no sizes within the bounds of the dims: {render(relation)}"
                )
                return
    except GaveUp:
        return
    yield Problem(
        "$.relations" if contract.relations else "$.dims", "no sizes satisfy all bounds, derived dims and relations"
    )


def _fingerprint(contract: Contract) -> Iterator[Problem]:
    right = fingerprint(contract)
    if contract.fingerprint not in ("", right):
        yield Problem(
            "$.fingerprint",
            f"is {contract.fingerprint}, but the contract was changed since and is now {right}; to renew it remove the "
            "member: `contractgen generate` fills it in",
        )


def _dims(contract: Contract) -> Iterator[Problem]:
    dims = contract.dims
    from_inputs = carried_by(contract.inputs)
    carried = from_inputs | carried_by(contract.outputs)
    used = {*carried, *used_in(contract.inputs), *used_in(contract.outputs)}
    used |= {name for relation in contract.relations for name in names_in_order(relation)}
    ordered, cyclic = derived_in_order(dims)
    for name in reversed((*ordered, *cyclic)):
        if name in used:
            used |= set(names_in_order(dims[name].equals or 0))
    for name, dim in dims.items():
        path = key_path("$.dims", name)
        if name not in used:
            yield Problem(path, "is used nowhere; remove it")
        elif dim.equals is None and name not in carried:
            yield Problem(
                path,
                "is neither in a shape nor the length of a list, so its size cannot be known; derive it with `equals`",
            )
        yield from _dim(name, dim, path)
        if dim.equals is not None:
            yield from _expression(dim.equals, f"{path}.equals", contract, truth=False)
    for name in cyclic:
        yield Problem(
            f"{key_path('$.dims', name)}.equals", f"depends on itself through {_cycle(name, cyclic, contract)}"
        )
    batches = [name for name, dim in dims.items() if dim.role == "batch"]
    for name in batches[1:]:
        yield Problem(
            f"{key_path('$.dims', name)}.role", f"is batch, as that of {batches[0]!r} is; there is one batch axis"
        )
    if batches and batches[0] not in from_inputs:
        yield Problem(f"{key_path('$.dims', batches[0])}.role", "is batch, but no input has this dim")


def _dim(name: str, dim: Dim, path: str) -> Iterator[Problem]:
    if dim.equals is not None:
        if (dim.min, dim.max, dim.multiple_of) != (1, None, 1):
            yield Problem(path, "has bounds beside `equals`; say them with a relation")
        if dim.role == "batch":
            yield Problem(f"{path}.role", "is batch, but the dim is derived; the batch is as large as the caller likes")
        return
    if dim.max is None:
        return
    if dim.min > dim.max:
        yield Problem(path, f"has min {dim.min}, which is more than its max {dim.max}")
    elif -(-dim.min // dim.multiple_of) * dim.multiple_of > dim.max:
        yield Problem(
            path, f"has no multiple of {dim.multiple_of} from {dim.min} to {dim.max}, so no size fits {name!r}"
        )


def _cycle(name: str, cyclic: Sequence[str], contract: Contract) -> str:
    """The way from a dim back to where the cycle closes: ``a -> b -> a``."""
    way = [name]
    while way.count(way[-1]) == 1:
        named = names_in_order(contract.dims[way[-1]].equals or 0)
        way.append(next(other for other in named if other in cyclic))
    return " -> ".join(way)


def _relations(contract: Contract) -> Iterator[Problem]:
    for index, relation in enumerate(contract.relations):
        path = f"$.relations[{index}]"
        yield from _expression(relation, path, contract, truth=True)
        if not names_in_order(relation):
            yield Problem(path, "names no dim, so it says nothing about a request")
        if relation in contract.relations[:index]:
            yield Problem(path, f"repeats {render(relation)}")


def _expression(expr: Expr, path: str, contract: Contract, *, truth: bool) -> Iterator[Problem]:
    """Names that no dim has, and comparisons where a number belongs or the other way round."""
    if not truth and isinstance(expr, tuple) and expr[0] in COMPARISONS:
        yield Problem(path, f"compares with {expr[0]} where a size belongs")
    if truth and not (isinstance(expr, tuple) and expr[0] in COMPARISONS):
        yield Problem(path, f"is the size {render(expr)}, not a comparison with ==, <= or <")
    if isinstance(expr, tuple):
        for side, below in enumerate(expr[1:], 1):
            for operator in sorted(operators(below) & COMPARISONS):
                yield Problem(f"{path}[{side}]", f"compares with {operator} below the top, where only sizes belong")
    for name in names_in_order(expr):
        if name not in contract.dims:
            yield Problem(path, f"names {name!r}, which is not in dims")


def _parameters(parameters: Sequence[Parameter]) -> Iterator[Problem]:
    yield from _repeated([part.name for part in parameters], "$.inputs", "name", "parameter")
    kinds = [part.kind for part in parameters]
    for index, part in enumerate(parameters):
        path = f"$.inputs[{index}]"
        if part.kind == "variadic" and not isinstance(part.node, (List, Tuple)):
            yield Problem(f"{path}.node", "is the node of a variadic parameter, so it must be a list or a tuple")
        elif part.kind == "variadic" and isinstance(part.node, Tuple) and part.node.sequence == "list":
            yield Problem(f"{path}.node", "is a list of unlike items, of which Python makes a tuple: say tuple")
        if part.kind == "variadic" and "variadic" in kinds[:index]:
            yield Problem(f"{path}.kind", "is variadic, but there is one such parameter already")
        if part.kind == "variadic" and not part.required:
            yield Problem(
                f"{path}.required", "is false, but a variadic parameter can only be empty: say so with its length"
            )
        if part.kind == "positional" and {"variadic", "keyword"} & set(kinds[:index]):
            yield Problem(f"{path}.kind", "is positional, but stands behind a variadic or keyword parameter")
        if part.kind == "variadic" and "keyword" in kinds[:index]:
            yield Problem(f"{path}.kind", "is variadic, but stands behind a keyword parameter")


def _outputs(outputs: Sequence[Output]) -> Iterator[Problem]:
    yield from _repeated([part.name for part in outputs], "$.outputs", "name", "output")


def _repeated(names: Sequence[str], path: str, member: str, what: str) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Problem(f"{path}[{index}].{member}", f"is {name!r}, as that of an earlier {what} is")


def _tree(contract: Contract, parts: Parts) -> Iterator[Problem]:
    known = _known(contract) if parts is contract.inputs else frozenset(contract.dims)
    for place in places(parts):
        node, path = place.node, place.json_path
        if isinstance(node, Dict):
            yield from _repeated([field.key for field in node.fields], f"{path}.fields", "key", "field")
        elif isinstance(node, List):
            yield from _sizes([node.length], [f"{path}.length"], contract, known)
        elif isinstance(node, Optional) and isinstance(node.node, Optional):
            yield Problem(f"{path}.node", "is optional inside of an optional, which says nothing more")
    found = tuple(leaves(parts))
    for leaf in found:
        shape = leaf.tensor.shape
        yield from _sizes(shape, [f"{leaf.json_path}.shape[{axis}]" for axis in range(len(shape))], contract, known)
        yield from value_problems(leaf.tensor, f"{leaf.json_path}.values", contract, known)
    yield from _wire_names(found)


def _known(contract: Contract) -> frozenset[str]:
    """The dims whose sizes can be told from a request alone."""
    known = {
        name for name in carried_by(contract.inputs) if name in contract.dims and contract.dims[name].equals is None
    }
    for name in derived_in_order(contract.dims)[0]:
        if set(names_in_order(contract.dims[name].equals or 0)) <= known:
            known.add(name)
    return frozenset(known)


def _sizes(
    sizes: Iterable[int | str], paths: Sequence[str], contract: Contract, known: frozenset[str]
) -> Iterator[Problem]:
    _, cyclic = derived_in_order(contract.dims)
    for size, path in zip(sizes, paths, strict=True):
        if isinstance(size, str) and size not in contract.dims:
            yield Problem(path, f"names {size!r}, which is not in dims")
        elif isinstance(size, str) and size not in known and size not in cyclic:
            yield Problem(path, f"is {size!r}, which is derived from dims that no input has")


def _wire_names(found: Sequence[Leaf]) -> Iterator[Problem]:
    """Names that two tensors share, or could share once the ``*`` of a list's tensors are replaced."""
    counts = Counter(leaf.tensor.wire_name for leaf in found)
    patterns = {leaf.tensor.wire_name: _pattern(leaf.tensor.wire_name) for leaf in found if leaf.lengths}
    seen: set[str] = set()
    for leaf in found:
        name, path = leaf.tensor.wire_name, f"{leaf.json_path}.wire_name"
        if name.count("*") != len(leaf.lengths):
            wanted = (
                f"one * for each of the {len(leaf.lengths)} lists around it"
                if leaf.lengths
                else "no *, as it is in no list"
            )
            yield Problem(path, f"is {name!r}; it needs {wanted}")
        elif counts[name] > 1 and name in seen:
            yield Problem(path, f"is {name!r}, which another tensor has already")
        else:
            for other, pattern in patterns.items():
                # With each * replaced by an index, any index will do to see whether two patterns meet.
                if other != name and pattern.fullmatch(name.replace("*", "0")):
                    yield Problem(path, f"is {name!r}, which an item of {other!r} can have too")
                    break
        seen.add(name)


def _pattern(wire_name: str) -> re.Pattern[str]:
    return re.compile("[0-9]+".join(map(re.escape, wire_name.split("*"))))


def _evidence(contract: Contract) -> Iterator[Problem]:
    subjects = {"model", *(f"dim:{name}" for name in contract.dims)}
    subjects |= {f"relation:{index}" for index in range(len(contract.relations))}
    subjects |= {f"tensor:{leaf.tensor.wire_name}" for leaf in leaves(contract.inputs)}
    subjects |= {f"output:{leaf.tensor.wire_name}" for leaf in leaves(contract.outputs)}
    subjects |= {f"output:{part.name}" for part in contract.outputs}
    for index, evidence in enumerate(contract.evidence):
        # A parameter that was left out on purpose has evidence, and no place in the tree.
        if evidence.about not in subjects and not evidence.about.startswith("input:"):
            yield Problem(f"$.evidence[{index}].about", f"is {evidence.about!r}, which the contract does not have")
