"""The README is the map: what it names exists, and what exists is named."""

import re
from pathlib import Path

from typer.testing import CliRunner

from fer_exp.cli import app

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def mapped() -> set[str]:
    """The folders and files of the package that the tree names, as paths below `fer_exp/`."""
    found, folder = set(), ""
    for line in README.partition("## The map")[2].partition("## Guide")[0].splitlines():
        if match := re.match(r"^( {2}| {4})(\w+(?:\.py|/))\s", line):
            folder = match[2] if len(match[1]) == 2 else folder
            found.add(folder if len(match[1]) == 2 else folder + match[2])
    return found


def test_the_map_names_every_folder_and_every_file_outside_one() -> None:
    package = ROOT / "fer_exp"
    folders = {path.parent.relative_to(package).as_posix() + "/" for path in package.glob("**/__init__.py")} - {"./"}
    files = {path.name for path in package.glob("*.py")} - {"__init__.py"}
    assert mapped() == folders | files


def test_the_map_is_one_screen() -> None:
    tree = README.partition("## The map")[2].partition("## Guide")[0].strip().splitlines()
    assert len(tree) <= 40


def test_every_command_the_readme_names_exists() -> None:
    named = set(re.findall(r"fer-exp ((?:data )?[a-z][a-z-]*)", README))
    for command in named:
        done = CliRunner().invoke(app, [*command.split(), "--help"])
        assert done.exit_code == 0, command


def test_every_make_word_the_readme_names_exists() -> None:
    words = set(re.findall(r"make (setup|fmt|check|test|demo|bench)", README.replace(" | ", " make ")))
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert words == {"setup", "fmt", "check", "test", "demo", "bench"}
    assert words <= targets
