"""The Keras model that is written: the kept model, its temperature inside, its output named.

In: a kept model and its facts. Out: a model whose only output is called `probabilities` in every format.
"""

import keras
import numpy as np

from fer_exp.model import with_temperature
from fer_exp.records.facts import ModelFacts
from fer_exp.system.errors import BadInput

INPUT, OUTPUT = "raw_faces", "probabilities"


def exportable(model: keras.Model, facts: ModelFacts) -> keras.Model:
    """`model` with the temperature that its record knows, its output named; weights are shared.

    Raises:
        BadInput: Keras runs on another backend than TensorFlow, which its exporters need.
    """
    if keras.backend.backend() != "tensorflow":
        raise BadInput(
            f"export: expected Keras on TensorFlow, whose exporters are used, received {keras.backend.backend()}",
            "Nothing was written. Start Python with KERAS_BACKEND=tensorflow; a model's file fits every backend.",
        )
    if facts.temperature is not None and not facts.tempered:
        model = with_temperature(model, facts.temperature)
    faces = keras.Input(facts.form.face, name=INPUT)
    # Kept models of earlier versions that crop would take each batch's own statistics unless told not to.
    named = keras.Model(faces, {OUTPUT: model(faces, training=False)}, name="fer")
    named.predict_on_batch(np.zeros((1, *facts.form.face), np.float32))  # the exporters want a model that was called
    return named
