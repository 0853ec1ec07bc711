"""The loader that a logged model names: what a process needs to serve it through `mlflow.pyfunc`.

In: the folder of a logged model. Out: MLflow's own Keras wrapper. Keras finds fer-exp's layers only once they are
imported, and MLflow imports nothing but the loader, so the loader imports them. A copy of this file and of
`fer_exp/model/layers.py` lies in the model's folder, so neither needs fer-exp. `mlflow.keras.load_model` knows no
loader: a process that calls it writes `import fer_exp.model` first.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import mlflow.keras

# Beside this file where MLflow loads a model; else, for models of earlier versions, fer-exp's own.
import_module("fer_exp_layers" if find_spec("fer_exp_layers") is not None else "fer_exp.model")


def _load_pyfunc(path: str) -> Any:
    """The model at `path`; the name is the one MLflow asks every loader for."""
    return mlflow.keras._load_pyfunc(path)
