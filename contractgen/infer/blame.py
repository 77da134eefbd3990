"""Which inputs a failed call failed on, read from the expression in the source that raised.

An operator that fails has its operands at hand; what fails before one runs (an index with too many axes, an attribute of
None) is known by the names in the expression alone.
"""

from __future__ import annotations

import inspect
import linecache
import re
from collections.abc import Iterator
from types import FrameType
from typing import Any

import torch


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those that it was raised from: what a model says of a failure often stands for what a kernel said."""
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return iter(links)


def said(error: BaseException) -> str:
    """What the error says, and what those say that it was raised from."""
    return "; from ".join([str(error), *(f"{type(link).__name__}: {link}" for link in list(chain(error))[1:])])


def blamed_tensors(error: BaseException) -> tuple[torch.Tensor, ...]:
    """The tensors that the innermost failing expression names, if one names any."""
    failing = [frame for link in chain(error) for frame in _failing(link)]
    for _, named in reversed(failing):
        # the class of a value, not `isinstance`: a recorder takes that for a question
        found: list[Any] = [value for value in named.values() if issubclass(type(value), torch.Tensor)]
        if found:
            return tuple(found)
    return ()


def blamed_absent(error: BaseException, forward: Any) -> tuple[str, ...]:
    """The parameters of ``forward`` that are None and that its failing expression names."""
    code = getattr(inspect.unwrap(forward), "__code__", None)
    if code is None:
        return ()
    own = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    names = (name for frame, named in _failing(error) if frame.f_code is code for name in named if named[name] is None)
    return tuple(name for name in dict.fromkeys(names) if name in own)


def _failing(error: BaseException) -> Iterator[tuple[FrameType, dict[str, object]]]:
    """The frames that the error passed through, the outermost first, and the local variables that each was looking at."""
    step = error.__traceback__
    while step is not None:
        frame = step.tb_frame
        source = _expression(frame, step.tb_lineno, step.tb_lasti)
        values = frame.f_locals
        yield frame, {name: values[name] for name in re.findall(r"[A-Za-z_]\w*", source) if name in values}
        step = step.tb_next


def _expression(frame: FrameType, line: int, instruction: int) -> str:
    """The source of the instruction that raised; its whole line before Python 3.11, which knows no more."""
    code, name = frame.f_code, frame.f_code.co_filename
    if not hasattr(code, "co_positions"):
        return linecache.getline(name, line)
    start, end, first, last = list(code.co_positions())[instruction // 2]
    if start is None or end is None or first is None or last is None:
        return linecache.getline(name, line)
    lines = [linecache.getline(name, number).encode() for number in range(start, end + 1)]
    lines[-1] = lines[-1][:last]
    lines[0] = lines[0][first:]
    return b"".join(lines).decode(errors="replace")
