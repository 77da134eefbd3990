"""The errors that a user of contractgen can meet, each with the exit code that the command line gives it."""

from __future__ import annotations


class ContractgenError(Exception):
    """The base of all errors raised on purpose. ``hint`` is what the user can do next, or empty."""

    exit_code = 70
    code = "internal"
    """What `contractgen explain` and docs/errors.md call it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ContractgenError):
    """An option, a path or the configuration is wrong."""

    exit_code = 2
    code = "usage"


class LoadError(ContractgenError):
    """The artifact cannot be turned into a model."""

    exit_code = 3
    code = "load"


class InferenceError(ContractgenError):
    """The model loads, but no signature was found that it runs on."""

    exit_code = 3
    code = "inference"


class DeclarationRefuted(ContractgenError):
    """The model refutes what the user declared; the message shows the input that does."""

    exit_code = 1
    code = "declaration"
