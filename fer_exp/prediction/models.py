"""The model that answers, and what its answers are called.

In: what a user said, or nothing. Out: a FaceModel. The names of the classes are those of the data that the record of
the model was trained on; a bare file is recognised by its digest where the home holds its record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fer_exp.choosing import Asker, Chosen, Recorded, choose, only_champion
from fer_exp.data.classes import FER2013, Classes, named_classes
from fer_exp.data.faces import Images
from fer_exp.data.form import Form
from fer_exp.prediction.run import Probabilities
from fer_exp.system.errors import BadInput
from fer_exp.system.home import Home

if TYPE_CHECKING:
    import keras

ASKER = Asker("predict", "Nothing was predicted.", "fer-exp predict photo.jpg --model models:/demo@champion")


@dataclass(frozen=True)
class FaceModel:
    """A kept model, loaded."""

    network: "keras.Model"
    form: Form
    classes: Classes
    title: str  # as outputs name it
    notes: tuple[str, ...] = ()  # what was assumed, a sentence each

    def probabilities(self, crops: Images) -> Probabilities:
        """`(n, classes)` float32 for raw faces `(n, side, side)` or `(n, side, side, 3)` uint8; rows sum to one."""
        from fer_exp.model import predict

        return np.asarray(predict(self.network, crops), np.float32)


def load(found: Chosen, classes: Sequence[str] | None = None) -> FaceModel:
    """Loads a model; the names of its classes are `classes`, else those of its record, else FER2013's if it has seven.

    Raises:
        BadInput: The file is no model of fer-exp's, or the names are not as many as its classes.
        BadRecord: It is not the file that its record ended with.
    """
    from fer_exp.model import load_model
    from fer_exp.model.kept import form_of_model

    if isinstance(found, Recorded):
        found.vouch()
    network = load_model(found.file, None)
    form = form_of_model(network)
    names, notes = _named(found, form, classes)
    return FaceModel(network, form, names, found.title, notes)


def _named(found: Chosen, form: Form, classes: Sequence[str] | None) -> tuple[Classes, tuple[str, ...]]:
    if classes is not None:
        return named_classes(classes, form.classes, ASKER.unchanged), ()
    if isinstance(found, Recorded) and len(known := found.data().classes) == form.classes:
        return known, ()
    if form.classes == len(FER2013):
        return FER2013, (f"{found.title} does not say what its classes are called: FER2013's names are assumed.",)
    raise BadInput(
        f"{found.title}: expected a model whose record names its {form.classes} classes, found none",
        f"{ASKER.unchanged} Name them in the order of the model's answer: --classes happy,sad,neutral",
    )


def find(home: Home, model: str | None = None, record: str | None = None) -> Chosen:
    """The model that a user means; without any word, the only champion.

    Args:
        home: Where campaigns are.
        model: `models:/NAME@champion` and the like, or the path of a `.keras` file.
        record: CAMPAIGN, CAMPAIGN:baseline or CAMPAIGN/trials/0003.

    Raises:
        BadInput: The record is several trainings.
        NotFound: There is none; without any word, there is no champion, or more than one.
        TrackingFailed: MLflow did not answer.
    """
    if model is None and record is None:
        return only_champion(home, ASKER)
    return choose(home, ASKER, model=model, record=record)
