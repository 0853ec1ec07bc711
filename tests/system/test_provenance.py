"""Provenance: where a result comes from, on any machine, with or without git."""

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import keras
import pytest

from fer_exp import __version__
from fer_exp.system import provenance

ALWAYS = {"fer_exp", "python", "platform", "processor", "cores", "command"}
IDENTITY = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", *IDENTITY, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: empty, in no repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # set while git runs its hooks
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def repository(outside: Path) -> Path:
    """The working folder: a repository with one commit."""
    git(outside, "init")
    (outside / "file").write_text("first")
    git(outside, "add", "file")
    git(outside, "commit", "-m", "First")
    return outside


@pytest.mark.usefixtures("outside")
def test_versions_machine_and_command_are_always_there() -> None:
    facts = provenance.collect()
    assert set(facts) >= ALWAYS
    assert facts["fer_exp"] == __version__
    assert facts["python"] == platform.python_version()
    assert facts["version.keras"] == keras.__version__
    assert isinstance(facts["cores"], int)
    assert facts["cores"] >= 1
    assert str(facts["command"]).split()[0] == Path(sys.argv[0]).name


@pytest.mark.usefixtures("repository")
def test_every_fact_is_a_scalar_that_json_keeps() -> None:
    facts = provenance.collect() | provenance.device()
    assert {type(value) for value in facts.values()} <= {str, int, bool}
    assert json.loads(json.dumps(facts)) == facts


def test_a_clean_repository_is_named_by_its_commit(repository: Path) -> None:
    facts = provenance.collect()
    assert facts["git_commit"] == git(repository, "rev-parse", "HEAD")
    assert facts["git_dirty"] is False


@pytest.mark.parametrize("name", ["file", "new file", "n\udce9w"])  # changed, new, and not in UTF-8
def test_whatever_differs_from_the_commit_makes_it_dirty(repository: Path, name: str) -> None:
    git(repository, "config", "core.quotePath", "false")
    (repository / name).write_text("other")
    assert provenance.collect()["git_dirty"] is True


@pytest.mark.usefixtures("outside")
def test_outside_a_repository_nothing_is_said_of_git() -> None:
    facts = provenance.collect()
    assert set(facts) >= ALWAYS
    assert not [name for name in facts if name.startswith("git")]


def test_a_repository_without_a_commit_has_nothing_to_name(outside: Path) -> None:
    git(outside, "init")
    assert not [name for name in provenance.collect() if name.startswith("git")]


def test_without_git_on_the_path_nothing_is_said_of_it(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    facts = provenance.collect()
    assert set(facts) >= ALWAYS
    assert not [name for name in facts if name.startswith("git")]


def test_a_git_that_cannot_tell_does_not_make_a_repository_clean(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    (repository / ".git" / "index").write_bytes(b"damaged")
    facts = provenance.collect()
    assert facts["git_commit"] == commit
    assert "git_dirty" not in facts


def test_a_git_that_hangs_is_not_waited_for(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = repository / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(slow.parent), prepend=":")
    monkeypatch.setattr(provenance, "GIT_SECONDS", 0.2)
    assert "git_commit" not in provenance.collect()


def test_the_index_is_left_alone(repository: Path) -> None:
    before = (repository / ".git" / "index").stat().st_mtime_ns
    (repository / "file").write_text("first")  # the same content at another time, which `git status` would note
    provenance.collect()
    assert (repository / ".git" / "index").stat().st_mtime_ns == before


def test_the_device_is_what_keras_computes_on() -> None:
    facts = provenance.device()
    assert facts["backend"] == keras.backend.backend()
    assert facts["device"].split(":")[0] in ("cpu", "gpu")
    assert facts["dtype"] == keras.config.dtype_policy().name


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "numpy"])
def test_every_backend_names_its_device(backend: str) -> None:
    asked = (
        "from fer_exp.system import provenance as p; "
        "print(p.device()['device'], p.device_in_use(), p.trained_with('cpu'))"
    )
    environment = os.environ | {"KERAS_BACKEND": backend, "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run([sys.executable, "-c", asked], env=environment, check=True, capture_output=True, text=True)
    device, kind, trained = done.stdout.strip().split(maxsplit=2)
    assert device == "cpu:0"
    assert kind == "cpu"
    assert f", {backend} " in trained
    assert "unknown" not in trained


def test_pytorch_says_what_it_computes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = SimpleNamespace(cuda=SimpleNamespace(device_count=lambda: 2))
    monkeypatch.setitem(sys.modules, "torch", torch)  # Keras does not list devices for it
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    assert provenance.device()["device"] == "gpu:0, gpu:1"
    assert provenance.device_in_use() == "gpu"


def test_a_backend_installed_under_another_name_has_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"tensorflow-cpu": "2.99.0", "keras": "3.99.0"}

    def version(package: str) -> str:
        if package not in versions:
            raise PackageNotFoundError(package)
        return versions[package]

    monkeypatch.setattr(provenance, "version", version)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert provenance.trained_with("cpu").endswith("keras 3.99.0, tensorflow 2.99.0, cpu")
