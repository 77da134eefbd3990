"""Processor time of a process and all that it has started."""

from __future__ import annotations

import os
from pathlib import Path


def seconds(root: int) -> float:
    """User and system time of the living descendants of ``root``, and of those that they have waited for."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            parents[int(folder.name)] = int(fields[1])
            used[int(folder.name)] = sum(map(int, fields[11:15]))
    family, todo = set(), [root]
    while todo:
        one = todo.pop()
        family.add(one)
        todo += [child for child, parent in parents.items() if parent == one and child not in family]
    return sum(used.get(one, 0) for one in family) / os.sysconf("SC_CLK_TCK")
