"""Importing a user's files: their own imports work, names do not clash."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from contractgen.load.importing import resolve, split_reference


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_file_may_import_its_siblings(folder: Path) -> None:
    write(folder, {"code/net.py": "from layers_of_net import WIDTH\n", "code/layers_of_net.py": "WIDTH = 3\n"})
    assert resolve("code/net.py:WIDTH", "--model") == 3


def test_a_file_in_a_package_may_import_relatively(folder: Path) -> None:
    write(
        folder,
        {
            "project/__init__.py": "",
            "project/nets/__init__.py": "",
            "project/nets/wide.py": "from ..sizes import WIDTH\nfrom . import __name__ as name\n",
            "project/sizes.py": "WIDTH = 4\n",
        },
    )
    assert resolve("project/nets/wide.py:WIDTH", "--model") == 4
    assert resolve("project/nets/wide.py:name", "--model") == "project.nets"
    assert resolve("project.nets.wide:WIDTH", "--model") == 4


def test_files_of_one_name_in_two_folders_stay_apart(folder: Path) -> None:
    write(folder, {"a/model.py": "WHO = 'a'\n", "b/model.py": "WHO = 'b'\n"})
    assert resolve("a/model.py:WHO", "--model") == "a"
    assert resolve("b/model.py:WHO", "--model") == "b"
    assert resolve("a/model.py:WHO", "--model") == "a"


def test_a_file_with_the_name_of_a_standard_module_does_not_replace_it(folder: Path) -> None:
    write(folder, {"statistics.py": "WHO = 'mine'\n"})
    before = sys.modules.get("statistics")
    assert resolve("statistics.py:WHO", "--model") == "mine"
    assert sys.modules.get("statistics") is before


def test_a_file_is_imported_once(folder: Path) -> None:
    write(folder, {"net_once.py": "class Net: pass\n"})
    assert resolve("net_once.py:Net", "--model") is resolve("net_once:Net", "--model")


def test_an_import_that_fails_leaves_nothing_behind(folder: Path) -> None:
    write(folder, {"half.py": "WIDTH = 1\n1 / 0\n"})
    with pytest.raises(Exception, match="ZeroDivisionError"):
        resolve("half.py:WIDTH", "--model")
    assert "half" not in sys.modules


def test_a_nested_attribute(folder: Path) -> None:
    write(folder, {"nested.py": "class Outer:\n    class Inner:\n        width = 5\n"})
    assert resolve("nested.py:Outer.Inner.width", "--model") == 5


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("a.b:C", ("a.b", "C")),
        ("/x/a.py:C", ("/x/a.py", "C")),
        ("a.py", ("a.py", "")),
        (r"C:\a\b.py", (r"C:\a\b.py", "")),
        (r"C:\a\b.py:D", (r"C:\a\b.py", "D")),
    ],
)
def test_a_reference_is_split_at_its_last_colon(reference: str, parts: tuple[str, str]) -> None:
    assert split_reference(reference) == parts
