"""Written as TensorFlow's SavedModel: a folder, which TensorFlow Serving and TensorFlow in any language read.

In: a Keras model, its facts, a path. Out: the folder; the facts lie in `assets.extra/`, where the format keeps what
users add.
"""

import os
from pathlib import Path

import keras

from fer_exp.records.facts import FACTS, ModelFacts
from fer_exp.system.stderr import output_to

EXTRA = "assets.extra"


def write_saved_model(model: keras.Model, facts: ModelFacts, path: Path) -> None:
    """Writes `model`; its signature is called `serving_default`."""
    with output_to(os.devnull):
        model.export(str(path), format="tf_saved_model", verbose=False)
    (path / EXTRA).mkdir(exist_ok=True)
    (path / EXTRA / FACTS).write_text(facts.to_json(indent=1))
