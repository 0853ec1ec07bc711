"""Written as LiteRT (TensorFlow Lite): one file, for telephones and small computers.

In: a Keras model, its facts, a path. Out: the file, with the facts as the metadata entry `fer_exp.json`. int8 is
Google's quantiser: convolutions and dense layers compute in whole numbers, all else stays in float.
"""

import os
import warnings
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from fer_exp.export.network import INPUT
from fer_exp.records.facts import FACTS, ModelFacts
from fer_exp.system.stderr import output_to

SIGNATURE = "serving_default"
IDENTIFIER = b"TFL3"  # of the file format, at byte 4
NOT_CLAHE = r"^(?!.*clahe).*$"  # names of tensors; CLAHE's sums are dense layers to LiteRT
QUANTISED = ("CONV_2D", "FULLY_CONNECTED")


def write_litert(model: keras.Model, facts: ModelFacts, path: Path, calibration: NDArray[np.float32] | None) -> None:
    """Writes `model`; quantised by `calibration`, raw faces `(n, side, side, channels)`, where those are given."""
    whole = path if calibration is None else path.with_name(f"float-{path.name}")
    with warnings.catch_warnings(), output_to(os.devnull):
        warnings.simplefilter("ignore")  # TensorFlow announces that its converter moves to another package
        model.export(str(whole), format="litert", verbose=False)
        if calibration is not None:
            _quantise(whole, path, calibration)
            whole.unlink()
    path.write_bytes(_with_metadata(path.read_bytes(), facts))


def _quantise(source: Path, target: Path, calibration: NDArray[np.float32]) -> None:
    from ai_edge_quantizer import qtyping, quantizer

    made = quantizer.Quantizer(str(source))
    for name in QUANTISED:
        operation = qtyping.TFLOperationName(name)
        made.add_static_config(regex=NOT_CLAHE, operation_name=operation, activation_num_bits=8, weight_num_bits=8)
    faces = [{INPUT: face[np.newaxis]} for face in calibration]
    made.quantize(made.calibrate({SIGNATURE: faces})).export_model(str(target))


def _with_metadata(content: bytes, facts: ModelFacts) -> bytes:
    """The same model with one more entry of metadata, which readers of the format pass over unless they know it."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    held = schema.ModelT.InitFromPackedBuf(content)
    for stored in held.buffers:
        if stored.offset > 1:  # behind the model, where the quantiser puts large constants; else it is inside
            stored.data = np.frombuffer(content, np.uint8, stored.size, stored.offset)
            stored.offset = stored.size = 0
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(facts.to_json().encode(), np.uint8)
    held.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = FACTS, len(held.buffers) - 1
    held.metadata = [*(held.metadata or []), entry]
    held.description = facts.notice
    builder = flatbuffers.Builder(len(content) + 2**14)
    builder.Finish(held.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def read_litert_facts(path: Path) -> ModelFacts | None:
    """The facts inside a LiteRT file; None where it has none."""
    from ai_edge_litert import schema_py_generated as schema

    held = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    for entry in held.metadata or []:
        if entry.name == FACTS.encode():
            return ModelFacts.from_json(bytes(held.buffers[entry.buffer].data))
    return None
