"""What each code means: errors of the command line, violations that generated files report, and rules of `diff`."""

from __future__ import annotations

from typing import Final

from contractgen.contract.compare.rules import RULES
from contractgen.report import rule_pages

ERRORS: Final[dict[str, tuple[str, str]]] = {
    "usage": (
        "an option, a path or the configuration is wrong (exit 2)",
        (
            "The message names the option, the file or the key of pyproject.toml, and what was expected there. Nothing was "
            "written. `contractgen COMMAND --help` lists the options; an unknown key of `[tool.contractgen]` is an error because "
            "a misspelt one would silently do nothing."
        ),
    ),
    "contract-file": (
        "a contract cannot be used (exit 2)",
        (
            "The message starts with the file and the JSON path of the cause; where there are several, each has a line. "
            "`contractgen schema` prints the JSON Schema for an editor. A wrong fingerprint means that the file was changed by "
            "hand: remove the member `fingerprint`, and `contractgen generate` fills it in."
        ),
    ),
    "load": (
        "the artifact cannot be turned into a model (exit 3)",
        (
            "A file of weights needs `--model package.module:Class` or `path/to/file.py:Class`, and `--arg name=value` for what its "
            "constructor takes. A pickled module runs code when it is loaded, so it needs `--trust`. `--traceback` shows where a "
            "constructor failed."
        ),
    ),
    "inference": (
        "the model loads, but no input was found that it runs on (exit 3)",
        (
            "The message shows the closest attempts. Give a first input: `--example inputs.npz` with arrays by parameter name, or "
            "`--example file.py:function` that returns `(args, kwargs)`. Its sizes need not be special."
        ),
    ),
    "declaration": (
        "the model refutes what was declared (exit 1)",
        (
            "The message shows the input that does: declared sizes, dtypes or values on which the model fails. Narrow the "
            "declaration in `[tool.contractgen]` or of `--dim` and `--tensor`, or mend the model."
        ),
    ),
    "internal": (
        "a defect of contractgen (exit 70)",
        "Run the command again with `--traceback` and report it with the output. Nothing was written.",
    ),
}
"""By the code of the error's class."""

VIOLATIONS: Final[dict[str, str]] = {
    "malformed": "The body cannot be read: not JSON, a wrong header, bytes missing or left over, or larger than the limits.",
    "contract": "Client and server were generated from different contracts. Generate the older one again; `contractgen diff` "
    "says what changed.",
    "missing": "A required parameter, key or tensor did not come.",
    "unexpected": "Something came that the model never reads; most often it is a misspelt optional name.",
    "structure": "Something of another kind came: a list for a dict, a tuple for a list, text for numbers, rows of unequal length.",
    "dtype": "A tensor has another dtype. Nothing is cast silently; the hint says how to cast.",
    "rank": "A tensor has another number of axes; most often the batch dimension is missing.",
    "shape": "A size is outside of its bounds, no multiple, or differs from one that it has to equal.",
    "relation": "The sizes together do not meet a condition of the contract.",
    "value": "An element is outside of its domain: an id beyond the vocabulary, NaN, out of order.",
}
"""By the code that a violation carries."""


def codes() -> tuple[str, ...]:
    """All that can be explained."""
    return (*ERRORS, *VIOLATIONS, *RULES)


def explanation(code: str) -> str:
    """What a code means. Raises `KeyError` for one that there is none of."""
    if code in ERRORS:
        title, text = ERRORS[code]
        return f"{code}: {title}\n\n{text}\n"
    if code in VIOLATIONS:
        return f"{code}: a violation of a contract\n\n{VIOLATIONS[code]}\n"
    return f"{code}: a rule of `contractgen diff`\n\n{rule_pages.section(RULES[code])}"


def page() -> str:
    """The documentation page of errors and violations."""
    lines = [
        "# Errors and violations",
        "",
        "This page is generated from `contractgen/report/explanations.py`; `python -m docs.renew` renews it, and a test holds it.",
        "`contractgen explain CODE` prints a section. The rules of `contractgen diff` have [a page of their own](rules.md).",
        "",
        "## Errors of the command line",
    ]
    for code, (title, text) in ERRORS.items():
        lines += ["", f"### {code}", "", f"{title[0].upper()}{title[1:]}. {text}"]
    lines += [
        "",
        "## Violations",
        "",
        "What generated clients and validators report, each with where, what was expected and what came.",
    ]
    for code, text in VIOLATIONS.items():
        lines += ["", f"### violation: {code}", "", text]
    return "\n".join(lines) + "\n"
