"""Label noise: labels that a model which never saw the image would not have given. Slow, so only when asked for.

In: Faces, groups of near copies. Out: LabelNoise. Confident learning (Northcutt, Jiang and Chuang 2021, by cleanlab) on
predictions of a small network. Copies of an image stay in one fold: a network that has seen a copy repeats its label.
"""

from collections.abc import Callable

import keras
import numpy as np
from cleanlab.filter import find_label_issues
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from fer_exp.audit.findings import LabelNoise, LabelSuspect
from fer_exp.data.faces import Faces, Indices, Labels, with_channels
from fer_exp.model import build, compile_model, predict
from fer_exp.model.normalization import forget_start
from fer_exp.recipe import Augmentation, ClassWeights, Optimizer, Order, Recipe, Schedule
from fer_exp.system.errors import BadData
from fer_exp.training.balance import class_counts
from fer_exp.training.feed import Rows, feed

FOLDS = 4
SEED = 1
SMALL_RECIPE = Recipe(
    widths=(32, 64, 128),
    convs_per_block=1,
    last_width=0,
    head_widths=(64,),
    head_dropouts=(0.2,),
    order=Order.NORM_FIRST,
    block_dropout=0.1,
    pooled_dropout=0.2,
    optimizer=Optimizer.ADAM,
    learning_rate=2e-3,
    schedule=Schedule.COSINE,
    batch_size=128,
    clahe=False,
    oversampling=0.0,
    class_weights=ClassWeights.NONE,
    augmentation=Augmentation(flip=True, shift=3.0),
)


def label_noise(faces: Faces, groups: NDArray[np.int64], *, epochs: int, say: Callable[[str], None]) -> LabelNoise:
    """Candidates for wrong labels, least credible first.

    Args:
        faces: All faces, of every usage.
        groups: `(n,)` the group of copies and near copies of each row.
        epochs: Of each of the four trainings.
        say: Told what is being done, as it takes minutes.

    Raises:
        BadData: An expression has fewer than four faces.
    """
    counts = class_counts(faces.labels, len(faces.classes))
    if min(counts) < FOLDS:
        raise BadData(
            f"{faces.source}: expected at least {FOLDS} faces of each expression to look for wrong labels, received "
            f"{', '.join(map(str, counts))}",
            "Nothing was written. Give more faces, or leave out --label-noise.",
        )
    probabilities = _out_of_fold(faces, groups, epochs, say)
    return LabelNoise(
        folds=FOLDS,
        epochs=epochs,
        accuracy=float(np.mean(probabilities.argmax(axis=1) == faces.labels)),
        suspects=suspects(faces.labels, probabilities),
    )


def suspects(labels: Labels, probabilities: NDArray[np.float64]) -> tuple[LabelSuspect, ...]:
    """Labels that confident learning takes for wrong, by cleanlab; the one given the lowest probability first.

    Args:
        labels: `(n,)` labels as given, each of the seven among them.
        probabilities: `(n, 7)` from networks that did not see the image.
    """
    rows = find_label_issues(
        labels=labels.astype(np.int64),
        pred_probs=probabilities,
        return_indices_ranked_by="self_confidence",
        n_jobs=1,  # its processes would be forked from one that runs TensorFlow's threads
    )
    guessed = probabilities.argmax(axis=1)
    return tuple(
        LabelSuspect(
            row=int(row),
            given=int(labels[row]),
            suggested=int(guessed[row]),
            given_probability=float(probabilities[row, labels[row]]),
            suggested_probability=float(probabilities[row, guessed[row]]),
        )
        for row in rows
    )


def folds(labels: Labels, groups: NDArray[np.int64]) -> list[tuple[Indices, Indices]]:
    """Four times rows to train on and rows to judge: each row is judged once, where no row of its group is trained on.

    Args:
        labels: `(n,)` labels; each fold gets about its share of each.
        groups: `(n,)` the group of copies of each row.
    """
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
    return [(np.asarray(seen), np.asarray(unseen)) for seen, unseen in splitter.split(labels, labels, groups)]


def _out_of_fold(
    faces: Faces, groups: NDArray[np.int64], epochs: int, say: Callable[[str], None]
) -> NDArray[np.float64]:
    """`(n, classes)` probabilities, each row from a network that saw neither the image nor a copy of it."""
    images = with_channels(faces.images)
    targets = np.eye(len(faces.classes), dtype=np.float32)[faces.labels]
    result = np.zeros(targets.shape, np.float64)
    for number, (seen, unseen) in enumerate(folds(faces.labels, groups), start=1):
        say(f"Label noise: training {number} of {FOLDS}, {epochs} epochs of {len(seen):,} images.")
        keras.utils.set_random_seed(SEED + number)
        model = build(SMALL_RECIPE, SEED + number, faces.form, to_train=True)
        steps = -(-len(seen) // SMALL_RECIPE.batch_size)
        compile_model(model, SMALL_RECIPE, steps_per_epoch=steps, horizon=epochs)
        rows = Rows(images[seen], targets[seen], batch_size=SMALL_RECIPE.batch_size, seed=SEED + number)
        model.fit(feed(rows), shuffle=False, epochs=epochs, verbose=0)
        forget_start(model, steps * epochs)
        predicted = predict(model, faces.images[unseen], batch_size=512)
        result[unseen] = predicted / predicted.sum(axis=1, keepdims=True)
    return result
