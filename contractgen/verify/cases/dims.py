"""Cases about sizes: bounds, multiples, ties, derived dims, relations and fixed axes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from contractgen.contract.expression import render
from contractgen.contract.model import Dim, Expr
from contractgen.verify.cases.model import Break, Claim, Ground, Policy
from contractgen.verify.places import Extent
from contractgen.verify.recipe import Axis, Length, Recipe
from contractgen.verify.sizes import greatest_size, least_size

SHAPE = frozenset({"shape"})


def size_claims(ground: Ground) -> Iterator[Claim]:
    """Everything that the contract says of sizes."""
    for name, dim in ground.contract.dims.items():
        places = [extent for extent in ground.extents if extent.size == name]
        if not places:
            continue
        if dim.equals is not None:
            for place in places:
                yield _derived(ground, name, dim, place)
            continue
        yield _minimum(ground, name, dim)
        if dim.max is not None:
            yield _maximum(ground, name, dim)
        if dim.multiple_of > 1:
            yield _multiple(ground, name, dim)
        for place in places[1:]:
            yield _tie(ground, name, dim, places[0], place)
    for index, relation in enumerate(ground.contract.relations):
        breaks = list(_broken_relations(ground, index, relation))
        about = f"relation:{index}"
        yield Claim(about, about, "holds", render(relation), tuple(breaks), sides="both" if breaks else "inside")
    for extent in ground.extents:
        if isinstance(extent.size, int):
            yield _fixed(ground, extent)


def _broken_relations(ground: Ground, index: int, relation: Expr) -> Iterator[Break]:
    """Sizes that just miss a relation, and some that miss it by more."""
    assert isinstance(relation, tuple)
    operator, left, right = relation
    ways: dict[str, Expr | None] = {"broken": None}
    if operator == "<":
        ways = {"equal": ("==", left, right), **ways}
    else:
        ways = {"one-more": ("==", left, ("+", right, 1)), **ways}
    if operator == "==":
        ways = {"one-less": ("==", ("+", left, 1), right), **ways}
    for label, also in ways.items():
        sizes = ground.sizes.solve(order="distinct", least=2, broken=index, also=also)
        sizes = sizes or ground.sizes.solve(broken=index, also=also)
        if sizes:
            yield Break(label, _recipe(ground, sizes), frozenset({"relation"}))


def _recipe(ground: Ground, sizes: dict[str, int]) -> Recipe:
    return Recipe(sizes, ground.everything, seed=ground.seed)


def _with(ground: Ground, name: str, size: int, label: str, policy: Policy = "") -> list[Break]:
    """A break that gives a dim a size outside of its own bounds, wherever the dim stands."""
    sizes = ground.sizes.solve({name: size}, order="distinct", least=2, empty=size == 0)
    return [Break(label, _recipe(ground, sizes), SHAPE, policy)] if sizes else []


def _minimum(ground: Ground, name: str, dim: Dim) -> Claim:
    least, step = least_size(dim), dim.multiple_of
    breaks: list[Break] = []
    for size, label in ((least - step, "below"), (step, "far-below"), (0, "zero")):
        if 0 <= size < dim.min and size % step == 0 and all(b.recipe.sizes[name] != size for b in breaks):
            breaks += _with(ground, name, size, label, "empty" if size == 0 else "")
    about = f"dim:{name}"
    text = f"{name} is at least {dim.min}"
    return Claim(
        f"{about}.min", about, "min", text, tuple(breaks), lambda r: r.sizes[name] == least,
        "both" if breaks else "inside",  # what no sizes can break alone follows from the other claims
    )  # fmt: skip


def _maximum(ground: Ground, name: str, dim: Dim) -> Claim:
    most = greatest_size(dim) or 0
    breaks = _with(ground, name, most + dim.multiple_of, "above")
    about = f"dim:{name}"
    return Claim(
        f"{about}.max", about, "max", f"{name} is at most {dim.max}", tuple(breaks), lambda r: r.sizes[name] == most
    )


def _multiple(ground: Ground, name: str, dim: Dim) -> Claim:
    least, step, breaks = least_size(dim, 2), dim.multiple_of, list[Break]()
    for size, label in ((least + 1, "one-more"), (least + step - 1, "one-less"), (least + step // 2, "half")):
        if size % step and (dim.max is None or size <= dim.max) and all(b.recipe.sizes[name] != size for b in breaks):
            breaks += _with(ground, name, size, label)
    about = f"dim:{name}"
    return Claim(
        f"{about}.multiple_of", about, "multiple_of", f"{name} is a multiple of {step}", tuple(breaks),
        sides="both" if breaks else "inside",
    )  # fmt: skip


def _tie(ground: Ground, name: str, dim: Dim, first: Extent, place: Extent) -> Claim:
    base, step = ground.base(), dim.multiple_of
    breaks: list[Break] = []
    if base is not None:
        size, high = base.sizes[name], greatest_size(dim)
        for other, label in ((size + step, "larger"), (size - step, "smaller"), (1, "one"), (2 * size, "double")):
            inside = other >= least_size(dim) and (high is None or other <= high) and other % step == 0
            if inside and other != size and not any(_size_of(b) == other for b in breaks):
                policy: Policy = "broadcast" if 1 in (other, size) else ""
                breaks.append(Break(label, replace(base, edit=_edit(place, other)), SHAPE, policy))
    about = f"dim:{name}"
    return Claim(
        f"{about}.tie@{place.id}", about, "tie", f"{place.id} equals {first.id} ({name})", tuple(breaks),
        lambda r: (first.within | place.within) <= r.on and (r.sizes[name] > 1 or dim.max == 1),
        "both" if breaks else "inside",
    )  # fmt: skip


def _derived(ground: Ground, name: str, dim: Dim, place: Extent) -> Claim:
    base = ground.base()
    breaks: list[Break] = []
    if base is not None:
        size = base.sizes[name]
        for other, label in ((size + 1, "larger"), (size - 1, "smaller"), (1, "one")):
            if other > 0 and other != size and not any(_size_of(b) == other for b in breaks):
                breaks.append(
                    Break(
                        label, replace(base, edit=_edit(place, other)), SHAPE, "broadcast" if 1 in (other, size) else ""
                    )
                )
    about = f"dim:{name}"
    formula = "" if dim.equals is None else render(dim.equals)
    return Claim(f"{about}.equals@{place.id}", about, "equals", f"{place.id} is {formula}", tuple(breaks),
                 lambda r: place.within <= r.on)  # fmt: skip


def _fixed(ground: Ground, place: Extent) -> Claim:
    base, size = ground.base(), int(place.size)
    breaks: list[Break] = []
    if base is not None:
        for other, label in (
            (size + 1, "larger"),
            (size - 1, "smaller"),
            (1, "one"),
            (2 * size, "double"),
            (size // 2, "half"),
        ):
            if other > 0 and other != size and not any(_size_of(b) == other for b in breaks):
                policy: Policy = "broadcast" if 1 in (other, size) else ""
                codes = SHAPE if place.axis is not None else frozenset({"shape", "missing", "unexpected"})
                breaks.append(Break(label, replace(base, edit=_edit(place, other)), codes, policy))
    about, kind = (
        (f"tensor:{place.owner}", f"shape[{place.axis}]")
        if place.axis is not None
        else (f"list:{place.path}", "length")
    )
    return Claim(
        f"{about}.{kind}", about, "shape", f"{place.id} is {size}", tuple(breaks), lambda r: place.within <= r.on
    )


def _edit(place: Extent, size: int) -> Axis | Length:
    return Length(place.path, size) if place.axis is None else Axis(place.owner, place.axis, size)


def _size_of(one: Break) -> int | None:
    return one.recipe.edit.size if isinstance(one.recipe.edit, (Axis, Length)) else None
