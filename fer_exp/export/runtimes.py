"""Runtimes: each format asked in the program that people will run it in.

In: what was written, and raw faces. Out: probabilities. Batches are small, so that memory stays so.
"""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from fer_exp.export.formats import Format, version_of
from fer_exp.export.network import INPUT, OUTPUT
from fer_exp.export.to_litert import SIGNATURE
from fer_exp.export.to_openvino import XML
from fer_exp.export.to_web import MODEL
from fer_exp.system.provenance import cores

BATCH = 64
Faces = NDArray[np.float32]  # (n, side, side, channels), 0-255
Answers = NDArray[np.float32]  # (n, classes)
EXACT = "f32"  # OpenVINO's name for float32; its default on processors with bfloat16 is that


def ask(kind: Format, path: Path, faces: Faces) -> Answers:
    """What the export at `path` says of `faces`."""
    runtime = opened(kind, path)
    return np.concatenate([runtime(faces[first : first + BATCH]) for first in range(0, len(faces), BATCH)])


def opened(kind: Format, path: Path) -> Callable[[Faces], Answers]:
    """The export at `path` in its runtime, loaded once: a batch of faces to their probabilities."""
    return _RUNTIMES[kind](path)


def ask_keras(network: keras.Model, faces: Faces) -> Answers:
    """What the model itself says."""
    firsts = range(0, len(faces), BATCH)
    return np.concatenate([network.predict_on_batch(faces[first : first + BATCH])[OUTPUT] for first in firsts])


def by_default(kind: Format, path: Path, faces: Faces) -> tuple[str, Answers] | None:
    """OpenVINO with the precision that it chooses on this machine, where that is another than float32; else None."""
    if kind is not Format.OPENVINO:
        return None
    runtime, precision = openvino_runtime(path, {})
    if precision == EXACT:
        return None
    answers = np.concatenate([runtime(faces[first : first + BATCH]) for first in range(0, len(faces), BATCH)])
    return f"{version_of('openvino')} in {precision}", answers


def runtime_name(kind: Format) -> str:
    """The program that `ask` asks, with its version."""
    if kind is Format.OPENVINO:
        return f"{version_of('openvino')} in float32"
    if kind is Format.SAVED_MODEL:
        return version_of("tensorflow")
    return version_of("ai-edge-litert" if kind is Format.LITERT else "onnxruntime")


def _onnx(path: Path) -> Callable[[Faces], Answers]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda faces: np.asarray(session.run([OUTPUT], {INPUT: faces})[0])


def _web(path: Path) -> Callable[[Faces], Answers]:
    return _onnx(path / MODEL)


def _litert(path: Path) -> Callable[[Faces], Answers]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=cores())
    runner = interpreter.get_signature_runner(SIGNATURE)
    return lambda faces: np.asarray(runner(**{INPUT: faces})[OUTPUT])


def _openvino(path: Path) -> Callable[[Faces], Answers]:
    return openvino_runtime(path, {"INFERENCE_PRECISION_HINT": EXACT})[0]


def openvino_runtime(path: Path, settings: dict[str, str]) -> tuple[Callable[[Faces], Answers], str]:
    """OpenVINO on the processor, and the precision that it computes in: "f32", "bf16"."""
    import openvino

    compiled = openvino.Core().compile_model(str(path / XML), "CPU", settings)
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    return lambda faces: np.asarray(compiled(faces)[OUTPUT]), precision


def _saved_model(path: Path) -> Callable[[Faces], Answers]:
    layer = keras.layers.TFSMLayer(str(path), call_endpoint=SIGNATURE)
    return lambda faces: np.asarray(layer(faces)[OUTPUT])


_RUNTIMES: dict[Format, Callable[[Path], Callable[[Faces], Answers]]] = {
    Format.ONNX: _onnx,
    Format.LITERT: _litert,
    Format.SAVED_MODEL: _saved_model,
    Format.OPENVINO: _openvino,
    Format.WEB: _web,
}
