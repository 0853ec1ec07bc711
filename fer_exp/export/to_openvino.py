"""Written as OpenVINO's representation: a folder with `model.xml` and `model.bin`, which belong together.

In: a Keras model, its facts, a path. Out: the folder; the facts stand in the XML's runtime information under `fer_exp`.
The way leads through ONNX. int8 is NNCF's static quantisation, OpenVINO's own; all layers of CLAHE stay in float.
"""

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
from numpy.typing import NDArray

from fer_exp.export.to_onnx import BATCH, flat, write_onnx
from fer_exp.records.facts import ModelFacts
from fer_exp.system.stderr import output_to

if TYPE_CHECKING:
    import openvino

XML = "model.xml"


def write_openvino(model: keras.Model, facts: ModelFacts, path: Path, calibration: NDArray[np.float32] | None) -> None:
    """Writes `model`; quantised by `calibration`, raw faces `(n, side, side, channels)`, where those are given."""
    import openvino

    between = path.with_name(f"{path.name}.onnx")
    write_onnx(model, facts, between, None)
    converted = openvino.Core().read_model(str(between))  # `convert_model` tells its maker that it was called
    if calibration is not None:
        converted = _quantised(converted, calibration)
    for name, text in flat(facts).items():
        converted.set_rt_info(text, ["fer_exp", name])
    path.mkdir()
    openvino.save_model(converted, str(path / XML), compress_to_fp16=False)
    between.unlink()


def _quantised(model: "openvino.Model", calibration: NDArray[np.float32]) -> "openvino.Model":
    with warnings.catch_warnings(), output_to(os.devnull):
        warnings.simplefilter("ignore")  # NNCF looks for PyTorch and says what it finds
        os.environ.setdefault("NNCF_CI", "1")  # else NNCF tells its maker that it was called
        import nncf

        batches = [calibration[first : first + BATCH] for first in range(0, len(calibration), BATCH)]
        return nncf.quantize(
            model,
            nncf.Dataset(batches),
            subset_size=len(batches),
            ignored_scope=nncf.IgnoredScope(patterns=[".*clahe.*"], validate=False),
        )
