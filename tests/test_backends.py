"""A model is the same on every backend: what one of Keras's backends trained, another evaluates alike.

Each side is a process of its own, because Keras chooses its backend once. JAX is an extra (`pip install '.[jax]'`).
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
ALIKE = 1e-4  # of a probability

TRAIN = """
import sys, keras, numpy as np
from fer_exp.model import build, compile_model, predict, with_preprocessing
from fer_exp.recipe import baseline_recipe
recipe = baseline_recipe().but(widths=(8, 16), last_width=16, head_widths=(32,), head_dropouts=(0.3,), batch_size=32)
random = np.random.default_rng(1)
faces, labels = random.integers(0, 256, (224, 48, 48), dtype=np.uint8), np.arange(224) % 7
model = build(recipe, seed=1)
compile_model(model, recipe, steps_per_epoch=7, horizon=3)
model.fit(faces[..., None], np.eye(7, dtype=np.float32)[labels], batch_size=32, epochs=3, verbose=0)
output = model.get_layer("output")
output.kernel.assign(output.kernel * 100)  # as sure as after a long training
with_preprocessing(model, recipe).save(sys.argv[1])
np.save(sys.argv[2], faces)
"""
ANSWER = """
import sys, keras, numpy as np
from pathlib import Path
from fer_exp.model import load_model, predict
np.save(sys.argv[3], predict(load_model(Path(sys.argv[1])), np.load(sys.argv[2], allow_pickle=False)))
print(keras.backend.backend())
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("jax") is None, reason="JAX is not installed: pip install 'fer-exp[jax]' to compare"
    ),
]


def on(backend: str, program: str, *arguments: Path) -> str:
    """Runs `program` with that backend; what it printed."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answer(backend: str, model: Path, faces: Path) -> NDArray[np.float32]:
    """The probabilities that `model` gives on that backend."""
    said = on(backend, ANSWER, model, faces, model.with_name(f"{backend}.npy"))
    assert said.split()[-1] == backend
    found: NDArray[np.float32] = np.load(model.with_name(f"{backend}.npy"), allow_pickle=False)
    return found


@pytest.mark.parametrize("trained_on", ["jax", "tensorflow"])
def test_a_model_answers_alike_on_both_backends(tmp_path: Path, trained_on: str) -> None:
    model, faces = tmp_path / "model.keras", tmp_path / "faces.npy"
    on(trained_on, TRAIN, model, faces)
    jax, tensorflow = (answer(backend, model, faces) for backend in ("jax", "tensorflow"))
    assert jax.shape == (224, 7)
    assert np.ptp(jax, axis=0).max() > 0.1  # it tells faces apart, so agreement says something
    np.testing.assert_allclose(jax, tensorflow, rtol=0, atol=ALIKE)
