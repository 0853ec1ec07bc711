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


def test_tests_are_in_the_folder_of_their_package() -> None:
    tests = PACKAGE.parent / "tests"
    folders = {path.parent.relative_to(tests).as_posix() for path in tests.glob("*/**/test_*.py")}
    assert folders - {"promises"} <= {folder.relative_to(PACKAGE).as_posix() for folder in FOLDERS}


def test_a_test_imports_no_other_test() -> None:
    tests = PACKAGE.parent / "tests"
    importing = {
        path.name for path in tests.rglob("*.py") if re.search(r"^from tests\.\S*test_", path.read_text(), re.M)
    }
    assert importing == set()
