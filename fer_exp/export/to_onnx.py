"""Written as ONNX: one file, which ONNX Runtime, OpenVINO and browsers read.

In: a Keras model, its facts, a path. Out: the file, with the facts among its metadata. int8 is ONNX Runtime's static
quantisation: convolutions and dense layers compute in whole numbers, everything before them stays in float.
"""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from fer_exp.export.network import INPUT
from fer_exp.records.facts import FACTS, ModelFacts
from fer_exp.system.stderr import output_to

BATCH = 32  # calibration faces at a time
QUANTISED = ("Conv", "MatMul", "Gemm")


def write_onnx(model: keras.Model, facts: ModelFacts, path: Path, calibration: NDArray[np.float32] | None) -> None:
    """Writes `model`; quantised by `calibration`, raw faces `(n, side, side, channels)`, where those are given."""
    import onnx

    whole = path if calibration is None else path.with_name(f"float-{path.name}")
    with warnings.catch_warnings(), output_to(os.devnull):
        warnings.simplefilter("ignore")  # Keras 3.15 asks NumPy for `np.object` before tf2onnx does
        model.export(str(whole), format="onnx", verbose=False)
    if calibration is not None:
        _quantise(whole, path, calibration)
        whole.unlink()
    written = onnx.load(str(path))
    for tensor in (*written.graph.input, *written.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "n"
    written.producer_name, written.producer_version = "fer-exp", facts.fer_exp
    written.doc_string = facts.notice
    onnx.helper.set_model_props(written, flat(facts))
    onnx.save(written, str(path))


def flat(facts: ModelFacts) -> dict[str, str]:
    """The facts as text by name, and all of them as JSON under `fer_exp.json`: metadata of formats is text."""
    values = facts.model_dump(mode="json")
    texts = {name: value if isinstance(value, str) else str(value) for name, value in values.items()}
    return {FACTS: facts.to_json(), **texts, "classes": ",".join(facts.classes)}


def _quantise(source: Path, target: Path, calibration: NDArray[np.float32]) -> None:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_static

    nodes = list(onnx.load(str(source)).graph.node)
    first = next(place for place, node in enumerate(nodes) if node.op_type == "Conv")  # preprocessing lies before it
    names = [node.name for node in nodes[first:] if node.op_type in QUANTISED]
    with output_to(os.devnull):
        quantize_static(
            str(source),
            str(target),
            _Batches(calibration),
            nodes_to_quantize=names,
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
        )


class _Batches:
    """Calibration faces as ONNX Runtime asks for them: `get_next` until None."""

    def __init__(self, faces: NDArray[np.float32]) -> None:
        self._batches: Iterator[dict[str, Any]] = iter(
            [{INPUT: faces[first : first + BATCH]} for first in range(0, len(faces), BATCH)]
        )

    def get_next(self) -> dict[str, Any] | None:
        """The next batch."""
        return next(self._batches, None)
