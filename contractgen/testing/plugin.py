"""The pytest plugin: ``@pytest.mark.contract(path)`` gives a test the cases of a contract, one by one.

A test that asks for ``valid_input`` runs once per valid case, one that asks for ``violation`` once per broken one. Paths
are relative to the root of the tests. ``random=50`` and ``seed=7`` go to the random cases.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from contractgen.testing.inputs import Input


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "contract(path, *, seed=0, random=20): run the test on the cases of a contract (valid_input, violation)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize the tests that ask for a case."""
    asked = [name for name in ("valid_input", "violation") if name in metafunc.fixturenames]
    if not asked:
        return
    marker = metafunc.definition.get_closest_marker("contract")
    if marker is None or not marker.args:
        raise pytest.UsageError(f"{metafunc.definition.nodeid} asks for {asked[0]}: mark it with contract(path)")
    from contractgen.testing.inputs import broken_cases, valid_cases  # noqa: PLC0415 (most runs never ask)

    path = Path(str(metafunc.config.rootpath), marker.args[0])
    options = dict(marker.kwargs)
    for name in asked:
        cases: list[Input]
        if name == "valid_input":
            cases = list(valid_cases(path, **options))
        else:
            cases = list(broken_cases(path, **{key: value for key, value in options.items() if key != "random"}))
        metafunc.parametrize(name, cases, ids=[case.id for case in cases])
