"""The loader that a logged model names: what a process needs to serve it through `mlflow.pyfunc`.

In: the folder of a logged model. Out: a classifier that names its answers. Keras finds fer-exp's layers only once they
are imported, and MLflow imports nothing but the loader, so the loader imports them. A copy of this file and of
`fer_exp/model/layers.py` lies in the model's folder, so neither needs fer-exp. `mlflow.keras.load_model` knows no
loader: a process that calls it writes `import fer_exp.model` first.
"""

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import mlflow.keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Beside this file where MLflow loads a model; else, for models of earlier versions, fer-exp's own.
layers = import_module("fer_exp_layers" if find_spec("fer_exp_layers") is not None else "fer_exp.model")

FACTS = "fer_exp.json"  # in the model's folder: as `fer_exp.records.facts` writes it
LABEL = "label"
RAW = "raw"  # the parameter that asks for a bare array
BATCH = 256


class NamedClassifier:
    """A kept model that answers with the name of the most probable class and the probability of every class.

    Args:
        model: Raw faces in, probabilities out.
        classes: Names, in the order of the model's answer.
        temperature: What its probabilities are divided by in the logarithm to be calibrated; None where the model
            does so itself, or nothing is known.
    """

    def __init__(self, model: keras.Model, classes: list[str], temperature: float | None) -> None:
        self._model, self._classes = model, classes
        self._calibrated = model
        if temperature is not None:
            self._calibrated = keras.Model(model.input, layers.Temperature(temperature)(model.output))

    def predict(
        self, data: NDArray[np.float32], params: dict[str, Any] | None = None
    ) -> pd.DataFrame | NDArray[np.float32]:
        """A table of `label` and a column for each class; with `{"raw": True}` the model's own `(n, classes)`."""
        if (params or {}).get(RAW):
            return _answers(self._model, data)
        probabilities = _answers(self._calibrated, data)
        labels = [self._classes[best] for best in probabilities.argmax(axis=1)]
        return pd.DataFrame({LABEL: labels, **dict(zip(self._classes, probabilities.T, strict=True))})

    def get_raw_model(self) -> keras.Model:
        """The Keras model."""
        return self._model


def _answers(model: keras.Model, faces: NDArray[np.float32]) -> NDArray[np.float32]:
    """Batch by batch: `Model.predict` may wait at its end."""
    found = [model.predict_on_batch(faces[first : first + BATCH]) for first in range(0, len(faces), BATCH)]
    return np.concatenate([np.empty((0, model.output_shape[-1]), np.float32), *found])


def _load_pyfunc(path: str) -> Any:
    """The model at `path`; the name is the one MLflow asks every loader for."""
    wrapper = mlflow.keras._load_pyfunc(path)
    facts = Path(path) / FACTS
    if not facts.exists():  # of an earlier version: arrays, as its signature says
        return wrapper
    known = json.loads(facts.read_text())
    temperature = None if known["tempered"] else known["temperature"]
    return NamedClassifier(wrapper.get_raw_model(), list(known["classes"]), temperature)
