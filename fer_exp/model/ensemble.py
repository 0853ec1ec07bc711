"""Ensemble: several kept models as one, which answers with the mean of their probabilities.

In: kept models, each with the temperature at which it counts. Out: a kept model: raw faces in, probabilities out.
"""

from collections.abc import Sequence

import keras
from keras import layers

from fer_exp.data.form import FER2013_FORM, Form
from fer_exp.model.kept import with_temperature


def averaged(members: Sequence[tuple[keras.Model, float]], form: Form = FER2013_FORM) -> keras.Model:
    """One model of all `members`, whose weights it shares; not compiled.

    Args:
        members: Two models or more from `load_model`, and the temperature at which each is averaged: 1 as it answers.
        form: What every member takes and gives.
    """
    faces = keras.Input(form.face, name="raw_faces")
    answers = []
    for number, (member, temperature) in enumerate(members, start=1):
        model = member if temperature == 1.0 else with_temperature(member, temperature)
        # Members bear one name and hold layers of the same names, so each is a model of its own inside.
        answers.append(keras.Model(model.input, model.output, name=f"member{number}")(faces))
    return keras.Model(faces, layers.Average(dtype="float32", name="mean_over_members")(answers), name="fer_raw")
