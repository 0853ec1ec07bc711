"""Written as OpenVINO's representation: a folder with `model.xml` and `model.bin`, which belong together.

In: a Keras model, its facts, a path. Out: the folder; the facts stand in the XML's runtime information under `fer_exp`.
The way leads through ONNX, so int8 is the quantisation of `to_onnx`.
"""

from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from fer_exp.export.to_onnx import flat, write_onnx
from fer_exp.records.facts import ModelFacts

XML = "model.xml"


def write_openvino(model: keras.Model, facts: ModelFacts, path: Path, calibration: NDArray[np.float32] | None) -> None:
    """Writes `model`; quantised by `calibration`, raw faces `(n, side, side, channels)`, where those are given."""
    import openvino

    between = path.with_name(f"{path.name}.onnx")
    write_onnx(model, facts, between, calibration)
    converted = openvino.convert_model(str(between))
    for name, text in flat(facts).items():
        converted.set_rt_info(text, ["fer_exp", name])
    path.mkdir()
    openvino.save_model(converted, str(path / XML), compress_to_fp16=False)
    between.unlink()
