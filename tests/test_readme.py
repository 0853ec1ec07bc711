"""The README is the map: what it names exists, and what exists is named."""

import re
from pathlib import Path

from typer.testing import CliRunner

from fer_exp.cli import app
from fer_exp.cli.help import ABOUT

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAP = README.partition("## The map")[2].partition("\n## ")[0]
LONGEST = 120  # characters of a line, outside tables
LARGEST = 150_000  # bytes of a picture


def mapped() -> set[str]:
    """The folders and files of the package that the tree names, as paths below `fer_exp/`."""
    found, folder = set(), ""
    for line in MAP.splitlines():
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
    tree = MAP.strip().splitlines()
    assert len(tree) <= 40


def test_every_command_the_readme_names_exists() -> None:
    named = set(re.findall(r"fer-exp ((?:data )?[a-z][a-z-]*)", README))
    for command in named:
        done = CliRunner().invoke(app, [*command.split(), "--help"])
        assert done.exit_code == 0, command


def test_every_command_has_a_line() -> None:
    rows = "".join(line for line in README.splitlines() if line.startswith("| `fer-exp "))
    inner = {"fetch", "check", "convert", "audit", "pack", "unpack", "cluster check"}  # below others
    assert {f"fer-exp {name}" for name in set(ABOUT) - inner} <= set(re.findall(r"`(fer-exp [a-z-]+)`", rows))


def test_no_line_is_long_and_every_link_leads_somewhere() -> None:
    assert [line for line in README.splitlines() if len(line) > LONGEST and not line.startswith("|")] == []
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("https://")]
    assert links
    for link in links:
        path, _, anchor = link.partition("#")
        assert (ROOT / path).exists(), link
        titles = re.findall(r"^#+ (.*)$", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
        assert not anchor or anchor in {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in titles}


def test_pictures_are_small_and_each_is_shown() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    for picture in (ROOT / "docs" / "figures").iterdir():
        assert picture.stat().st_size < LARGEST, picture.name
        assert f"figures/{picture.name})" in pages, picture.name


def test_every_make_word_the_readme_names_exists() -> None:
    words = set(re.findall(r"make (setup|fmt|check|test|demo|bench)", README.replace(" | ", " make ")))
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert words == {"setup", "fmt", "check", "test", "demo", "bench"}
    assert words <= targets
