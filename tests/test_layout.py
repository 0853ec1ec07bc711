"""Each package says what is in it: its docstring lists its own files and folders, all of them and no other."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "fer_exp"
FOLDERS = sorted(path.parent for path in PACKAGE.glob("*/**/__init__.py"))


def listed(folder: Path) -> list[str]:
    """The names that the docstring of a package lists: indented by four, with a text two spaces behind."""
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")), clean=False) or ""
    return re.findall(r"^ {4}(\w+) {2,}\S", text, re.MULTILINE)


def held(folder: Path) -> set[str]:
    """The modules and packages in a folder."""
    modules = {path.stem for path in folder.glob("*.py") if path.name != "__init__.py"}
    return modules | {path.parent.name for path in folder.glob("*/__init__.py")}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.relative_to(PACKAGE).as_posix())
def test_a_package_lists_its_files(folder: Path) -> None:
    names = listed(folder)
    assert len(names) == len(set(names))
    assert set(names) == held(folder)


def test_every_folder_of_the_package_is_a_package() -> None:
    assert {path.parent for path in PACKAGE.rglob("*.py")} == {PACKAGE, *FOLDERS}
