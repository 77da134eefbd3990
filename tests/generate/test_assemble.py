"""What generated files take from the runtime's modules."""

from __future__ import annotations

import pytest

from contractgen.generate.assemble import defined_in, module
from contractgen.generate.render import CLIENT, DATA, VALIDATOR


@pytest.mark.parametrize("name", sorted({DATA, *CLIENT, *VALIDATOR}))
def test_the_names_of_a_module_are_told_without_reading_it_wholly(name: str) -> None:
    assert defined_in(name) == {one.name for one in module(name).definitions}
