"""Faces per second of the same model in Keras, in batches, and in the runtimes of the formats that `export` writes.

In: nothing but the reference network, whose speed does not depend on its weights. Out: a row for each runtime, in faces
per second on this machine's cores, in batches as `predict` takes them and one face at a time.
"""

import importlib.util
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.setting import Setting
from benchmarks.sides import Doing, Row, in_turns, share_by_turns, times_
from fer_exp.data.classes import FER2013
from fer_exp.data.form import FER2013_FORM
from fer_exp.export.formats import ENDINGS, PACKAGES, Format
from fer_exp.export.network import OUTPUT, exportable
from fer_exp.export.runtimes import Faces, opened
from fer_exp.export.to_litert import write_litert
from fer_exp.export.to_onnx import write_onnx
from fer_exp.export.to_openvino import write_openvino
from fer_exp.model import build, with_preprocessing
from fer_exp.recipe import baseline_recipe
from fer_exp.records.facts import bare_facts
from fer_exp.system.stderr import stderr_to

BATCH = 64
NAMES = {Format.ONNX: "ONNX Runtime", Format.OPENVINO: "OpenVINO, float32", Format.LITERT: "LiteRT"}
WRITERS = {Format.ONNX: write_onnx, Format.OPENVINO: write_openvino, Format.LITERT: write_litert}


def rows(setting: Setting) -> Iterator[Row | str]:
    """Each runtime against Keras, in turns."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the row is about cores
    recipe = baseline_recipe()
    facts = bare_facts(FER2013_FORM, FER2013)
    model = exportable(with_preprocessing(build(recipe, 1), recipe), facts)
    faces = np.random.default_rng(1).integers(0, 256, (setting.pick(512, 64), 48, 48, 1)).astype(np.float32)
    with tempfile.TemporaryDirectory(prefix="fer-exp-") as folder:
        asked: dict[str, Callable[[Faces], object]] = {"Keras": lambda batch: model.predict_on_batch(batch)[OUTPUT]}
        for kind, write in WRITERS.items():
            missing = [
                package for module, package in PACKAGES[kind].items() if importlib.util.find_spec(module) is None
            ]
            if missing:
                yield f"{NAMES[kind]} against Keras: left out, {', '.join(missing)} is not installed"
                continue
            path = Path(folder) / f"model{ENDINGS.get(kind, '')}"
            with stderr_to():
                write(model, facts, path, None)
                asked[NAMES[kind]] = opened(kind, path)
        for size, count in ((BATCH, len(faces)), (1, setting.pick(128, 8))):
            yield from _rows(asked, faces[:count], size, setting.pick(6, 1))


def _rows(asked: dict[str, Callable[[Faces], object]], faces: Faces, size: int, times: int) -> Iterator[Row]:
    for ask in asked.values():
        ask(faces[:size])  # what a first call prepares is no part of the speed
    ways: dict[str, Doing] = {name: _speed(ask, faces, size) for name, ask in asked.items()}
    keras, *others = in_turns(ways, times, "faces/s")
    how = f"in batches of {size}" if size > 1 else "one at a time"
    for side in others:
        yield share_by_turns(
            f"faces/s {how}, {side.name} against Keras", [side, keras], times_(), "equalising included"
        )


def _speed(ask: Callable[[Faces], object], faces: Faces, size: int) -> Doing:
    def run() -> float:
        began = time.perf_counter()
        for first in range(0, len(faces), size):
            ask(faces[first : first + size])
        return len(faces) / (time.perf_counter() - began)

    return run
