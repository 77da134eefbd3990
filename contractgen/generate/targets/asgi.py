"""An ASGI application for one's own container: `app.py` and a Dockerfile."""

from __future__ import annotations

from contractgen.contract.model import Contract
from contractgen.generate.assemble import heading, import_lines, module, names_used, needed, section
from contractgen.generate.layout import Code, group, labelled, laid_out, literal
from contractgen.generate.signatures import safe
from contractgen.generate.targets.asgi_openapi import document
from contractgen.generate.targets.deployment import Deployment, Target
from contractgen.report.formats.model_metadata import model_metadata

PARTS = ("asgi_messages", "asgi_threads", "asgi_app")


def render_asgi(contract: Contract, _deployment: Deployment) -> dict[str, str]:
    """The application, and a container around it."""
    return {"app.py": app(contract), "Dockerfile": DOCKERFILE}


def app(contract: Contract) -> str:
    """The text of `app.py`."""
    about = [
        f"    name={literal(contract.name)},",
        "    contract=validator.CONTRACT,",
        "    metadata=METADATA,",
        "    openapi=OPENAPI,",
    ]
    code = "\n".join([CREATE, "ABOUT = About(", *about, ")", "OPENAPI = METADATA = dict[str, Any]"])
    parts = needed(map(module, PARTS), names_used(code))
    title = f"ASGI application of the model {safe(literal(contract.name))}: routes and limits before its validator and its predict function."
    return "\n\n\n".join([
        f'"""{title}\n\n{ABOUT}\n"""\n\nfrom __future__ import annotations\n\n{import_lines(parts, names_used(code))}\n\nimport validator',
        CREATE,
        heading("From here on the code is the same for every model; at the end stands what is told of this one."),
        *(section(part) for part in parts),
        heading("What is told of this model."),
        "\n".join([
            laid_out(_code(model_metadata(contract)), before="METADATA: dict[str, Any] = "),
            laid_out(_code(document(contract)), before="OPENAPI: dict[str, Any] = "),
            "ABOUT = About(", *about, ")",
        ]),
    ]) + "\n"  # fmt: skip


def _code(value: object) -> Code:
    """A JSON value as Python code."""
    if isinstance(value, dict):
        return group("{", [labelled(literal(key), _code(each)) for key, each in value.items()], "}")
    if isinstance(value, (list, tuple)):
        return group("[", [_code(each) for each in value], "]")
    return literal(value)


ABOUT = """It needs Python 3.9 or later and what validator.py needs. `predict` takes forward's arguments as numpy arrays and returns
forward's result as numpy arrays. Any ASGI server runs it: with predict.py beside it, `uvicorn --factory app:create_app`."""

CREATE = '''def create_app(
    predict: Predict | None = None,
    *,
    limits: Limits | None = None,
    threads: int | None = None,
    waiting: int = 128,
    read_seconds: float = 30.0,
) -> Application:
    """The application before `predict`; without one, before the function `predict` of the module `predict`.

    It runs in `threads` threads, one per core unless given; as many requests as `waiting` wait, the next gets status 503.
    """
    predict = predict or predict_beside()
    return Application(
        validator, predict, ABOUT, limits=limits, threads=threads, waiting=waiting, read_seconds=read_seconds
    )'''

DOCKERFILE = """# The model's container: `docker build -t model .` in this folder, with predict.py in it, which loads the model.
FROM python:3.12-slim
RUN pip install --no-cache-dir numpy "uvicorn[standard]"
# What predict.py needs: torch or onnxruntime, for example.
RUN pip install --no-cache-dir onnxruntime
WORKDIR /srv
COPY app.py validator.py predict.py ./
# The folder where SageMaker puts the model's files.
ENV MODEL_DIR=/opt/ml/model PYTHONUNBUFFERED=1
USER nobody
EXPOSE 8080
# SageMaker runs the image with the argument `serve`, which becomes the shell's $0.
ENTRYPOINT ["sh", "-c", "exec uvicorn --factory app:create_app --host 0.0.0.0 --port 8080 --timeout-graceful-shutdown 30"]
"""

ASGI = Target("asgi", "an ASGI application, with a Dockerfile, for your own container", render_asgi)
