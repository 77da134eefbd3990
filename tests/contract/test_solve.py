from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contractgen.contract.codec import ContractError, load_contract
from contractgen.contract.expression import bound_value, evaluate, holds
from contractgen.contract.model import Contract, Dim, Expr, Values
from contractgen.contract.solve import GaveUp, example_sizes, is_satisfiable, sizes_with, smallest_sizes
from contractgen.contract.tree import leaves
from tests.contract.examples import DATA, of_dims, of_values
from tests.contract.strategies import contracts, contracts_with_sizes
from tests.contract.test_expression import relations


def satisfies(contract: Contract, sizes: dict[str, int]) -> bool:
    """Whether sizes keep every claim of a contract about sizes, told without the solver."""
    if list(sizes) != list(contract.dims):
        return False
    for name, dim in contract.dims.items():
        size = sizes[name]
        if dim.equals is not None and size != evaluate(dim.equals, sizes):
            return False
        if dim.equals is None and not (
            dim.min <= size <= (size if dim.max is None else dim.max) and size % dim.multiple_of == 0
        ):
            return False
    for leaf in (*leaves(contract.inputs), *leaves(contract.outputs)):
        if any(isinstance(size, str) and sizes[size] < 0 for size in leaf.sizes):
            return False
        values = leaf.tensor.values or Values()
        low, high = (bound if bound is None else bound_value(bound, sizes) for bound in (values.min, values.max))
        if low is not None and high is not None and low > high:
            return False
    return all(holds(relation, sizes) for relation in contract.relations)


@given(contracts_with_sizes())
def test_sizes_are_found_for_every_contract_that_has_some(pair: tuple[Contract, dict[str, int]]) -> None:
    contract, witness = pair
    assert satisfies(contract, witness)
    assert satisfies(contract, smallest_sizes(contract))


@given(contracts_with_sizes(), st.data())
def test_a_part_of_an_assignment_is_completed(pair: tuple[Contract, dict[str, int]], data: st.DataObject) -> None:
    contract, witness = pair
    names = data.draw(st.lists(st.sampled_from(sorted(witness)), unique=True)) if witness else []
    fixed = {name: witness[name] for name in names}
    sizes = sizes_with(contract, fixed)
    assert sizes is not None
    assert satisfies(contract, sizes)
    assert fixed.items() <= sizes.items()


@given(contracts())
def test_examples_are_different_satisfying_and_the_same_each_time(contract: Contract) -> None:
    examples = example_sizes(contract, 7, 3)
    assert 1 <= len(examples) <= 3
    assert all(satisfies(contract, sizes) for sizes in examples)
    assert len({tuple(sizes.items()) for sizes in examples}) == len(examples)
    assert example_sizes(contract, 7, 3) == examples


@given(st.lists(relations, min_size=1, max_size=3))
def test_no_sizes_are_found_exactly_where_enumeration_finds_none(conditions: list[Expr]) -> None:
    contract = of_dims(*conditions, a=Dim(max=5), b=Dim(min=0, max=6, multiple_of=2), c=Dim(min=2, max=4))
    every = [{"a": a, "b": b, "c": c} for a, b, c in product(range(1, 6), range(0, 7, 2), range(2, 5))]
    solutions = [sizes for sizes in every if satisfies(contract, sizes)]
    assert is_satisfiable(contract) == bool(solutions)
    assert sizes_with(contract, {}) == (min(solutions, key=lambda sizes: tuple(sizes.values())) if solutions else None)


@pytest.mark.parametrize(
    ("contract", "sizes"),
    [
        (of_dims(a=Dim(min=5, multiple_of=4), b=Dim(min=0)), {"a": 8, "b": 0}),
        (of_dims(("==", "a", ("*", 1000, "b")), a=Dim(), b=Dim(min=7)), {"a": 7000, "b": 7}),
        (of_dims(("==", ("*", "a", "b"), 1_000_003), a=Dim(min=1), b=Dim()), {"a": 1, "b": 1_000_003}),
        (of_dims(("==", "h", ("+", 4, ("*", 4, ("//", ("-", "h", 1), 4)))), h=Dim(min=30)), {"h": 32}),
        (of_dims(("<=", "tgt", "src"), tgt=Dim(min=3), src=Dim()), {"tgt": 3, "src": 3}),
        (of_dims(("<", ("+", "a", "b"), 1000), ("<", 990, "a"), a=Dim(), b=Dim(min=8)), {"a": 991, "b": 8}),
        (of_dims(a=Dim(), out=Dim(equals=("//", ("-", "a", 7), 2))), {"a": 9, "out": 1}),
        (of_values(Values(min=5, max="n")), {"n": 5}),
        (of_dims(), {}),
    ],
)
def test_the_smallest_sizes(contract: Contract, sizes: dict[str, int]) -> None:
    assert smallest_sizes(contract) == sizes


def test_an_empty_derived_size_is_taken_only_where_there_is_no_other() -> None:
    contract = of_dims(a=Dim(max=8), out=Dim(equals=("//", "a", 9)))
    assert smallest_sizes(contract) == {"a": 1, "out": 0}


def test_sizes_follow_from_a_derived_one() -> None:
    contract = load_contract(DATA / "every_node.json")
    sizes = sizes_with(contract, {"patches": 5, "frames": 3})
    assert sizes == {"batch": 1, "seq": 4, "height": 80, "frames": 3, "patches": 5}


@pytest.mark.parametrize(
    "fixed", [{"seq": 513}, {"height": 24}, {"frames": 9}, {"seq": 2, "frames": 3}, {"height": 32, "patches": 1}]
)
def test_sizes_that_break_a_claim_cannot_be_completed(fixed: dict[str, int]) -> None:
    assert sizes_with(load_contract(DATA / "every_node.json"), fixed) is None


def test_a_size_of_no_dim_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="sec"):
        sizes_with(load_contract(DATA / "every_node.json"), {"sec": 3})


def test_no_sizes_at_all_is_an_error() -> None:
    with pytest.raises(ContractError, match="no sizes were found"):
        smallest_sizes(of_dims(("<", "a", "b"), ("<", "b", "a"), a=Dim(max=50), b=Dim(max=50)))
    assert example_sizes(of_dims(("<", "a", 1), a=Dim()), 0, 3) == ()


def test_a_dim_without_a_multiple_in_range_has_no_sizes() -> None:
    assert sizes_with(of_dims(a=Dim(min=5, max=7, multiple_of=4), b=Dim()), {"b": 2}) is None


def test_a_search_that_takes_too_long_gives_up() -> None:
    odd_and_even = of_dims(("==", ("%", "a", 2), 1), ("==", ("%", "a", 2), 0), a=Dim())
    with pytest.raises(GaveUp):
        is_satisfiable(odd_and_even, steps=500)
    assert sizes_with(odd_and_even, {}) is None


def test_a_failure_in_one_group_of_dims_does_not_go_through_those_of_another() -> None:
    dims = {name: Dim(max=1000) for name in "abcdef"}
    contract = of_dims(("<", "a", "b"), ("<", "c", "d"), ("==", ("*", "e", "f"), 999_983), **dims)
    assert not is_satisfiable(contract, steps=20_000)


def test_many_dims_with_large_ranges_need_no_deep_stack() -> None:
    dims = {f"d{i}": Dim() for i in range(60)}
    chain: list[Expr] = [("==", f"d{i + 1}", ("+", f"d{i}", 100)) for i in range(59)]
    assert smallest_sizes(of_dims(*chain, **dims))["d59"] == 5901


def test_examples_make_axes_differ_where_they_can() -> None:
    contract = of_dims(**{name: Dim(min=2) for name in "abcd"})
    for sizes in example_sizes(contract, 1, 5):
        assert len(set(sizes.values())) == 4


def test_examples_stay_small_and_no_dim_is_empty_by_choice() -> None:
    for sizes in example_sizes(of_dims(a=Dim(min=0), b=Dim(multiple_of=16)), 3, 20, spread=4):
        assert 1 <= sizes["a"] <= 5
        assert 16 <= sizes["b"] <= 16 * 5
