"""What a caller's shell, notebook, settings and folder may hold, and that none of it changes a command or a result."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fer_exp.system.home import Home
from tests.commands import COMMAND, trials, write_campaign
from tests.trainings import without_times

NAMED_LIKE_MODULES = ("random", "tensorflow", "logging", "statistics", "code", "keras", "numpy", "mlflow")
NOTEBOOK = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}  # what a Jupyter kernel exports
KERAS = {"KERAS_MAX_EPOCHS": "1", "KERAS_MAX_STEPS_PER_EPOCH": "1"}
SETTINGS = (
    '{"floatx": "float16", "epsilon": 0.1, "backend": "tensorflow", "image_data_format": "channels_first"}',
    '{"floatx": "float128"}',
    '{"image_data_format": "sideways", "epsilon": 1}',
    '["no settings"]',
)


def run(folder: Path, *arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command in a folder of the user's, in which files are named like modules that fer-exp loads."""
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in NAMED_LIKE_MODULES:
        (folder / f"{name}.py").write_text(f"open('{name}.was_run', 'w').close()\nraise RuntimeError('mine')\n")
    return folder


def nothing_was_run(folder: Path) -> bool:
    return not list(folder.rglob("*.was_run"))


@pytest.mark.slow
def test_a_search_gives_the_same_whatever_surrounds_it(tmp_path: Path, hostile: Path, mlflow_db: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    settings = tmp_path / "user" / ".keras"
    settings.mkdir(parents=True)
    (settings / "keras.json").write_text(SETTINGS[0])
    homes = {}
    surroundings = {"HOME": str(tmp_path / "user"), **NOTEBOOK, **KERAS}
    for folder, environment in ((plain, {}), (hostile, surroundings)):
        homes[folder] = Home(folder / "mlruns")
        homes[folder].root.mkdir()
        shutil.copyfile(mlflow_db, homes[folder].root / "mlflow.db")
        found = {"FER_EXP_HOME": str(homes[folder].root), **environment}
        ended = run(folder, "search", write_campaign(folder, trials=1), **found)
        assert ended.returncode == 0, ended.stderr
        assert "behind" not in ended.stdout
        shown = run(folder, "status", "tiny", **found)
        assert shown.returncode == 0, shown.stderr
    undisturbed, surrounded = (trials(home) for home in homes.values())
    assert len(undisturbed) == 2
    for a, b in zip(undisturbed, surrounded, strict=True):
        assert without_times(a.history()) == without_times(b.history())
        assert a.scores() == b.scores()
    assert nothing_was_run(hostile)
    assert not list(hostile.glob("__pycache__"))


@pytest.mark.parametrize("text", SETTINGS)
def test_no_settings_of_keras_break_a_command(tmp_path: Path, text: str) -> None:
    settings = tmp_path / "user" / ".keras"
    settings.mkdir(parents=True)
    (settings / "keras.json").write_text(text)
    said = "import keras; print(keras.config.floatx(), keras.config.image_data_format(), keras.backend.backend())"
    script = f"from fer_exp.system.surroundings import settle; settle(); {said}"
    loaded = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"HOME": str(tmp_path / "user"), "KERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.stdout.split() == ["float32", "channels_last", "numpy"], loaded.stderr
    assert (settings / "keras.json").read_text() == text


def test_a_backend_of_the_users_settings_counts(tmp_path: Path) -> None:
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"backend": "numpy"}')
    ended = run(tmp_path, "search", write_campaign(tmp_path), "--no-tracking", HOME=str(tmp_path), KERAS_BACKEND="")
    assert "KERAS_BACKEND" not in ended.stderr


@pytest.mark.parametrize("backend", ["torch", "mxnet"])
@pytest.mark.parametrize("arguments", [("search",), ("search", "--dry-run")])
def test_a_backend_that_is_not_here_is_refused(tmp_path: Path, arguments: tuple[str, ...], backend: str) -> None:
    """PyTorch is no part of what the tests install."""
    ended = run(tmp_path, *arguments, write_campaign(tmp_path), KERAS_BACKEND=backend)
    assert ended.returncode == 2, ended.stderr
    problem, remedy = ended.stderr.splitlines()[-2:]
    assert f"received {backend!r}, which is" in problem
    assert "tensorflow" in problem
    assert "Nothing was started." in remedy


def test_a_working_folder_that_was_deleted_is_said(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"import os; os.rmdir(os.getcwd()); os.execv({str(COMMAND)!r}, ['fer-exp', 'status'])"
    ended = subprocess.run([sys.executable, "-c", script], cwd=gone, capture_output=True, text=True, check=False)
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith("fer-exp: the working folder no longer exists")
