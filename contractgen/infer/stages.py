"""The stages of inference, in order: discover, choose ranks, optional inputs, sizes, contents, outputs, contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from contractgen.contract.model import Evidence
from contractgen.errors import InferenceError
from contractgen.infer.assemble import Facts, assemble
from contractgen.infer.batch import prove_batch
from contractgen.infer.contents import Contents
from contractgen.infer.declared import Declared, suggest
from contractgen.infer.example import from_example
from contractgen.infer.extents import Extent, Oracle, Sizes, derive, scan
from contractgen.infer.guards import Guard
from contractgen.infer.harvest import harvest
from contractgen.infer.hypothesis import Axis, Fixed, Hypothesis, dotted
from contractgen.infer.influence import find_dropped, settle_band
from contractgen.infer.lists import grow_lists, measure_lists
from contractgen.infer.naming import name_extents
from contractgen.infer.optional import Optionals, add_optionals
from contractgen.infer.outputs import observe_outputs
from contractgen.infer.probe import Input, Prober
from contractgen.infer.ranks import choose_ranks, groups_of
from contractgen.infer.relations import counterexamples, relate
from contractgen.infer.runner import Runner
from contractgen.infer.sampling import random_inputs
from contractgen.infer.search import Found, Limits, Search, usual_dtypes
from contractgen.infer.signature import read_signature
from contractgen.infer.solve import FRESH
from contractgen.infer.ties import absorb, bind, untie
from contractgen.infer.trial import Tracer, quiet
from contractgen.infer.values import Plan

if TYPE_CHECKING:
    from contractgen.infer.api import Inference, InferOptions
    from contractgen.load.loaded import LoadedModel

Report = Callable[[str, str], None]


def infer_here(loaded: LoadedModel, options: InferOptions, report: Report) -> Inference:
    """Inference in this process; `api.infer` runs it in a child."""
    from contractgen.infer.api import Inference

    with quiet():
        module = loaded.module
        runner = Runner(module)
        signature = read_signature(module)
        suggest(signature, options.tensors)
        search = Search(signature, Tracer(module), runner, harvest(module))
        given = options.example or loaded.traced_inputs
        report("discover", "from the example" if given is not None else "no example: searching for a first input")
        found = _first_input(search, given)
        if given is None:
            report("discover", "looking for the lowest rank with a batch axis")
            found = choose_ranks(search, found)
            found = grow_lists(search, found)
        report("discover", "optional inputs")
        optionals = add_optionals(search, found)
        facts, example = _measure(search, optionals, options, report)
        contract = assemble(facts)
        return Inference(contract, example, tuple(loaded.notes), runner.runs)


def _first_input(search: Search, given: Any) -> Found:
    """A first input that the model runs on: the example at sizes that tell axes apart, or one that is searched for."""
    if given is None:
        found = search.find(search.signature.hypothesis)
        if found is None:
            raise InferenceError(_failure(search), hint="give a first input with --example FILE.npz or module:function")
        return _without_spare(search, usual_dtypes(search, found))
    hypothesis, plan = from_example(search.signature, given)
    hypothesis = _without_optional(search, hypothesis, plan)
    outcome = Prober(search.runner, hypothesis, plan).at([{}])[0]
    if not outcome.ok:
        raise InferenceError(f"the model fails on the example: {outcome.describe()}")
    leaves = hypothesis.leaves()
    spread = dict(zip(hypothesis.sizes(), FRESH, strict=False))
    found = search.find(
        hypothesis.with_sizes(spread), frozen=frozenset(leaves), limits=Limits(trials=80, confirmations=12)
    )
    if found is not None and {path: len(leaf.sizes) for path, leaf in found.hypothesis.leaves().items()} == {
        path: len(leaf.sizes) for path, leaf in leaves.items()
    }:
        tiled = Prober(search.runner, found.hypothesis, plan)
        return replace(found, plan=plan) if tiled.ok({}) else found
    trial = search.tracer.run(hypothesis)
    return Found(hypothesis, plan, trial)


def _without_spare(search: Search, found: Found) -> Found:
    """The input without parameters that the search gave and the model runs without: they are optional."""
    for name in search.signature.optional:
        if not isinstance(found.hypothesis.param(name).node, Fixed):
            bare = found.hypothesis.with_node((name,), search.signature.hypothesis.param(name).node)
            if bare.leaves() and Prober(search.runner, bare, found.plan).at([{}])[0].ok:
                found = Found(bare, found.plan, search.tracer.run(bare))
    return found


def _without_optional(search: Search, hypothesis: Hypothesis, plan: Plan) -> Hypothesis:
    """The example without what it gives for parameters that default to None, where the model runs so: they are optional."""
    for param in hypothesis.params:
        default = search.signature.hypothesis.param(param.name).node
        if param.has_default and default == Fixed(None) and param.node != default:
            bare = hypothesis.with_node((param.name,), default)
            if Prober(search.runner, bare, plan).at([{}])[0].ok:
                hypothesis = bare
                search.signature.optional[param.name] = param.node
    return hypothesis


def _failure(search: Search) -> str:
    best = sorted(search.attempts, key=lambda attempt: -attempt.progress)
    shown = list({attempt.error: attempt for attempt in best}.values())[:5]
    lines = [f"  {attempt.inputs or 'no tensors'}\n    {attempt.error}" for attempt in shown]
    return f"no input was found that the model runs on, in {search.tracer.trials} attempts. The closest:\n" + "\n".join(
        lines
    )


def _measure(search: Search, optionals: Optionals, options: InferOptions, report: Report) -> tuple[Facts, Any]:
    found = optionals.found
    guards = tuple(g for g in found.trial.guards if all(axis in found.hypothesis.sizes() for axis in g.axes))
    prober = Prober(search.runner, found.hypothesis, found.plan, sizes_vary=not found.trial.ok)
    prober.base()
    report("trace", f"{len(guards)} conditions over {len(found.hypothesis.sizes())} axes")
    groups = [part for group in groups_of(prober, found) for part in untie(prober, group)]
    groups, prober = absorb(prober, bind(prober, groups))
    optional_names = frozenset(str(path[0]) for path in optionals.paths if len(path) == 1)
    proof = prove_batch(prober, groups, optional_names)
    extents = derive(groups, guards)
    batch = next((extent for extent in extents if proof is not None and extent.group == proof.group), None)
    if batch is not None:
        batch.batch = True
    oracle = Oracle(search.tracer, prober.hypothesis, guards) if found.trial.ok else None
    sizes = Sizes(prober, extents, oracle)
    for extent in sorted(extents, key=lambda extent: not extent.batch):
        if extent.derived is None:
            report("probe", f"sizes of {dotted(extent.group[0][0])}, axis {extent.group[0][1]}")
            scan(sizes, extent, guards, search.pool)
    if optionals.paths:
        report("probe", "sizes without the optional inputs")
        _narrow_to_required(search, optionals, prober, extents, guards)
    for extent in extents:
        if extent is not batch:
            settle_band(sizes, extent)
            find_dropped(sizes, extent)
    prober, sizes = _at_allowed_sizes(sizes)
    report("probe", "sizes together")
    relations = relate(sizes, guards, search.pool)
    evidence: list[Evidence] = []
    for sample in counterexamples(sizes, relations)[:1]:
        text = ", ".join(f"{name} = {size}" for name, size in sample.items())
        evidence.append(
            Evidence("model", "sizes", "assumed", f"these sizes failed together: {text}; which condition forbids them?")
        )
    contents = Contents(sizes, search.pool)
    domains = {}
    for path, leaf in prober.hypothesis.leaves().items():
        report("probe", f"contents of {dotted(path)}")
        domains[path] = contents.of(path, leaf)
    lengths = measure_lists(prober)
    report("probe", "contents together")
    free = [extent for extent in extents if extent.free]
    for change in (
        {},
        sizes.with_size(
            *((e, sizes.size(e) + e.multiple_of) for e in free if e.contains(sizes.size(e) + e.multiple_of))
        ),
    ):
        outcomes = prober.run(random_inputs(sizes, domains, change), tensors=False)
        prober.remember(change, outcomes)
        failed = next((o for o in outcomes if not prober.means(o) and o.kind != "timeout"), None)
        if failed is not None:
            evidence.append(
                Evidence(
                    "model",
                    "values",
                    "assumed",
                    f"random contents within the bounds failed: {failed.describe()[:160]}; which condition forbids them?",
                )
            )
    if batch is not None:
        batch.claims.append(_batch_claim())
    for name, reason in optionals.left_out.items():
        evidence.append(Evidence(f"input:{name}", "left out", "probed", reason))
    for path in optionals.paths:
        evidence.append(Evidence(f"input:{dotted(path)}", "required", "probed", "the model ran with it and without it"))
    if not found.trial.ok:
        evidence.append(
            Evidence(
                "model",
                "trace",
                "probed",
                f"the symbolic run ended early ({found.trial.message[:120]}): the sizes come from real runs",
            )
        )
    symbolic = found.trial.outputs
    facts = Facts(
        name=options.name,
        hypothesis=prober.hypothesis,
        extents=extents,
        names=name_extents(extents, prober.hypothesis.leaves(), search.signature.priors, batch),
        domains=domains,
        relations=relations,
        outputs=observe_outputs(prober, extents, symbolic),
        batch=batch,
        optional=frozenset(optionals.paths),
        lengths=lengths,
        evidence=evidence,
    )
    Declared(facts, sizes).apply(options.dims, options.tensors)
    return facts, prober.inputs(Input())


def _at_allowed_sizes(sizes: Sizes) -> tuple[Prober, Sizes]:
    """The same input at sizes that the claims allow: what was found before them may hold elements that nothing reads."""
    change: dict[Axis, int] = {}
    for extent in sizes.extents:
        size = sizes.size(extent)
        if extent.derived is None and not extent.contains(size):
            allowed = extent.fixed if extent.fixed is not None else size - size % extent.multiple_of
            bounded = max(extent.min, allowed if extent.max is None else min(allowed, extent.max))
            change |= dict.fromkeys(extent.group, allowed if extent.fixed is not None else bounded)
    if not change:
        return sizes.prober, sizes
    prober = sizes.prober.resized(change)
    return prober, Sizes(prober, sizes.extents, sizes.oracle)


def _narrow_to_required(
    search: Search, optionals: Optionals, prober: Prober, extents: list[Extent], guards: tuple[Guard, ...]
) -> None:
    """Bounds that hold only while an optional input stands in for something (given positions for a table of them)."""
    hypothesis = prober.hypothesis
    for path in optionals.paths:
        known = dict(optionals.before.hypothesis.nodes())
        hypothesis = hypothesis.with_node(path, known[path]) if path in known else hypothesis.without(path)
    bare = Prober(search.runner, hypothesis, prober.plan, sizes_vary=prober.sizes_vary)
    if not bare.ok({}):
        return
    axes = set(hypothesis.sizes())
    twins = {
        index: replace(extent, group=group, claims=[], derived=None, fixed=None, min=1, max=None, multiple_of=1)
        for index, extent in enumerate(extents)
        if extent.free and (group := tuple(axis for axis in extent.group if axis in axes))
    }
    sizes = Sizes(bare, list(twins.values()))
    own = tuple(guard for guard in guards if all(axis in axes for axis in guard.axes))
    for index, twin in twins.items():
        if not twin.batch:
            scan(sizes, twin, own, search.pool)
            extents[index].narrow(twin)


def _batch_claim() -> Any:
    from contractgen.infer.extents import Claim

    return Claim("role", "probed", "changing one row of the inputs changed that row of the outputs alone")
