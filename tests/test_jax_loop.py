"""The loop that the GPU row is held against: the baseline's size to the number, and it learns."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = """
import json, jax, numpy as np
from benchmarks.bare import bare_model
from benchmarks.jax_loop import epoch_of, initial_state
random = np.random.default_rng(1)
faces, labels = random.integers(0, 128, (28, 48, 48), dtype=np.uint8), np.arange(28, dtype=np.uint8) % 7
for face, label in zip(faces, labels):
    face[6 * label : 6 * label + 6] += 127  # a bright band says which expression it is
state = initial_state()
numbers = sum(leaf.size for leaf in jax.tree.leaves((state["weights"], state["averages"])))
epoch = epoch_of(faces, labels, 14, (8, 16))
print(json.dumps({"numbers": numbers, "keras": bare_model().count_params(), "losses": [epoch() for _ in range(25)]}))
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed: pip install 'fer-exp[jax]'")
def test_the_hand_written_loop_trains_the_same_network() -> None:
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["numbers"] == found["keras"] == 626_791
    assert found["losses"][0] > 1.7  # guessing costs ln 7 = 1.95
    assert found["losses"][-1] < 0.7 * found["losses"][0]
