"""Contracts from files and from git: ``REV:path``, and each tag since one."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from contractgen.contract.canonical import seal
from contractgen.contract.codec import ContractError, loads, require_sound
from contractgen.contract.model import Contract
from contractgen.errors import UsageError


@dataclass(frozen=True)
class Source:
    """A contract with the name it was asked for by, its file in the repository, and its text."""

    name: str
    file: str
    text: str
    contract: Contract


def read(spec: str) -> Source:
    """A contract by its path, or as ``REV:path`` where no such file exists. Raises `UsageError`."""
    if Path(spec).is_file() or ":" not in spec:
        try:
            text = Path(spec).read_bytes().decode("utf-8")
        except OSError as error:
            raise UsageError(
                f"{spec}: cannot be read: {error.strerror or error}",
                hint=""
                if ":" in spec
                else "A contract in git is written REV:path, for example main:contracts/m/contract.json.",
            ) from error
        except UnicodeDecodeError as error:
            raise ContractError("", "not UTF-8", file=spec) from error
        return Source(spec, Path(spec).as_posix(), text, parsed(text, spec))
    revision, _, path = spec.partition(":")
    text = _text_at(revision, path)
    return Source(spec, path.removeprefix("./"), text, parsed(text, spec))


def parsed(text: str, name: str) -> Contract:
    """The checked contract of a text."""
    try:
        contract = loads(text)
        require_sound(contract)
    except ContractError as error:
        raise ContractError(error.path, error.problem, hint=error.hint, file=name) from error
    return seal(contract)


def tagged(spec: str, since: str, *, every: bool) -> tuple[list[Source], list[str]]:
    """A contract at the tags from ``since`` to here, oldest first (only the newest unless ``every``), and the tags without it."""
    path = _path_in_repository(spec)
    _require_revision(since)
    listed = _git("tag", "--merged", "HEAD", "--contains", since, "--sort=version:refname", "--sort=creatordate")
    found: list[Source] = []
    without: list[str] = []
    for tag in reversed(listed.split()):
        if not _git("ls-tree", "--full-tree", "--name-only", tag, "--", path):
            without.append(tag)
            continue
        found.insert(0, read(f"{tag}:{path}"))
        if not every:
            break
    if not found:
        raise UsageError(
            f"no tag since {since} has {path}", hint="Compare with a revision: contractgen diff REV:path NEW."
        )
    return found, without


def at_revision(spec: str, revision: str) -> Source | None:
    """A contract as it was in a revision; None where it was not there yet."""
    path = _path_in_repository(spec)
    _require_revision(revision)
    if not _git("ls-tree", "--full-tree", "--name-only", revision, "--", path):
        return None
    return read(f"{revision}:{path}")


def _require_revision(revision: str) -> None:
    problem = f"{revision} is no revision of this repository"
    _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", problem=problem)


def _path_in_repository(spec: str) -> str:
    revision, colon, path = spec.partition(":")
    if colon and not Path(spec).is_file():
        return path.removeprefix("./")
    top = Path(_git("rev-parse", "--show-toplevel").strip())
    try:
        return Path(spec).resolve().relative_to(top.resolve()).as_posix()
    except ValueError as error:
        raise UsageError(f"{spec} is outside of the repository {top}", hint=f"Looked for {revision}.") from error


def _text_at(revision: str, path: str) -> str:
    problem = f"{revision}:{path} cannot be read from git"
    if revision.startswith("-"):
        raise UsageError(problem, hint="A revision does not begin with a dash.")
    text = _git("show", f"{revision}:{path}", problem=problem)
    # `git show` of a folder lists it instead of failing.
    if _git("cat-file", "-t", f"{revision}:{path}").strip() != "blob":
        raise UsageError(problem, hint="That is a folder.")
    return text


def _git(*arguments: str, problem: str = "") -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False)  # noqa: S603, S607 (the user's own git)
    except OSError as error:
        raise UsageError(f"git cannot be run: {error.strerror or error}") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise UsageError(f"{problem or 'git ' + arguments[0] + ' failed'}: {said}" if said else problem)
    try:
        return done.stdout.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(problem or "git printed something that is not UTF-8") from error
