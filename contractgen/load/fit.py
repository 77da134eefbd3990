"""From a constructor and weights to a module: the arguments are solved, what the weights leave open is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch

from contractgen.errors import ContractgenError, LoadError, UsageError
from contractgen.load.assign import build_with, load_into
from contractgen.load.behaviour import behaviour_of, has_hidden_tensors
from contractgen.load.build import TooLarge, bounded, build
from contractgen.load.candidates import candidates
from contractgen.load.checkpoint import Weights, variants
from contractgen.load.constructor import Constructor, Slot, raised
from contractgen.load.layout import Layout, compare, layout_of
from contractgen.load.loaded import said
from contractgen.load.solve import Trial, Trials, Values, alternatives, first, paired_alternatives, search

MOST_BUILDS = 2000
MOST_REAL_BUILDS = 200
"""Builds that take memory and time."""


@dataclass(frozen=True)
class Fitted:
    """A module with its weights in it."""

    module: torch.nn.Module
    notes: tuple[str, ...]
    arguments: Mapping[str, object] = field(default_factory=dict)
    """Those that the constructor was called with."""


@dataclass(frozen=True)
class _Fit:
    weights: Weights
    trial: Trial
    trials: Trials


def fit(constructor: Constructor, weights: Weights, given: Mapping[str, object]) -> Fitted:
    """The module with its weights, the arguments that it was built with, and notes on those that were chosen.

    Raises UsageError where an argument cannot be told from the weights, LoadError where nothing fits.
    """
    constructor.check(given)
    weights = replace(weights, hints=_hints_by_slot(constructor, weights))
    _ask_for_hopeless(constructor, weights, given)
    found = _search_variants(constructor, weights, given)
    if not found.trial.fits:
        return _load_anyway(constructor, found, given)
    notes = _settle_open(constructor, found, given)
    module = build_with(constructor, found.trial.values, found.weights)
    return Fitted(module, (*found.weights.notes, *notes), found.trial.values)


def _hints_by_slot(constructor: Constructor, weights: Weights) -> dict[str, object]:
    """What the checkpoint says of the constructor's arguments; fields of a configuration go by their own names too."""
    found: dict[str, object] = {}
    for slot in constructor.slots:
        head, _, field = slot.name.rpartition(".")
        for name, hint in ((slot.name, slot.name), (slot.name, field), (head, head)):
            if hint in weights.hints:
                found.setdefault(name, weights.hints[hint])
    return found


def _ask_for_hopeless(constructor: Constructor, weights: Weights, given: Mapping[str, object]) -> None:
    """Raise UsageError for required arguments that no size tells anything of, such as the name of an activation."""
    hopeless = [
        slot.name
        for slot in constructor.slots
        if slot.required and slot.name not in given and slot.name not in weights.hints
        and slot.name.partition(".")[0] not in weights.hints
        and not candidates(slot, layout_of(weights.state))
    ]  # fmt: skip
    if hopeless:
        raise UsageError(
            f"{constructor.label} needs {' and '.join(map(repr, hopeless))}, which weights do not tell",
            hint=" ".join(f"--arg {name}=..." for name in hopeless),
        )


def _search_variants(constructor: Constructor, weights: Weights, given: Mapping[str, object]) -> _Fit:
    """The search under the names for the weights that share most with a module that was built, on the meta device first."""
    forms = variants(weights)
    fits: list[_Fit] = []
    for meta in (True, False):
        start = _trials(constructor, forms[0], meta)
        built = first(start, constructor.slots, given, forms[0].hints)
        if built.difference is None:
            fits.append(_Fit(forms[0], built, start))
            continue
        for form in sorted(forms, key=lambda form: -compare(layout_of(form.state), built.layout).score)[:2]:
            trials = start if form is forms[0] else _trials(constructor, form, meta)
            fits.append(_Fit(form, search(trials, constructor.slots, given, form.hints), trials))
            if fits[-1].trial.fits:
                return fits[-1]
        break
    return max(fits, key=lambda each: each.trial.score)


def _trials(constructor: Constructor, form: Weights, meta: bool) -> Trials:
    layout = layout_of(form.state)
    return Trials(_builder(constructor, layout, meta), layout, MOST_BUILDS if meta else MOST_REAL_BUILDS)


def _builder(constructor: Constructor, layout: Layout, meta: bool) -> Callable[[Values], torch.nn.Module]:
    def make(values: Values) -> torch.nn.Module:
        with bounded(layout):
            return build(constructor, values, meta=meta)

    return make


def _load_anyway(constructor: Constructor, found: _Fit, given: Mapping[str, object]) -> Fitted:
    """Where nothing fits by name and shape: load all the same, since a module may translate old names itself."""
    trial = found.trial
    if trial.error is not None:
        if isinstance(trial.error, ContractgenError):
            raise trial.error
        if not isinstance(trial.error, TooLarge):
            raise raised(constructor.label, trial.values, trial.error) from trial.error
    if trial.difference is None:
        raise LoadError(
            f"{constructor.label} could not be built with any arguments"
            + (f": {said(trial.error)}" if trial.error else ""),
            hint=_ask(constructor.slots, given),
        )
    try:
        module = build(constructor, trial.values, meta=False)
        load_into(module, found.weights, constructor.label)
    except (Exception, SystemExit) as error:
        tried = ", ".join(f"{name}={value!r}" for name, value in trial.values.items())
        raise LoadError(
            f"the weights do not fit {constructor.label}({tried}):\n{trial.difference.text()}",
            hint=_ask([slot for slot in constructor.slots if slot.name not in given], given),
        ) from error
    return Fitted(module, found.weights.notes, trial.values)


def _ask(slots: tuple[Slot, ...] | list[Slot], given: Mapping[str, object]) -> str:
    names = [slot.name for slot in slots if slot.name not in given]
    if not names:
        return "Is it the class that these weights were trained with?"
    return "Is it the right class? If so, give its arguments: " + " ".join(f"--arg {name}=..." for name in names[:6])


def _settle_open(constructor: Constructor, found: _Fit, given: Mapping[str, object]) -> list[str]:
    """Notes on required arguments of which the weights do not tell the value, where it makes no difference.

    Raises UsageError where it does.
    """
    trial = found.trial
    solved = [slot for slot in constructor.slots if slot.name in trial.values and slot.name not in given]
    notes: list[str] = []
    for slot in solved:
        if found.weights.hints.get(slot.name, trial) == trial.values[slot.name]:
            continue
        others = alternatives(found.trials, slot, trial)
        if not others:
            continue
        values = [trial.values[slot.name], *(other.values[slot.name] for other in others)]
        shown = ", ".join(map(repr, sorted(values) if type(values[0]) in {bool, int, float} else values))
        if all(_behaves_alike(constructor, trial, other) for other in others):
            notes.append(
                f"{constructor.label}: {slot.name}={trial.values[slot.name]!r} was chosen; nothing depends on it"
            )
            continue
        raise UsageError(
            f"the weights do not tell {slot.name!r} of {constructor.label}: {shown} fit them equally",
            hint=f"Say which it was: --arg {slot.name}=...",
        )
    pairs = paired_alternatives(found.trials, solved, trial)
    if pairs:
        a, b, other = pairs[0]
        shown = " or ".join(f"{a}={each.values[a]!r}, {b}={each.values[b]!r}" for each in (trial, other))
        raise UsageError(
            f"the weights do not tell {a!r} and {b!r} of {constructor.label}: {shown} fit them equally",
            hint=f"Say what one of them was: --arg {a}=...",
        )
    return notes


def _behaves_alike(constructor: Constructor, chosen: Trial, other: Trial) -> bool:
    """Whether two modules differ in nothing but their weights, also in the contents of tensors that are not saved."""
    if chosen.behaviour != other.behaviour:
        return False
    try:
        first = build(constructor, chosen.values, meta=False)
        if not has_hidden_tensors(first):
            return True
        second = build(constructor, other.values, meta=False)
    except (Exception, SystemExit):
        return False
    return behaviour_of(first, values=True) == behaviour_of(second, values=True)
