"""`FUZZ_SECONDS=60 python -m benchmarks.fuzz [--seed N] [--bodies N] [--write]`: hostile bodies against validators.

Every body ends in arrays that keep the contract and are what was sent, or in a `ContractViolation`, in linear time and
bounded memory, without a warning. What does not is printed, and with `--write` kept in `tests/hostile/`. Exits with 1 if there was any.
"""

from __future__ import annotations

import argparse
import base64
import collections
import hashlib
import json
import math
import os
import sys
import time
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

from benchmarks.fuzz import reference
from benchmarks.fuzz.bodies import Mutator
from benchmarks.fuzz.contracts import contracts
from benchmarks.wire.modules import Generated, generated
from contractgen.contract import model
from contractgen.contract.tree import leaves
from tests.generate.oracle import accepts
from tests.generate.random_contracts import Maker

HOSTILE = Path(__file__).parents[2] / "tests" / "hostile"
MEMORY_EVERY = 97
SECONDS_AT_MOST = 0.25
SECONDS_PER_MB = 1.0


class Target:
    """A contract with its generated files."""

    def __init__(self, contract: model.Contract) -> None:
        self.contract = contract
        self.generated: Generated = generated(contract)
        client = self.generated.client
        self.types = (
            client.BINARY, client.SAGEMAKER_BINARY, client.OPEN_INFERENCE_JSON, client.JSON, client.NPZ, client.NPY,
        )  # fmt: skip

    def arguments(self, maker: Maker) -> dict[str, Any]:
        """Arguments that keep the contract, or nearly."""
        maker.dims = self.contract.dims
        return maker.arguments(self.contract)

    def request(self, maker: Maker) -> tuple[bytes, dict[str, str]] | None:
        """A good request in one of the formats."""
        client = self.generated.client
        arguments = self.arguments(maker)
        content_type = maker.random.choice(self.types)
        args = [
            arguments[part.name]
            for part in self.contract.inputs
            if part.kind == "positional" and part.name in arguments
        ]
        kwargs = {
            part.name: arguments[part.name]
            for part in self.contract.inputs
            if part.kind == "keyword" and part.name in arguments
        }
        if any(part.kind == "positional" and part.name not in arguments for part in self.contract.inputs):
            args = []
            kwargs = arguments
        try:
            request = client.serialize(*args, **kwargs, content_type=content_type)
        except ValueError:
            return None
        return request.body, dict(request.headers)


def outcome_of(target: Target, body: bytes, headers: dict[str, str]) -> tuple[str, str, Any]:
    """What became of a body, what is wrong with that, and the arguments where it was accepted."""
    validator = target.generated.validator
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return "accepted", "", validator.parse(body, headers)
    except validator.ContractViolation as error:
        response = validator.error_response(error)
        if not error.violations or len(str(error)) > 40_000 or len(response.body) > 60_000:
            return "refused", "a refusal without a reason, or too long a one", None
        return f"refused: {error.violations[0].code}", "", None
    except BaseException as error:
        return "crashed", f"{type(error).__name__}: {error}"[:300], None


def wrong_with(target: Target, call: Any, body: bytes, headers: dict[str, str]) -> str:
    """What is wrong with arguments that were accepted, or nothing."""
    args, kwargs = call
    names = [part.name for part in target.contract.inputs if part.kind == "positional"]
    arguments = {**dict(zip(names, args, strict=False)), **kwargs}
    arguments = {name: value for name, value in arguments.items() if value is not None}
    if not accepts(target.contract, arguments):
        return "arrays that break the contract"
    return wrong_arrays(target.contract, arguments, body, headers)


def wrong_arrays(contract: model.Contract, arguments: dict[str, Any], body: bytes, headers: dict[str, str]) -> str:
    """How the arrays differ from what a plain reading of the body gives."""
    given: dict[str, Any] = {}
    for part in contract.inputs:
        if part.name in arguments:
            reference.flat(part.node, arguments[part.name], (), given)
    try:
        sent = reference.tensors(body, headers)
    except Exception as error:
        return f"accepted what a plain reading refuses: {type(error).__name__}: {error}"[:300]
    if sent is None:
        return ""
    if list(sent) == [""] and len(given) == 1:
        sent = {next(iter(given)): sent[""]}
    if sent.keys() != given.keys():
        return f"tensors {sorted(given)} out of {sorted(sent)}"
    wrong = [name for name in sent if not reference.same(sent[name], given[name])]
    return f"other arrays than were sent: {wrong}" if wrong else ""


def largest(contract: model.Contract) -> int:
    """About the number of elements of the largest tensor."""
    return max(
        math.prod(size if isinstance(size, int) else 2 for size in leaf.tensor.shape)
        for leaf in leaves(contract.inputs)
    )


def keep(target: Target, body: bytes, headers: dict[str, str], why: str) -> None:
    """Write a body to `tests/hostile/`."""
    record = {
        "contract": target.contract.name,
        "why": why,
        "headers": headers,
        "body": base64.b64encode(body).decode(),
    }
    digest = hashlib.sha256(body + json.dumps(headers).encode()).hexdigest()[:12]
    (HOSTILE / f"{target.contract.name}-{digest}.json").write_text(
        json.dumps(record, indent=1) + "\n", encoding="utf-8"
    )


def main() -> int:
    """Run until the time or the number of bodies is used up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bodies", type=int, default=sys.maxsize)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of the second reading; those of the validator are errors
    end = time.monotonic() + float(os.environ.get("FUZZ_SECONDS", "60"))
    targets = [Target(contract) for contract in contracts()]
    outcomes: collections.Counter[str] = collections.Counter()
    defects: collections.Counter[str] = collections.Counter()
    count, worst_time, worst_memory = 0, 0.0, 0.0
    # A body of a large image costs as much as a thousand small ones.
    weights = [1 if largest(target.contract) < 10_000 else 0.01 for target in targets]
    maker, mutator = Maker(options.seed), Mutator(options.seed)
    while count < options.bodies and time.monotonic() < end:
        target = mutator.random.choices(targets, weights)[0]
        request = target.request(maker)
        if request is None:
            continue
        for _ in range(20):
            body, headers = mutator.hostile(*request)
            measured = count % MEMORY_EVERY == 0
            if measured:
                tracemalloc.start()
            start = time.process_time()
            outcome, wrong, call = outcome_of(target, body, headers)
            took = time.process_time() - start
            if measured:
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
                worst_memory = max(worst_memory, (peak - 2 * len(body)) / 2**20)
                if peak > 2 * len(body) + 16 * 2**20:
                    wrong = wrong or f"{peak} bytes of memory for a body of {len(body)}"
            elif took > SECONDS_AT_MOST + SECONDS_PER_MB * len(body) / 2**20:
                wrong = wrong or f"{took:.2f} s for a body of {len(body)}"
            if call is not None:
                wrong = wrong or wrong_with(target, call, body, headers)
            worst_time = max(worst_time, 0 if measured else took)
            count += 1
            outcomes[outcome] += 1
            if wrong:
                defects[f"{outcome}: {wrong}"[:160]] += 1
                if defects[f"{outcome}: {wrong}"[:160]] <= 1:
                    print(f"{target.contract.name}: {outcome}: {wrong}\n  {headers}\n  {body[:300]!r}", flush=True)
                    if options.write:
                        keep(target, body, headers, wrong)
    print(
        f"{count} bodies, seed {options.seed}; slowest {worst_time:.3f} s; memory beyond 2x the body {worst_memory:.1f} MB"
    )
    for outcome, times in outcomes.most_common():
        print(f"  {times:9d} {outcome}")
    print(f"{sum(defects.values())} defects")
    return 1 if defects else 0


if __name__ == "__main__":
    sys.exit(main())
