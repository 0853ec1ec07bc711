"""Distillation: targets that are in part what another model, the teacher, says of the training faces.

In: a record whose recipe distils, and its development part. Out: a target for each training face. The method is that of
born-again networks (Furlanello et al. 2018): cross-entropy with the teacher's probabilities; cross-entropy is linear in
its targets, so one blended target does for both losses. The teacher is asked once for each development part, about
faces as they lie, and what it said is kept beside them: a resumed training reads the same bytes.
"""

import numpy as np

from fer_exp.data.cache import load_array, save_array
from fer_exp.data.faces import Labels, Shares
from fer_exp.data.split.prepare import Development
from fer_exp.metrics.temperature import tempered
from fer_exp.model import load_model, predict
from fer_exp.records import Record
from fer_exp.records.digest import teacher_model
from fer_exp.training.refusals import ImpossibleRecipe

DIGITS = 16  # of the teacher's digest, in the name of a file


def distilled(record: Record, development: Development, targets: Shares | None, labels: Labels) -> Shares:
    """`(n, classes)`: the record's own targets, and the share of the teacher's probabilities that its recipe says.

    Args:
        record: Of a recipe with `distillation`.
        development: Whose training part is taught.
        targets: `(n, classes)`; None stands for the labels.
        labels: `(n,)` of the training part.

    Raises:
        ImpossibleRecipe: The record has no teacher.
        BadRecord: Its teacher's file is missing or another one.
    """
    recipe, classes = record.spec().recipe, development.info.form.classes
    own = np.eye(classes, dtype=np.float32)[labels] if targets is None else targets
    said = tempered(teacher_probabilities(record, development), recipe.distillation_temperature)
    share = np.float32(recipe.distillation)
    blended: Shares = (1 - share) * own + share * said.astype(np.float32)
    return blended


def teacher_probabilities(record: Record, development: Development) -> Shares:
    """What the record's teacher says of the training faces, `(n, classes)`, from the file beside them or asked now.

    Raises:
        As `distilled`.
    """
    digest = record.spec().teacher
    if digest is None:
        raise ImpossibleRecipe(
            "distillation needs a teacher, and this campaign names none: Settings(teacher='CAMPAIGN/trials/0003')"
        )
    path = development.folder / f"train-teacher-{digest[:DIGITS]}.npy"
    form = development.info.form
    shape = (sum(development.info.train_counts), form.classes)
    try:
        stored = np.array(load_array(path))
        if stored.shape == shape and stored.dtype == np.float32:
            return stored
    except (OSError, ValueError, EOFError):  # not made yet, or damaged; two processes at once make the same
        pass
    file = teacher_model(record)
    assert file is not None  # it has a digest
    save_array(path, predict(load_model(file, form), development.train(clahe=False).images))
    return np.array(load_array(path))
