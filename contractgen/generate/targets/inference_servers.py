"""KServe and MLServer: both decode the Open Inference Protocol by themselves and hand over its entries."""

from __future__ import annotations

from contractgen.contract.model import Contract
from contractgen.errors import UsageError
from contractgen.generate.layout import Code, group, labelled, laid_out, literal
from contractgen.generate.signatures import safe
from contractgen.generate.targets.deployment import Deployment, Target
from contractgen.generate.targets.model_file import FILE, model_file
from contractgen.generate.targets.tensors import input_leaves, output_leaves, output_places, sizes
from contractgen.generate.targets.triton import TYPES

BRIDGE = '''

def message_of(payload: {payload}) -> bytes:
    """The request as it was sent: {server} casts when it makes arrays, so its entries go to the validator as they are."""
    entries = [
        {{"name": one.name, "shape": list(one.shape), "datatype": {datatype}, "data": list(one.data)}}
        for one in payload.inputs
    ]
    parameters = {parameters}
    return json.dumps({{"inputs": entries, "parameters": parameters}}).encode()


def outputs_of(result: Any) -> dict[str, Any]:
    """The outputs of the model by the names that they have in a response."""
{outputs}
'''
KSERVE_TEXT = '''"""The model {title} in KServe: what breaks its contract is answered with status 400 and never reaches it.

`python kserve_model.py --model_name {name} --model_dir FOLDER`; KServe's own options work too. The folder holds the model
file; beside this file belong validator.py, contract_model.py and the model's own code.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
from pathlib import Path
from typing import Any, Union

import kserve
from kserve import InferOutput, InferRequest, InferResponse, model_server
from kserve.errors import InvalidInput

import contract_model
import validator

LOG = logging.getLogger(__name__)
JSON = {{"Content-Type": "application/json"}}
{inputs}
{types}


class Model(kserve.Model):
    """The model, with the contract before it."""

    def __init__(self, name: str, folder: str) -> None:
        super().__init__(name)
        self.folder = folder
        self.model: Any = None

    def load(self) -> bool:
        """Load the model; KServe calls it before it is ready."""
        self.model = contract_model.load(self.folder)
        self.ready = True
        return self.ready

    def get_input_types(self) -> list[dict[str, Any]]:
        """The inputs as model metadata has them."""
        return INPUTS

    def get_output_types(self) -> list[dict[str, Any]]:
        """The outputs as model metadata has them."""
        return OUTPUTS

    async def predict(
        self,
        payload: Union[dict[str, Any], InferRequest],
        headers: dict[str, str] | None = None,  # noqa: ARG002
        response_headers: dict[str, str] | None = None,  # noqa: ARG002
    ) -> Union[dict[str, Any], InferResponse]:
        """The answer to a request of either version of KServe's protocol."""
        try:
            return await asyncio.to_thread(self.answer, payload)
        except validator.ContractViolation as violation:
            # KServe makes `{{"error": text}}` of it: the text is the JSON of the violations.
            raise InvalidInput(validator.error_response(violation).body.decode()) from None

    def answer(self, payload: Union[dict[str, Any], InferRequest]) -> Union[dict[str, Any], InferResponse]:
        """The answer to a request; raises `ContractViolation`."""
        if not isinstance(payload, InferRequest):
            args, kwargs = validator.parse(json.dumps(payload).encode(), JSON)
            response = validator.respond(contract_model.run(self.model, args, kwargs), accept="application/json")
            return {{"predictions": json.loads(response.body)}}
        args, kwargs = validator.parse(message_of(payload), JSON)
        outputs = []
        for name, array in outputs_of(contract_model.run(self.model, args, kwargs)).items():
            outputs.append(InferOutput(name, list(array.shape), DATATYPES[name]))
            outputs[-1].set_data_from_numpy(array, binary_data=False)
        return InferResponse(
            payload.id or "",
            self.name,
            outputs,
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )
{bridge}

DATATYPES = {{one["name"]: one["datatype"] for one in OUTPUTS}}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[model_server.parser])
    parser.add_argument("--model_dir", default=str(Path(__file__).resolve().parent))
    options, _ = parser.parse_known_args()
    loaded = Model(options.model_name, options.model_dir)
    loaded.load()
    kserve.ModelServer().start([loaded])
'''
MLSERVER_TEXT = '''"""The model {title} in MLServer: what breaks its contract is answered with status 400 and never reaches it.

Name it in model-settings.json: `"implementation": "mlserver_runtime.Runtime"`, and the folder of the model file as
`"parameters": {{"uri": "."}}`. Beside this file belong validator.py, contract_model.py and the model's own code.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from mlserver import MLModel
from mlserver.errors import InferenceError
from mlserver.types import Datatype, InferenceRequest, InferenceResponse, MetadataTensor, ResponseOutput
from mlserver.utils import get_model_uri

import contract_model
import validator

JSON = {{"Content-Type": "application/json"}}
{inputs}
{types}


class Runtime(MLModel):
    """The model, with the contract before it."""

    async def load(self) -> bool:
        """Load the model; the metadata are those of the contract."""
        self.inputs = [MetadataTensor(**one) for one in INPUTS]
        self.outputs = [MetadataTensor(**one) for one in OUTPUTS]
        place = Path(await get_model_uri(self._settings))
        folder = place if place.is_dir() else place.parent
        self.model = await asyncio.to_thread(contract_model.load, str(folder))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """The answer to a request."""
        try:
            return await asyncio.to_thread(self.answer, payload)
        except validator.ContractViolation as violation:
            # MLServer makes `{{"error": text}}` of it: the text is the JSON of the violations.
            raise InferenceError(validator.error_response(violation).body.decode()) from None

    def answer(self, payload: InferenceRequest) -> InferenceResponse:
        """The answer to a request; raises `ContractViolation`."""
        args, kwargs = validator.parse(message_of(payload), JSON)
        found = outputs_of(contract_model.run(self.model, args, kwargs))
        wanted = [one.name for one in payload.outputs or []] or list(found)
        outputs = [
            ResponseOutput(
                name=name, shape=list(array.shape), datatype=DATATYPES[name], data=array.reshape(-1).tolist()
            )
            for name, array in found.items()
            if name in wanted
        ]
        return InferenceResponse(model_name=self.name, model_version=self.version, id=payload.id, outputs=outputs)
{bridge}

DATATYPES = {{one["name"]: one["datatype"] for one in OUTPUTS}}
'''


def render_kserve(contract: Contract, deployment: Deployment) -> dict[str, str]:
    """A `Model` of KServe that can be started by itself."""
    bridge = _bridge(contract, "KServe", "InferRequest", "one.datatype", "payload.parameters or {}")
    text = KSERVE_TEXT.format(
        title=safe(literal(contract.name)),
        name=safe("".join(char if char.isalnum() and char.isascii() else "-" for char in contract.name)),
        inputs=_metadata(contract, "INPUTS", "KServe"),
        types=_metadata(contract, "OUTPUTS", "KServe"),
        bridge=bridge,
    )
    return {"kserve_model.py": text, FILE: model_file(contract, deployment)}


def render_mlserver(contract: Contract, deployment: Deployment) -> dict[str, str]:
    """A runtime of MLServer."""
    parameters = "payload.parameters.model_dump(exclude_none=True) if payload.parameters else {}"
    bridge = _bridge(contract, "MLServer", "InferenceRequest", "Datatype(one.datatype).value", parameters)
    text = MLSERVER_TEXT.format(
        title=safe(literal(contract.name)),
        inputs=_metadata(contract, "INPUTS", "MLServer"),
        types=_metadata(contract, "OUTPUTS", "MLServer"),
        bridge=bridge,
    )
    return {"mlserver_runtime.py": text, FILE: model_file(contract, deployment)}


def _bridge(contract: Contract, server: str, payload: str, datatype: str, parameters: str) -> str:
    names: list[Code] = [labelled(literal(one.wire_name), code) for code, one in output_places(contract, server)]
    outputs = laid_out(group("{", names, "}"), 1, "return ")
    return BRIDGE.format(server=server, payload=payload, datatype=datatype, parameters=parameters, outputs=outputs)


def _metadata(contract: Contract, name: str, server: str) -> str:
    leaves = (input_leaves if name == "INPUTS" else output_leaves)(contract, server)
    entries: list[Code] = []
    for tensor, _ in leaves:
        if tensor.dtype not in TYPES:
            raise UsageError(f"{server} has no {tensor.dtype} ({tensor.wire_name})")
        shape = f"[{', '.join(map(str, sizes(contract, tensor)))}]"
        datatype = TYPES[tensor.dtype].removeprefix("TYPE_")
        members: list[Code] = [
            f'"name": {literal(tensor.wire_name)}', f'"datatype": "{datatype}"', f'"shape": {shape}',
        ]  # fmt: skip
        entries.append(group("{", members, "}"))
    return laid_out(group("[", entries, "]"), before=f"{name}: list[dict[str, Any]] = ")


KSERVE = Target("kserve", "a Model for KServe", render_kserve, loads=True)
MLSERVER = Target("mlserver", "a runtime for MLServer", render_mlserver, loads=True)
