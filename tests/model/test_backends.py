"""A model is the same on every backend: what one of Keras's backends trained, another evaluates alike.

Each side is a process of its own: Keras chooses its backend once. JAX comes with `.[dev]`, for users with `.[jax]`.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
ALIKE = 1e-4  # of a probability

# Answers lines of its standard input, a word and three files each, with the name of its backend.
PROGRAM = """
import sys, keras, numpy as np
from pathlib import Path
from fer_exp.model import Clahe, build, compile_model, load_model, predict, with_preprocessing
from fer_exp.recipe import baseline_recipe

def train(model_file, faces_file, answers_file):
    # Averages that follow within ten steps: at the reference's momentum of 0.99 some trainings answer one class alone.
    recipe = baseline_recipe().but(
        widths=(8, 16), last_width=16, head_widths=(32,), head_dropouts=(0.1,), block_dropout=0.1, pooled_dropout=0.1,
        learning_rate=3e-3, norm_momentum=0.8,
    )
    random = np.random.default_rng(1)
    faces, labels = random.integers(0, 128, (224, 48, 48), dtype=np.uint8), np.arange(224) % 7
    for face, label in zip(faces, labels):
        face[6 * label : 6 * label + 6] += 127  # a bright band says which expression it is: there is something to learn
    model = build(recipe, seed=1, to_train=True)
    compile_model(model, recipe, steps_per_epoch=28, horizon=18)
    equalised = np.asarray(Clahe()(faces[..., None]))
    model.fit(equalised, np.eye(7, dtype=np.float32)[labels], batch_size=8, epochs=18, verbose=0)
    kept = with_preprocessing(model, recipe)
    kept.save(model_file)
    np.save(faces_file, faces)
    np.save(answers_file, predict(kept, faces))

def answer(model_file, faces_file, answers_file):
    np.save(answers_file, predict(load_model(Path(model_file)), np.load(faces_file, allow_pickle=False)))

for line in sys.stdin:
    word, *files = line.rstrip("\\n").split("\\t")
    {"train": train, "answer": answer}[word](*files)
    print(keras.backend.backend(), flush=True)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("jax") is None, reason="JAX is not installed: pip install 'fer-exp[jax]' to compare"
    ),
]


class Side:
    """A process with a backend of its own."""

    def __init__(self, backend: str, log: Path) -> None:
        paths = os.pathsep.join([str(ROOT), *sys.path])
        self._backend, self._log = backend, log
        with log.open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": paths},
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )

    def does(self, word: str, folder: Path) -> NDArray[np.float32]:
        """Has it train or answer with the model in `folder`; the probabilities that it came to."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        files = [str(folder / name) for name in ("model.keras", "faces.npy", f"{self._backend}.npy")]
        self.process.stdin.write("\t".join([word, *files]) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == self._backend, self._log.read_text()
        found: NDArray[np.float32] = np.load(files[-1], allow_pickle=False)
        return found


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Side]]:
    """A process for each backend, which both tests ask: to load a backend takes longer than what it is asked."""
    folder = tmp_path_factory.mktemp("sides")
    started = {backend: Side(backend, folder / f"{backend}.log") for backend in ("jax", "tensorflow")}
    yield started
    for side in started.values():
        side.process.communicate()  # its standard input ends, and so does it
        assert side.process.returncode == 0


@pytest.mark.parametrize(("trained_on", "asked_on"), [("jax", "tensorflow"), ("tensorflow", "jax")])
def test_a_model_answers_alike_on_both_backends(
    tmp_path: Path, sides: dict[str, Side], trained_on: str, asked_on: str
) -> None:
    at_home = sides[trained_on].does("train", tmp_path)
    elsewhere = sides[asked_on].does("answer", tmp_path)
    assert at_home.shape == (224, 7)
    assert np.ptp(at_home, axis=0).max() > 0.5  # it tells faces apart, so agreement says something
    np.testing.assert_allclose(elsewhere, at_home, rtol=0, atol=ALIKE)
