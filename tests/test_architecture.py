"""The borders between the layers, as ARCHITECTURE.md draws them."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "contractgen"
HEAVY = ("torch", "onnx", "onnxruntime", "onnxscript", "transformers")

MAY_IMPORT = {
    "errors": set[str](),
    "contract": {"errors"},
    "config": {"errors", "contract"},
    "generate": {"errors", "contract", "report"},
    "report": {"errors", "contract"},
    "load": {"errors", "contract"},
    "infer": {"errors", "contract", "load"},
    "verify": {"errors", "contract", "generate", "report", "load", "infer"},
    "testing": {"errors", "contract", "verify"},
    "serve": {"errors", "contract", "generate", "report", "load", "verify"},
    "pipeline": {"errors", "contract", "config", "generate", "report", "load", "infer", "verify"},
    "api": {"errors", "contract", "config", "generate", "report", "pipeline"},
    "cli": {"errors", "contract", "config", "generate", "report", "pipeline", "serve", "__init__"},
    "__init__": {"api"},
}
"""The layers that each layer may import, other than itself."""

THIRD_PARTY = {
    "errors": set[str](),
    "contract": set[str](),
    "config": {"tomli"},
    "generate": {"numpy"},
    "report": {"rich"},
    "load": {"numpy", "torch", "onnx", "onnxruntime", "safetensors", "transformers"},
    "infer": {"numpy", "sympy", "torch", "transformers"},
    "verify": {"numpy", "onnx", "onnxruntime", "onnxscript", "torch", "typing_extensions"},
    "testing": {"hypothesis", "numpy", "pytest", "typing_extensions"},
    "serve": {"numpy", "onnxruntime", "prometheus_client", "torch", "uvicorn"},
    "pipeline": set[str](),
    "api": set[str](),
    "cli": {"rich", "typer"},
    "__init__": set[str](),
}
"""The packages that each layer may import."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Every module that ``path`` imports, at its top or inside a function, as an absolute name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            assert node.module is not None
            if node.module == "contractgen":
                yield from (f"contractgen.{alias.name}" for alias in node.names)
            else:
                yield node.module


def our_layer(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and (parts[1] in MAY_IMPORT) else "__init__"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_layer_imports_only_what_it_may(path: Path) -> None:
    own = layer(path)
    for name in imports(path):
        top = name.split(".")[0]
        if top == "contractgen":
            target = our_layer(name)
            assert target == own or target in MAY_IMPORT[own], f"{own} must not import {name}"
        elif top not in sys.stdlib_module_names:
            assert top in THIRD_PARTY[own], f"{own} must not import {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_passes_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def loaded_by(arguments: list[str], folder: Path, before: str = "") -> set[str]:
    """The heavy packages that a fresh interpreter has loaded after running the command line."""
    program = f"""
import sys
{before}
sys.argv = ["contractgen", *{arguments!r}]
from contractgen.cli.main import run
try:
    run()
except SystemExit as stop:
    code = stop.code
print("LOADED", code, *sorted({{name.split(".")[0] for name in sys.modules}} & set({HEAVY!r})), file=sys.stderr)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, env=environment)
    words = done.stderr.splitlines()[-1].split()
    assert words[:2] == ["LOADED", "0"], done.stderr
    return set(words[2:])


CONTRACT = str(ROOT / "sample_models/linear/contract/contract.json")
LIGHT = {
    "help": ["--help"],
    "export help": ["export", "--help"],
    "version": ["--version"],
    "generate": ["generate", CONTRACT, "--out", "generated"],
    "generate --check": ["generate", CONTRACT, "--check"],
    "show": ["show", CONTRACT, "--why"],
    "show --html": ["show", CONTRACT, "--html", "page.html"],
    "schema": ["schema"],
}


@pytest.mark.parametrize("arguments", LIGHT.values(), ids=LIGHT.keys())
def test_a_light_command_imports_no_framework(arguments: list[str], tmp_path: Path) -> None:
    assert loaded_by(arguments, tmp_path) == set()


def test_importing_the_package_imports_no_framework(tmp_path: Path) -> None:
    assert loaded_by(["--version"], tmp_path, before="import contractgen; contractgen.load_contract") == set()


def test_the_test_of_light_commands_can_fail(tmp_path: Path) -> None:
    assert "torch" in loaded_by(["--help"], tmp_path, before="import torch")


def test_every_runtime_dependency_is_imported_somewhere() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {text.split(">")[0].split("=")[0].split(";")[0].strip() for text in project["dependencies"]}
    imported = {name.split(".")[0] for path in MODULES for name in imports(path)}
    # torch's ONNX exporter needs onnxscript without importing it through us.
    assert declared - imported <= {"onnxscript"}
