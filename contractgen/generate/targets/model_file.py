"""`contract_model.py`: loads the model and runs it on the validator's arrays. Several targets have it beside them."""

from __future__ import annotations

from pathlib import Path

from contractgen.contract import model
from contractgen.contract.model import Contract
from contractgen.errors import UsageError
from contractgen.generate.layout import Code, group, labelled, laid_out, literal
from contractgen.generate.signatures import safe
from contractgen.generate.targets.deployment import Deployment
from contractgen.generate.targets.factory import MODEL_FN, Factory, factory_of
from contractgen.generate.targets.model_parts import FILL, HEAD, ONNX, RECORDS, RUN, WRITE_PLAIN, WRITE_RECORDS
from contractgen.generate.targets.tensors import places

FILE = "contract_model.py"
SAYS_HOW = (
    'Say it in pyproject.toml, [tool.contractgen.models."model.pth"] model = "train.py:MyModel", or with --model; '
    "or wrap a model_fn of your own: --entry-point inference.py."
)


def model_file(contract: Contract, deployment: Deployment, *, loads: bool = True) -> str:
    """The text of the module. Without ``loads`` it only runs what someone else has loaded."""
    if not loads:
        return _torch_file(contract, "", [])
    artifact = deployment.artifact
    if artifact is None:
        raise UsageError("which model file is served?", hint=SAYS_HOW)
    if artifact.suffix == ".onnx":
        return _onnx_file(contract, artifact)
    factory = factory_of(deployment)
    if factory is None and artifact.suffix == ".pt2":
        return _torch_file(contract, _function(PROGRAM), ["", f"ARTIFACT = {literal(artifact.name)}"])
    if factory is None and artifact.suffix in {".pt", ".pth", ".ts", ".torchscript"}:
        return _torch_file(contract, _function(SCRIPT), ["", f"ARTIFACT = {literal(artifact.name)}", DEVICE])
    if factory is None or artifact.suffix in {".gz", ".tgz", ".tar", ""}:
        raise UsageError(f"what builds the model in {artifact}?", hint=SAYS_HOW)
    return _built_file(contract, artifact, factory)


def requirements(deployment: Deployment) -> tuple[str, ...]:
    """The packages that the module needs beyond torch and numpy."""
    suffix = deployment.artifact.suffix if deployment.artifact is not None else ""
    return {".onnx": ("onnxruntime",), ".safetensors": ("safetensors",)}.get(suffix, ())


def sources(deployment: Deployment) -> tuple[Path, ...]:
    """The user's own files that have to travel along with the module."""
    if deployment.artifact is not None and deployment.artifact.suffix == ".onnx":
        return ()
    factory = factory_of(deployment)
    return () if factory is None or factory.source is None else (factory.source,)


DEVICE = 'DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")'
SCRIPT = """    read: Any = torch.jit.load
    return read(str(Path(folder) / ARTIFACT), map_location=DEVICE).eval()"""
PROGRAM = "    return torch.export.load(Path(folder) / ARTIFACT).module()"
PLAIN = """    content = torch.load(Path(folder) / ARTIFACT, map_location="cpu", weights_only=True)"""
SAFE = "    content = load_file(Path(folder) / ARTIFACT)"


def _function(body: str) -> str:
    return f'''

def load(folder: str) -> Any:
    """The model in ``folder``, ready to be called."""
{body}
'''


def _built_file(contract: Contract, artifact: Path, factory: Factory) -> str:
    """For a state_dict, and for a model_fn that the user named as what builds the model."""
    named = f"importlib.import_module({literal(factory.module)}).{factory.attribute}"
    if factory.attribute == MODEL_FN:
        return _torch_file(contract, _function(f"    return {named}(folder)"), [], ("importlib",))
    given: list[Code] = [f"{name}={literal(value)}" for name, value in factory.arguments.items()]
    made = laid_out(group("factory(", given, ")"), 1, "made = ")
    if not given:
        made = "    made = factory if isinstance(factory, torch.nn.Module) else factory()"
    safetensors = artifact.suffix == ".safetensors"
    body = "\n".join(
        [
            f"    factory: Any = {named}",
            made,
            SAFE if safetensors else PLAIN,
            "    fill(made, content)",
            "    return made.to(DEVICE).eval()",
        ]
    )
    constants = ["", f"ARTIFACT = {literal(artifact.name)}", DEVICE]
    more = "from safetensors.torch import load_file\n" if safetensors else ""
    return _torch_file(contract, _function(body) + FILL, constants, ("importlib",), more)


def _torch_file(
    contract: Contract, load: str, constants: list[str], imports: tuple[str, ...] = (), more: str = ""
) -> str:
    records = any(_has(part.node, model.Dict) for part in contract.inputs)
    dtypes = {tensor.dtype for part in contract.inputs for tensor in _tensors(part.node)}
    if {"bfloat16", "uint16"} <= dtypes:
        raise UsageError("a model with inputs of both bfloat16 and uint16 is served by none of these targets")
    names = {*imports, "dataclasses", *(("typing",) if records else ())}
    lines = [f"import {name}" for name in sorted(names)]
    lines += ["from collections.abc import Mapping", *(["from pathlib import Path"] if constants else [])]
    lines += ["from typing import Any"]
    text = HEAD.format(
        title=safe(literal(contract.name)), imports="\n".join(lines), third_party=f"import torch\n{more}"
    )
    bits = " and array.dtype == np.uint16" if "bfloat16" in dtypes else ""
    written = (WRITE_RECORDS if records else WRITE_PLAIN).replace("BITS", BITS if bits else "")
    known = "".join(f"{line}\n" for line in constants)
    return f"{text}{known}{load}{RUN}{written}{RECORDS if records else ''}"


BITS = """
        if array.dtype == np.uint16:  # the bits of bfloat16
            return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16).to(device)"""


def _onnx_file(contract: Contract, artifact: Path) -> str:
    """The graph's inputs and outputs go by the names that the contract's tensors have."""
    feeds: list[Code] = []
    positional = 0
    for part in contract.inputs:
        code = f"args[{positional}]" if part.kind == "positional" else f"kwargs[{literal(part.name)}]"
        positional += part.kind == "positional"
        if not part.required or part.kind == "variadic":
            raise UsageError(f"{part.name}: an ONNX graph has no optional inputs and no lists")
        feeds += [
            labelled(literal(tensor.wire_name), place) for place, tensor in places(part.node, code, "an ONNX graph")
        ]
    results = [_result(output.node) for output in contract.outputs]
    returned = results[0] if len(results) == 1 else group("(", results, ")")
    return ONNX.format(
        title=safe(literal(contract.name)),
        artifact=literal(artifact.name),
        feeds=laid_out(group("{", feeds, "}"), 1, "feeds = "),
        returned=laid_out(returned, 1, "return "),
    )


def _result(node: model.Node) -> Code:
    """The expression that makes a result out of the graph's outputs."""
    if isinstance(node, model.Tensor):
        return f"found[{literal(node.wire_name)}]"
    if isinstance(node, model.Dict):
        return group("{", [labelled(literal(field.key), _result(field.node)) for field in node.fields], "}")
    if isinstance(node, model.Tuple):
        opening, closing = "[]" if node.sequence == "list" else "()"
        return group(opening, [_result(item) for item in node.items], closing)
    raise UsageError("an ONNX graph returns no optional outputs and no lists")


def _tensors(node: model.Node) -> list[model.Tensor]:
    if isinstance(node, model.Tensor):
        return [node]
    if isinstance(node, model.Dict):
        return [tensor for field in node.fields for tensor in _tensors(field.node)]
    if isinstance(node, model.Tuple):
        return [tensor for item in node.items for tensor in _tensors(item)]
    if isinstance(node, model.Constant):
        return []
    return _tensors(node.item if isinstance(node, model.List) else node.node)


def _has(node: model.Node, kind: type) -> bool:
    if isinstance(node, kind):
        return True
    if isinstance(node, (model.List, model.Optional)):
        return _has(node.item if isinstance(node, model.List) else node.node, kind)
    return isinstance(node, model.Tuple) and any(_has(item, kind) for item in node.items)
