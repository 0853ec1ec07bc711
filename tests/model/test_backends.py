"""A model is the same on every backend: what one of Keras's backends trained, another evaluates alike.

Each side is a process of its own: Keras chooses its backend once. JAX comes with `.[dev]`, for users with `.[jax]`.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
ALIKE = 1e-4  # of a probability

TRAIN = """
import sys, keras, numpy as np
from fer_exp.model import Clahe, build, compile_model, predict, with_preprocessing
from fer_exp.recipe import baseline_recipe
# Averages that follow within ten steps: at the reference's momentum of 0.99 some trainings answer one class for all.
recipe = baseline_recipe().but(
    widths=(8, 16), last_width=16, head_widths=(32,), head_dropouts=(0.1,), block_dropout=0.1, pooled_dropout=0.1,
    learning_rate=3e-3, norm_momentum=0.8,
)
random = np.random.default_rng(1)
faces, labels = random.integers(0, 128, (224, 48, 48), dtype=np.uint8), np.arange(224) % 7
for face, label in zip(faces, labels):
    face[6 * label : 6 * label + 6] += 127  # a bright band says which expression it is, so there is something to learn
model = build(recipe, seed=1)
compile_model(model, recipe, steps_per_epoch=28, horizon=18)
equalised = np.asarray(Clahe()(faces[..., None]))
model.fit(equalised, np.eye(7, dtype=np.float32)[labels], batch_size=8, epochs=18, verbose=0)
kept = with_preprocessing(model, recipe)
kept.save(sys.argv[1])
np.save(sys.argv[2], faces)
np.save(sys.argv[3], predict(kept, faces))
print(keras.backend.backend())
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


def on(backend: str, program: str, folder: Path) -> NDArray[np.float32]:
    """Runs `program` with that backend; the probabilities that it came to."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    files = [str(folder / name) for name in ("model.keras", "faces.npy", f"{backend}.npy")]
    command = [sys.executable, "-c", program, *files]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == backend
    found: NDArray[np.float32] = np.load(files[-1], allow_pickle=False)
    return found


@pytest.mark.parametrize(("trained_on", "asked_on"), [("jax", "tensorflow"), ("tensorflow", "jax")])
def test_a_model_answers_alike_on_both_backends(tmp_path: Path, trained_on: str, asked_on: str) -> None:
    at_home = on(trained_on, TRAIN, tmp_path)
    elsewhere = on(asked_on, ANSWER, tmp_path)
    assert at_home.shape == (224, 7)
    assert np.ptp(at_home, axis=0).max() > 0.5  # it tells faces apart, so agreement says something
    np.testing.assert_allclose(elsewhere, at_home, rtol=0, atol=ALIKE)
