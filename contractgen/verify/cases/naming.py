"""Ids for recipes that no generator gives: what shrinking comes to can be replayed like any other case."""

from __future__ import annotations

from typing import cast
from urllib.parse import quote, unquote

from contractgen.verify.fill import Fill
from contractgen.verify.recipe import Recipe
from contractgen.verify.sizes import Sizes

PREFIX = "valid/at:"


def recipe_id(recipe: Recipe, free: list[str]) -> str:
    """``valid/at:batch=1,seq=3/on=mask/fill=zeros/fills=ids=lowest/seed=7``; names are percent-encoded."""
    parts = [",".join(f"{_name(dim)}={recipe.sizes[dim]}" for dim in free)]
    if recipe.on:
        parts.append("on=" + "+".join(map(_name, sorted(recipe.on))))
    if recipe.fill != "random":
        parts.append(f"fill={recipe.fill}")
    if recipe.fills:
        parts.append("fills=" + ",".join(f"{_name(name)}={how}" for name, how in sorted(recipe.fills.items())))
    if recipe.seed:
        parts.append(f"seed={recipe.seed}")
    return PREFIX + "/".join(parts)


def recipe_of(case_id: str, sizes: Sizes) -> Recipe | None:
    """The recipe with an id of `recipe_id`; None where it is none, or not one of this contract."""
    if not case_id.startswith(PREFIX):
        return None
    first, *rest = case_id[len(PREFIX) :].split("/")
    try:
        free = {unquote(name): int(size) for name, size in (pair.split("=") for pair in first.split(",") if pair)}
        members = dict(part.split("=", 1) for part in rest)
        fills = {unquote(name): how for name, how in (p.split("=") for p in members.get("fills", "").split(",") if p)}
        resolved = sizes.resolve(free)
        if resolved is None or resolved.keys() != sizes.contract.dims.keys():
            return None
        return Recipe(
            resolved, frozenset(unquote(name) for name in members.get("on", "").split("+") if name),
            cast("Fill", members.get("fill", "random")), cast("dict[str, Fill]", fills), int(members.get("seed", "0")),
        )  # fmt: skip
    except ValueError:
        return None


def _name(name: str) -> str:
    return quote(name, safe="")
