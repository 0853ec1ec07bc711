"""A logged model loads where nothing is installed but what its own requirements name; fer-exp is not among them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_exp.model import build, predict, with_preprocessing, with_temperature
from fer_exp.recipe import Views
from fer_exp.records import Kind
from fer_exp.system.home import Home
from fer_exp.tracking import sync
from fer_exp.tracking.store import local_path
from tests.tracked import NAME, begin, begin_campaign, client_of, finish, models_in
from tests.trainings import TINY

FACES = np.random.default_rng(1).integers(0, 256, (5, 48, 48)).astype(np.uint8)
LOAD = """
import importlib.util, json, sys
import numpy as np
assert sys.argv[3] == "beside" or importlib.util.find_spec("fer_exp") is None
import mlflow
model = mlflow.pyfunc.load_model(sys.argv[1])
faces = np.load(sys.argv[2]).astype("float32")[..., None]
table, raw = model.predict(faces), model.predict(faces, params={"raw": True})
assert list(table.columns[1:]) == ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
assert list(table["label"]) == [table.columns[1 + best] for best in raw.argmax(axis=1)]
assert np.array_equal(table.to_numpy()[:, 1:].astype("float32"), raw)  # this model holds its temperature itself
print(json.dumps(raw.tolist()))
"""


@pytest.fixture
def logged(mlflow_home: Home, tmp_path: Path) -> tuple[Path, NDArray[np.float32]]:
    """The folder of a logged model with every layer of ours, and what it says of `FACES`."""
    recipe = TINY.but(clahe=True, views=Views.FLIP)
    model = with_temperature(with_preprocessing(build(recipe, 1), recipe), 1.3)
    path = tmp_path / "model.keras"
    model.save(path)
    begin_campaign(mlflow_home)
    finish(begin(mlflow_home, 0, kind=Kind.BASELINE), model=path.read_bytes())
    sync(mlflow_home, NAME)
    (model_id,) = models_in(mlflow_home)
    found = client_of(mlflow_home).get_logged_model(model_id)
    return local_path(found.artifact_location), predict(model, FACES)


def answers(python: Path, folder: Path, tmp_path: Path, where: str) -> NDArray[np.float32]:
    np.save(tmp_path / "faces.npy", FACES)
    command = [str(python), "-I", "-c", LOAD, str(folder), str(tmp_path / "faces.npy"), where]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return np.array(json.loads(ended.stdout.splitlines()[-1]))


def test_its_requirements_name_nothing_of_ours(logged: tuple[Path, NDArray[np.float32]]) -> None:
    folder, _ = logged
    named = {line.partition("==")[0] for line in (folder / "requirements.txt").read_text().splitlines()}
    assert named == {"tensorflow", "keras", "numpy", "mlflow"}


@pytest.mark.slow
def test_it_answers_the_same_where_its_requirements_alone_are_installed(
    logged: tuple[Path, NDArray[np.float32]], tmp_path: Path
) -> None:
    folder, said = logged
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = environment / "bin" / "python"
    uv = subprocess.run([sys.executable, "-m", "uv", "--version"], capture_output=True, check=False).returncode == 0
    install = [sys.executable, "-m", "uv", "pip", "install", "--python"] if uv else ["-m", "pip", "install"]
    command = [*install, str(python)] if uv else [str(python), *install]
    ended = subprocess.run(
        [*command, "--quiet", "-r", str(folder / "requirements.txt")], capture_output=True, text=True, check=False
    )
    if ended.returncode:
        pytest.skip(f"no package index can be reached: {ended.stderr.strip()[-200:]}")
    assert np.abs(answers(python, folder, tmp_path, "alone") - said).max() < 1e-5


@pytest.mark.slow
def test_it_answers_the_same_beside_fer_exp(logged: tuple[Path, NDArray[np.float32]], tmp_path: Path) -> None:
    folder, said = logged
    assert np.abs(answers(Path(sys.executable), folder, tmp_path, "beside") - said).max() < 1e-5
