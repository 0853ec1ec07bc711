"""Written for browsers: a folder with a page, the model as ONNX, and onnxruntime-web to run it.

In: a Keras model, its facts, a path. Out: the folder. The page asks for its own files and nothing else, which its
content security policy enforces: a picture that a person chooses is never sent anywhere.
"""

import shutil
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from fer_exp.export.browser_runtime import put_runtime
from fer_exp.export.to_onnx import write_onnx
from fer_exp.records.facts import FACTS, ModelFacts

PAGE = Path(__file__).with_name("page")
MODEL, RUNTIME = "model.onnx", "runtime"


def write_web(
    model: keras.Model,
    facts: ModelFacts,
    path: Path,
    calibration: NDArray[np.float32] | None,
    runtime: Path | None,
) -> None:
    """Writes the folder; `runtime` is onnxruntime-web's folder, None takes it from npm.

    Raises:
        BadInput: The runtime is not to be had.
    """
    shutil.copytree(PAGE, path)
    put_runtime(path / RUNTIME, runtime)
    write_onnx(model, facts, path / MODEL, calibration)
    (path / FACTS).write_text(facts.to_json(indent=1))
