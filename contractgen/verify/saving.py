"""Writing the cases of a contract as request bodies, for load tests, gateways and clients in other languages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from contractgen.contract.model import Contract
from contractgen.verify import encode
from contractgen.verify.cases.model import Case
from contractgen.verify.cases.plan import plan
from contractgen.verify.places import places
from contractgen.verify.recipe import OtherDType, arguments
from contractgen.verify.trees import described

EXTENSIONS = {
    encode.BINARY: "bin",
    encode.SAGEMAKER: "triton.bin",
    encode.PROTOCOL_JSON: "v2.json",
    encode.PLAIN_JSON: "json",
    encode.NPY: "npy",
    encode.NPZ: "npz",
}


def save_cases(
    contract: Contract,
    folder: Path,
    *,
    seed: int = 0,
    random: int = 20,
    case_id: str | None = None,
    formats: tuple[str, ...] = encode.FORMATS,
) -> int:
    """Write ``cases.json`` (what each case is, and its headers) and one body per case and wire format.

    ``case_id`` writes that case alone. Returns the number of cases. Inputs that have no form on the wire are left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cases = plan(contract, seed)
    index = []
    chosen = (*cases.valid, *cases.broken, *cases.random(random)) if case_id is None else (cases.find(case_id),)
    for number, case in enumerate(case for case in chosen if case is not None):
        if not case.client_only:
            requests = [_written(folder, number, case, *one) for one in _messages(contract, case, formats)]
            index.append(_entry(contract, case, requests))
    body = {"contract": contract.fingerprint, "seed": seed, "cases": index}
    (folder / "cases.json").write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    return len(index)


def _messages(contract: Contract, case: Case, formats: tuple[str, ...]) -> Iterator[tuple[str, encode.Message]]:
    given = arguments(contract, case.recipe)
    edit = case.recipe.edit
    other = (edit.tensor, edit.dtype) if isinstance(edit, OtherDType) else None
    named = encode.tensors_of(contract, given, other)
    direct = len(contract.inputs) == 1 and len(places(contract).leaves) == 1
    for content_type in formats:
        if content_type == encode.NPY and not direct:
            continue
        if content_type == encode.PLAIN_JSON:  # it has no dtypes: what differs in those alone cannot be said
            message = None if other else encode.encode_plain(contract, given)
        else:
            message = encode.encode(named, content_type, contract.fingerprint)
        if message is not None:
            yield content_type, message


def _written(folder: Path, number: int, case: Case, content_type: str, message: encode.Message) -> dict[str, object]:
    body, headers = message
    name = f"{number:05d}-{re.sub(r'[^A-Za-z0-9._-]+', '_', case.id)[:80]}.{EXTENSIONS[content_type]}"
    (folder / name).write_bytes(body)
    return {"file": name, "headers": headers}


def _entry(contract: Contract, case: Case, requests: list[dict[str, object]]) -> dict[str, object]:
    broken = {} if case.claim is None else {"breaks": case.claim.text, "codes": sorted(case.codes)}
    return {
        "id": case.id, "valid": case.valid, **broken,
        "input": list(described(arguments(contract, case.recipe))), "requests": requests,
    }  # fmt: skip
