"""Finds the cases: every module of `models` and `held_out` has a tuple `CASES`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from benchmarks.inference import held_out, models
from benchmarks.inference.case import Case


def _cases_of(package: ModuleType) -> Iterable[Case]:
    for found in sorted(iter_modules(package.__path__), key=lambda info: info.name):
        yield from import_module(f"{package.__name__}.{found.name}").CASES


def tuning_cases() -> tuple[Case, ...]:
    return tuple(_cases_of(models))


def held_out_cases() -> tuple[Case, ...]:
    """The folder alone says what is held out: a model whose reading helped moves to the others."""
    return tuple(replace(case, held_out=True) for case in _cases_of(held_out))


def all_cases() -> tuple[Case, ...]:
    return tuning_cases() + held_out_cases()


def find_case(name: str) -> Case:
    """Raises KeyError where no case has this name."""
    for case in all_cases():
        if case.name == name:
            return case
    raise KeyError(name)
