"""The loader that a logged model names: what a process needs to serve it through `mlflow.pyfunc`.

In: the folder of a logged model. Out: MLflow's own Keras wrapper. Keras finds fer-exp's layers only once they are
imported, and MLflow imports nothing but the loader, so the loader imports them. `mlflow.keras.load_model` knows no
loader: a process that calls it writes `import fer_exp.model` first.
"""

from typing import cast

import mlflow.keras
from mlflow.keras.load import KerasModelWrapper

import fer_exp.model  # noqa: F401  registers the layers


def _load_pyfunc(path: str) -> KerasModelWrapper:
    """The model at `path`; the name is the one MLflow asks every loader for."""
    return cast(KerasModelWrapper, mlflow.keras._load_pyfunc(path))
