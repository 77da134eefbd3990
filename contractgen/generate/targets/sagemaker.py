"""SageMaker's PyTorch containers: `inference.py`, around the model or around the user's own functions."""

from __future__ import annotations

from pathlib import Path

from contractgen.contract.model import Contract
from contractgen.errors import UsageError
from contractgen.generate.identifiers import is_plain
from contractgen.generate.layout import Code, group, laid_out, literal
from contractgen.generate.signatures import safe
from contractgen.generate.targets.deployment import Deployment, Target
from contractgen.generate.targets.factory import OWN_MODULES, seen_from
from contractgen.generate.targets.model_file import FILE, model_file, requirements, sources
from contractgen.generate.targets.sagemaker_parts import ANSWER, OWN, PACK, WRAPPED

INFERENCE = "inference.py"
BESIDE_THEIRS = "checked_inference.py"
"""What the generated file is called where the user's own has the usual name."""
PACK_FILE = "pack_model.py"


def render_sagemaker(contract: Contract, deployment: Deployment) -> dict[str, str]:
    """`inference.py`, what it imports, and a script that packs them into `model.tar.gz`."""
    theirs = deployment.entry_point
    title = safe(literal(contract.name))
    if theirs is None:
        name = INFERENCE
        text = OWN.format(title=title) + ANSWER
        module = model_file(contract, deployment)
        needs, code = requirements(deployment), sources(deployment)
    else:
        if not is_plain(theirs.stem) or theirs.suffix != ".py" or theirs.stem in OWN_MODULES - {"inference"}:
            raise UsageError(f"{theirs} cannot be imported beside the generated files", hint="Rename it.")
        name = BESIDE_THEIRS if theirs.stem == "inference" else INFERENCE
        text = WRAPPED.format(title=title, module=literal(theirs.stem), name=safe(theirs.name)) + ANSWER
        module = model_file(contract, deployment, loads=False)
        needs, code = (), (theirs,)
    files = {name: text, FILE: module, PACK_FILE: _pack(deployment, [name, FILE, "validator.py"], code)}
    return files | ({"requirements.txt": "".join(f"{one}\n" for one in needs)} if needs else {})


def _pack(deployment: Deployment, generated: list[str], code: tuple[Path, ...]) -> str:
    own: list[Code] = [literal(name) for name in sorted([*generated, "requirements.txt"])]
    paths: list[Code] = [literal(seen_from(deployment.folder, path)) for path in code]
    artifact = None if deployment.artifact is None else seen_from(deployment.folder, deployment.artifact)
    return PACK.format(
        artifact=literal(artifact),
        generated=laid_out(group("(", own, ")"), before="GENERATED: tuple[str, ...] = "),
        sources=laid_out(group("(", paths, ")"), before="SOURCES: tuple[str, ...] = "),
    )


SAGEMAKER = Target(
    "sagemaker",
    "inference.py for SageMaker's PyTorch containers, and what packs model.tar.gz",
    render_sagemaker,
    loads=True,
)
