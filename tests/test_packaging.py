"""The package: what the wheel holds, which versions are pinned, which imports are refused, which words make knows."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import fer_exp

CHECKOUT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]


def copy_of_the_package(folder: Path) -> Path:
    """A checkout with the package alone, to build or to spoil."""
    shutil.copytree(CHECKOUT / "fer_exp", folder / "fer_exp", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, folder)
    return folder


# -- the wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network."""
    source = copy_of_the_package(tmp_path_factory.mktemp("source"))
    target = tmp_path_factory.mktemp("wheel")
    (source / "tests").mkdir()
    (source / "tests" / "test_nothing.py").write_text("")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = target.iterdir()
    return built


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    kinds = ("*.py", "*.html", "*.css", "*.js")  # a report is made of the last three
    files = {path.relative_to(CHECKOUT).as_posix() for kind in kinds for path in (CHECKOUT / "fer_exp").rglob(kind)}
    assert files <= names
    assert "fer_exp/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"fer_exp", f"fer_exp-{fer_exp.__version__}.dist-info"}


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        folder = f"fer_exp-{fer_exp.__version__}.dist-info"
        metadata = archive.read(f"{folder}/METADATA").decode()
        entry_points = archive.read(f"{folder}/entry_points.txt").decode()
        license_text = archive.read(f"{folder}/licenses/LICENSE").decode()
    assert f"\nVersion: {fer_exp.__version__}\n" in metadata
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata
    assert "fer-exp = fer_exp.cli:main" in entry_points
    assert "Apache License" in license_text


# -- versions


def test_one_version_everywhere() -> None:
    citation = (CHECKOUT / "CITATION.cff").read_text().splitlines()
    assert f"version: {fer_exp.__version__}" in citation
    assert f"license: {PROJECT['license']}" in citation
    assert importlib.metadata.version("fer-exp") == fer_exp.__version__


def pins() -> dict[str, str]:
    """Version by normalised name, as constraints.txt says."""
    lines = (CHECKOUT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def test_constraints_are_names_and_versions_only() -> None:
    for line in (CHECKOUT / "constraints.txt").read_text().splitlines():
        assert re.fullmatch(r"#.*|[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+]+", line), line


@pytest.mark.parametrize("declared", PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"])
def test_every_declared_package_is_pinned_within_its_bounds(declared: str) -> None:
    requirement = Requirement(declared)
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


# -- the direction of imports

VIOLATIONS = {
    "Imports point downward": ("recipe", "from fer_exp import campaign"),
    "Keras Tuner is the search's alone": ("records/record", "import keras_tuner"),
    "MLflow is the tracking's alone": ("campaign/campaign", "from mlflow import MlflowClient"),
    "Typer is the command line's alone": ("data/faces", "def show() -> None:\n    import typer"),
    "Keras 3 alone, no backend by name": ("system/files", "import tensorflow as tf"),
    "What proposes or trains cannot reach test faces": ("results", "from fer_exp.holdout import sealed"),
}


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_an_import_in_the_wrong_direction_is_refused(tmp_path: Path, contract: str) -> None:
    module, line = VIOLATIONS[contract]
    spoilt = copy_of_the_package(tmp_path) / "fer_exp" / f"{module}.py"
    spoilt.write_text(f"{spoilt.read_text()}\n{line}\n")
    lint = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "COLUMNS": "200"}
    result = subprocess.run(
        [lint, "--no-logo", "--no-cache"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert f"{contract} BROKEN" in result.stdout


# -- make


def test_make_alone_lists_every_word() -> None:
    words = re.findall(r"^([a-z][a-z-]*):", (CHECKOUT / "Makefile").read_text(), flags=re.MULTILINE)
    # Without what `make test`, which may be running this, hands down to every make below it.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    result = subprocess.run(["make"], cwd=CHECKOUT, env=alone, capture_output=True, text=True, check=True)
    assert {"setup", "demo", "fmt", "check", "test", "bench", "clean", "constraints"} <= set(words)
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == words


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("exit 1", "needs Python 3.11 or later"),
        ('case "$2" in *ensurepip*) exit 1;; esac', "apt install python3-venv"),
    ],
)
def test_setup_says_what_is_missing_before_it_installs_anything(tmp_path: Path, python: str, said: str) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(CHECKOUT / name, tmp_path)
    stand_in = tmp_path / "python"
    stand_in.write_text(f"#!/bin/sh\n{python}\n")
    stand_in.chmod(0o755)
    result = subprocess.run(
        ["make", "setup", f"PYTHON={stand_in}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    assert said in result.stderr
    assert "Nothing was installed" in result.stderr
    assert not (tmp_path / ".venv").exists()
