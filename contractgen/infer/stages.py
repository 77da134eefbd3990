"""The stages of inference, in order: discover, choose ranks, optional inputs, sizes, contents, outputs, contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch

from contractgen.contract.model import Contract, Evidence
from contractgen.infer.assemble import Facts, assemble
from contractgen.infer.batch import prove_batch
from contractgen.infer.contents import Contents
from contractgen.infer.declared import Declared, suggest
from contractgen.infer.domain import Domain
from contractgen.infer.edits import Enough
from contractgen.infer.example import from_example
from contractgen.infer.extents import Sizes
from contractgen.infer.first import first_input, without_spare
from contractgen.infer.graph_declarations import differences
from contractgen.infer.harvest import harvest
from contractgen.infer.held import seat
from contractgen.infer.hypothesis import Group, Hypothesis, Path, Record, dotted
from contractgen.infer.lists import grow_lists, measure_lists
from contractgen.infer.measure import Measured, measure_sizes
from contractgen.infer.naming import name_extents
from contractgen.infer.opaque import OpaqueTracer, is_opaque
from contractgen.infer.optional import Optionals, add_optionals
from contractgen.infer.outputs import observe_outputs
from contractgen.infer.probe import Input, Prober, same_bits
from contractgen.infer.ranks import choose_ranks, groups_of
from contractgen.infer.relations import counterexamples
from contractgen.infer.runner import Runner
from contractgen.infer.sampling import random_inputs
from contractgen.infer.search import Found, Search
from contractgen.infer.sequences import settle_sequences
from contractgen.infer.signature import Signature, read_signature
from contractgen.infer.together import keep_beside_others
from contractgen.infer.trial import Tracer, quiet

if TYPE_CHECKING:
    from contractgen.infer.api import InferOptions
    from contractgen.load.loaded import LoadedModel

Report = Callable[[str, str], None]
Example = tuple[tuple[object, ...], dict[str, object]]


def run_stages(loaded: LoadedModel, options: InferOptions, report: Report) -> tuple[Contract, Example, list[str], int]:
    """The contract, an input that runs, warnings, and the number of real runs; `api.infer` calls it in a child process."""
    with quiet():
        module = loaded.module
        runner = Runner(module)
        signature = read_signature(module)
        suggest(signature, options.tensors)
        tracer = OpaqueTracer(signature) if is_opaque(module) else Tracer(module)
        search = Search(signature, tracer, runner, harvest(module))
        given = options.example or loaded.traced_inputs
        report("discover", "from the example" if given is not None else "no example: searching for a first input")
        found = first_input(search, given)
        candidates = [found]
        if given is None:
            report("discover", "looking for the lowest rank with a batch axis")
            chosen = choose_ranks(search, found)
            candidates = [grow_lists(search, one) for one in ((chosen,) if chosen is found else (chosen, found))]
        optionals, measured = explore(search, candidates, given, report)
        if given is not None and _excludes(measured.sizes, given, signature):
            report("discover", "at the example's own sizes")
            found = first_input(search, given, spread_out=False)
            optionals, measured = explore(search, [found], given, report)
        facts = _gather(search, optionals, measured, options.name, given, report)
        Declared(facts, measured.sizes).apply(options.dims, options.tensors)
        conduct = _conduct(measured.sizes, runner)
        declared = list(differences(getattr(module, "input_specs", ()), measured.sizes.extents))
        facts.evidence += [Evidence("model", "conduct", "probed", text) for text in conduct]
        facts.evidence += [Evidence("model", "declaration", "probed", text) for text in declared]
        warnings = [*loaded.notes, *conduct, *declared]
        enough = tuple((path, Enough(one.each_row)) for path, one in facts.domains.items() if one.each_row is not None)
        return assemble(facts), measured.sizes.prober.inputs(Input((), enough)), warnings, runner.runs


def explore(
    search: Search, candidates: list[Found], given: Example | None, report: Report
) -> tuple[Optionals, Measured]:
    """The optional inputs beside a first one, and the sizes of all.

    Of several candidates the first is taken, unless one at other ranks goes better with the optional inputs: a mask
    beside ids tells that they have a sequence.
    """
    report("discover", "optional inputs")
    if given is None:  # at other ranks than the first the model may run without what it seemed to need
        candidates = [without_spare(search, candidate) for candidate in candidates]
    optionals = add_optionals(search, candidates[0])
    odd = optionals.unfitting or optionals.displaced or (optionals.paths and not _has_batch(search, optionals))
    if len(candidates) > 1 and odd:
        others = [add_optionals(search, candidate) for candidate in candidates[1:]]
        optionals = max(
            (optionals, *others), key=lambda each: (len(each.paths), _has_batch(search, each), not each.displaced)
        )
    if given is None:
        optionals, seated = seat(search, optionals)
        return optionals, measure_sizes(search, optionals, {}, seated, report)
    sizes = from_example(search.signature, given)[0].sizes()
    return optionals, measure_sizes(search, optionals, sizes, {}, report)


def _has_batch(search: Search, optionals: Optionals) -> bool:
    """Whether a batch axis is proven with all the inputs together."""
    prober = Prober(search.runner, optionals.found.hypothesis, optionals.found.plan)
    return prove_batch(prober, groups_of(prober, optionals.found), optionals.names) is not None


def _excludes(sizes: Sizes, given: Example, signature: Signature) -> bool:
    """Whether the claims refuse the user's own example: the sizes that were tried first had misled."""
    own = from_example(signature, given)[0].sizes()
    for extent in sizes.extents:
        found = {own[axis] for axis in extent.group if axis in own}
        if len(found) > 1 or (extent.derived is None and not all(extent.contains(size) for size in found)):
            return True
    return False


def _gather(
    search: Search, optionals: Optionals, measured: Measured, name: str, given: Example | None, report: Report
) -> Facts:
    """Contents, list lengths and outputs, with all that was found before."""
    sizes, prober = measured.sizes, measured.sizes.prober
    contents = Contents(sizes, search.pool)
    domains: dict[Path, Domain] = {}
    leaves = prober.hypothesis.leaves()
    for path, leaf in leaves.items():
        report("probe", f"contents of {dotted(path)}")
        domains[path] = contents.of(path, leaf)
    keep_beside_others(sizes, domains, search.pool)
    example = None if given is None else from_example(search.signature, given)[0]
    lengths = measure_lists(prober, example)
    settle_sequences(prober, search.signature, example, lengths)
    report("probe", "contents together")
    evidence = [*_open_questions(measured, domains), *_about_optionals(optionals), *_about_trace(optionals.found)]
    evidence += _about_records(prober.hypothesis)
    return Facts(
        name=name,
        hypothesis=prober.hypothesis,
        extents=sizes.extents,
        names=name_extents(sizes.extents, leaves, search.signature.priors, measured.batch),
        domains=domains,
        relations=measured.relations,
        outputs=observe_outputs(prober, sizes.extents, optionals.found.trial.outputs),
        batch=measured.batch,
        optional=frozenset(optionals.paths),
        lengths=lengths,
        originals={spec.parameter: spec.name for spec in getattr(search.runner.module, "input_specs", ())},
        evidence=evidence,
    )


def _open_questions(measured: Measured, domains: Mapping[Path, Domain]) -> list[Evidence]:
    """What the claims allow one by one and the model refuses together: conditions that were not found."""
    questions: list[Evidence] = []
    for sample in counterexamples(measured.sizes, measured.relations)[:1]:
        text = ", ".join(f"{name} = {size}" for name, size in sample.items())
        detail = f"these sizes failed together: {text}; which condition forbids them?"
        questions.append(Evidence("model", "sizes", "assumed", detail))
    prober = measured.sizes.prober
    base, grown = prober.hypothesis.sizes(), _grown(measured.sizes)
    holds = all(relation.holds(base | grown) for relation in measured.relations)
    for change in ({}, grown) if holds else ({},):
        outcomes = prober.run(random_inputs(measured.sizes, domains, change))
        prober.remember(change, outcomes)
        failed = next((o for o in outcomes if not prober.means(o) and o.kind != "timeout"), None)
        if failed is not None:
            detail = (
                f"contents within the bounds failed: {prober.describe(failed)[:160]}; which condition forbids them?"
            )
            questions.append(Evidence("model", "values", "assumed", detail))
    return questions


def _grown(sizes: Sizes) -> dict[tuple[Path, int], int]:
    """Each free dim one step larger, where that is allowed."""
    steps = [(extent, sizes.size(extent) + extent.multiple_of) for extent in sizes.extents if extent.free]
    return sizes.with_size(*((extent, size) for extent, size in steps if extent.contains(size)))


def _about_optionals(optionals: Optionals) -> list[Evidence]:
    left_out = [Evidence(f"input:{name}", "left out", "probed", reason) for name, reason in optionals.left_out.items()]
    needed = [Evidence(f"input:{dotted(path)}", "required", "assumed", why) for path, why in optionals.needed.items()]
    detail = "the model ran with it and without it"
    optional = [Evidence(f"input:{dotted(path)}", "required", "probed", detail) for path in optionals.paths]
    return left_out + needed + optional


def _about_records(hypothesis: Hypothesis) -> list[Evidence]:
    detail = "the model reads it by attribute: these are the attributes of an object"
    records = (path for path, node in hypothesis.nodes() if isinstance(node, Group) and node.cls is Record)
    return [Evidence(f"input:{dotted(path)}", "structure", "probed", detail) for path in records]


def _about_trace(found: Found) -> list[Evidence]:
    if found.trial.ok:
        return []
    reason = found.trial.message.split("\n")[0][:120]
    return [
        Evidence("model", "trace", "probed", f"the symbolic run ended early ({reason}): the sizes come from real runs")
    ]


def _conduct(sizes: Sizes, runner: Runner) -> list[str]:
    """What a user should know of how the model behaves beyond its input."""
    found: list[str] = []
    same, other = sizes.prober.run([Input(), Input(rng=1)], tensors=True)
    if same.ok and other.ok:
        pairs = zip(same.value.tensors, other.value.tensors, strict=False)
        if not all(same_bits(a, b) for a, b in pairs):
            found.append("the outputs are random: two runs on the same input differ")
    if runner.spoilt:
        found.append(
            "a run changes the model's own state (a buffer or an attribute): later results may depend on earlier ones"
        )
    training = sorted({type(m).__name__ for m in runner.module.modules() if m.training and isinstance(m, _TRAINED)})
    if training:
        found.append(f"parts of the model are in train mode: {', '.join(training)}")
    return found


_TRAINED = (torch.nn.modules.batchnorm._BatchNorm, torch.nn.modules.dropout._DropoutNd, torch.nn.RReLU)
"""Layers that compute something else in train mode."""
