"""A registered model answers by name: a label and calibrated probabilities, over HTTP and in Python."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import Model

from fer_exp.data.classes import FER2013
from fer_exp.metrics.temperature import tempered
from fer_exp.model import load_model, predict
from fer_exp.records import Record
from fer_exp.records.facts import FACTS, NOTICE, ModelFacts
from fer_exp.system.home import Home
from fer_exp.tracking import register, set_champion
from fer_exp.tracking.store import local_path
from tests.servers import free_port
from tests.tracked import client_of, models_in
from tests.trained_models import NAME, TEMPERATURE, record_in

HOST, PATIENCE = "127.0.0.1", 150.0
FACES = np.random.default_rng(1).integers(0, 256, (3, 48, 48)).astype(np.uint8)
GIVEN = FACES[..., None].astype(np.float32)

# Importing mlflow.pyfunc 3.17 says so of a class of its own.
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred:UserWarning")


@pytest.fixture
def champion(mlflow_home: Home, toy_made: Home, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Path, Record]:
    """Its URI, its folder in MLflow, and its record, which knows a temperature that the model does not apply."""
    shutil.copytree(toy_made.campaigns, mlflow_home.campaigns)
    record = record_in(mlflow_home)
    version = register(mlflow_home, NAME, record)
    set_champion(mlflow_home, NAME, version.version)
    (model_id,) = models_in(mlflow_home, NAME)
    folder = local_path(client_of(mlflow_home).get_logged_model(model_id).artifact_location)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_home.tracking_uri)
    return f"models:/{NAME}@champion", folder, record


def calibrated(record: Record) -> Any:
    return tempered(predict(load_model(record.model), FACES), TEMPERATURE)


def test_pyfunc_answers_with_labels_and_calibrated_probabilities_by_name(
    champion: tuple[str, Path, Record],
) -> None:
    uri, folder, record = champion
    model = mlflow.pyfunc.load_model(uri)
    table = model.predict(GIVEN)
    assert list(table.columns) == ["label", *FER2013.names]
    expected = calibrated(record)
    assert np.abs(table[list(FER2013.names)].to_numpy() - expected).max() < 1e-5
    assert list(table["label"]) == [FER2013.names[best] for best in expected.argmax(axis=1)]
    raw = model.predict(GIVEN, params={"raw": True})
    assert isinstance(raw, np.ndarray)
    np.testing.assert_allclose(raw, predict(load_model(record.model), FACES), atol=1e-6)
    assert np.abs(raw - expected).max() > 1e-3  # so the temperature did something
    assert len(model.predict(GIVEN[:0])) == 0
    assert mlflow.keras.load_model(uri).predict(GIVEN, verbose=0).shape == (3, 7)
    facts = ModelFacts.read(folder / FACTS)
    assert (facts.notice, facts.temperature, facts.training) == (NOTICE, TEMPERATURE, "trial 1")
    request = json.loads((folder / "serving_input_example.json").read_text())
    example = Model.load(str(folder)).load_input_example(str(folder))
    assert isinstance(example, np.ndarray)
    assert np.array_equal(np.array(request["inputs"]), example)
    assert example.shape == (1, 48, 48, 1)
    assert list(model.predict(example.astype(np.float32)).columns) == ["label", *FER2013.names]


def test_a_model_without_facts_answers_with_arrays_as_it_did(champion: tuple[str, Path, Record]) -> None:
    uri, folder, record = champion
    (folder / FACTS).unlink()
    description = folder / "MLmodel"
    text = description.read_text()
    description.write_text(text.replace("params:", "no_params:"))
    found = mlflow.pyfunc.load_model(uri).predict(GIVEN)
    np.testing.assert_allclose(found, predict(load_model(record.model), FACES), atol=1e-6)


@contextmanager
def serving(uri: str, folder: Path) -> Iterator[str]:
    """`mlflow models serve`, as a person starts it; the address it answers at."""
    port = free_port()
    log = folder / "serve.log"
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", uri, "--env-manager", "local"]
    with log.open("wb") as said:
        process = subprocess.Popen(
            [*command, "--host", HOST, "--port", str(port)],
            cwd=folder,
            env={**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://{HOST}:{port}/ping", timeout=2) as answer:
                    if answer.status == 200:
                        break
            except OSError:
                time.sleep(0.5)
        assert process.poll() is None, log.read_text()[-2000:]
        yield f"http://{HOST}:{port}/invocations"
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def post(address: str, body: object) -> Any:
    request = urllib.request.Request(
        address, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())["predictions"]


@pytest.mark.slow
def test_mlflow_models_serve_answers_a_request_by_name(champion: tuple[str, Path, Record], tmp_path: Path) -> None:
    uri, folder, record = champion
    with serving(uri, tmp_path) as address:
        answers = post(address, {"inputs": FACES[..., None].tolist()})
        assert [set(one) for one in answers] == [{"label", *FER2013.names}] * 3
        found = pd.DataFrame(answers)
        assert np.abs(found[list(FER2013.names)].to_numpy() - calibrated(record)).max() < 1e-5
        raw = post(address, {"inputs": FACES[..., None].tolist(), "params": {"raw": True}})
        assert np.abs(np.array(raw) - predict(load_model(record.model), FACES)).max() < 1e-5
        (example,) = post(address, json.loads((folder / "serving_input_example.json").read_text()))
        assert example["label"] in FER2013.names
        with pytest.raises(urllib.error.HTTPError):
            post(address, {"inputs": [[1, 2], [3, 4]]})
