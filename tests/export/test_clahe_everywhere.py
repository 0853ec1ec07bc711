"""CLAHE, expressed in the operations of each format, is OpenCV's to the grey level in the format's own runtime."""

from pathlib import Path

import keras
import numpy as np
import pytest

from fer_exp.data.clahe import equalise
from fer_exp.data.classes import FER2013
from fer_exp.data.form import Form
from fer_exp.data.sources.demo import draw_faces
from fer_exp.export.formats import Format
from fer_exp.export.network import INPUT, OUTPUT
from fer_exp.export.runtimes import ask
from fer_exp.export.to_litert import write_litert
from fer_exp.export.to_onnx import write_onnx
from fer_exp.export.to_openvino import write_openvino
from fer_exp.export.to_saved_model import write_saved_model
from fer_exp.model import Clahe
from fer_exp.records.facts import bare_facts

for module in ("onnx", "tf2onnx", "onnxruntime", "openvino", "ai_edge_litert"):
    pytest.importorskip(module)

FORMS = [Form(48, 1), Form(64, 3), Form(128, 1)]


def pictures(form: Form) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Noise, narrow and wide, flat pictures, and drawn faces where they have the side."""
    random = np.random.default_rng(form.side)
    shape = (form.side, form.side) if form.channels == 1 else form.face
    noise = [random.integers(low, high, (8, *shape)) for low, high in ((0, 256), (100, 108), (250, 256))]
    flat = np.stack([np.full(shape, level) for level in (0, 7, 255)])
    drawn = [draw_faces().images[:32]] if form == FORMS[0] else []
    return np.concatenate([*noise, flat, *drawn]).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS, ids=["grey 48", "colour 64", "grey 128"])
def test_clahe_is_opencvs_in_every_runtime(form: Form, tmp_path: Path) -> None:
    inputs = keras.Input(form.face, name=INPUT)
    model = keras.Model(inputs, {OUTPUT: Clahe()(inputs)})
    faces = pictures(form)
    given = (faces if form.channels == 3 else faces[..., None]).astype(np.float32)
    model.predict_on_batch(given[:1])
    facts = bare_facts(form, FER2013)
    write_onnx(model, facts, tmp_path / "a.onnx", None)
    write_litert(model, facts, tmp_path / "a.tflite", None)
    write_openvino(model, facts, tmp_path / "openvino", None)
    write_saved_model(model, facts, tmp_path / "saved")
    paths = {
        Format.ONNX: tmp_path / "a.onnx",
        Format.LITERT: tmp_path / "a.tflite",
        Format.OPENVINO: tmp_path / "openvino",
        Format.SAVED_MODEL: tmp_path / "saved",
    }
    expected = equalise(faces).reshape(given.shape)
    differing = {kind.value: int((ask(kind, path, given) != expected).sum()) for kind, path in paths.items()}
    assert differing == dict.fromkeys(differing, 0)
