"""Protocols: which rows of a source are for training, which for validation, which for test.

In: Faces, a Protocol, a seed. Out: an Assignment, positions into the Faces; pixels are not touched.
Exact copies of an image are one thing here: where fer-exp draws the split itself, a whole group of copies goes to one
side, because a copy in training turns its twin in validation or test into a memory exercise.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fer_exp.data.faces import Faces, Indices, Labels, Usage
from fer_exp.data.split.by_group import groups_of, image_groups, shared_out, siblings
from fer_exp.data.split.cleaning import keep_clean
from fer_exp.data.split.info import Cleaning, Fold
from fer_exp.data.split.protocol import Protocol
from fer_exp.system.errors import BadData, BadInput

CARVED_SHARE = 0.125  # of Training, where a source has no PublicTest; close to FER2013's own 3,589 of 28,709 + 3,589
PART_SHARE = 0.15  # of all faces: the reference's share of validation, and of test
FOLDS = 5  # of `subject-kfold`, where nobody says how many
REFERENCE_SEED = 42  # the notebook's, everywhere in it
REFERENCE_RATIO = 1.5  # the notebook's: target = ratio x median class count


@dataclass(frozen=True)
class Assignment:
    """Which rows are for what.

    Attributes:
        train: `(a,)` positions into the Faces. Under `REFERENCE` a position may occur many times.
        validation: `(b,)` likewise.
        test: `(c,)` positions; empty where the source has no test part.
        oversampled: Training is oversampled already; doing it again would be wrong.
        notes: What a reader of the results has to know about this split, one sentence each.
    """

    train: Indices
    validation: Indices
    test: Indices
    oversampled: bool
    notes: tuple[str, ...] = ()


def assign(
    faces: Faces,
    protocol: Protocol,
    seed: int,
    limit: int | None = None,
    cleaning: Cleaning = Cleaning(),
    fold: Fold | None = None,
) -> Assignment:
    """The rows of `faces` for training, validation and test.

    Args:
        faces: What to split.
        protocol: How.
        seed: Of whatever is drawn at random; `REFERENCE` always uses the notebook's 42.
        limit: Training images to keep, stratified, at least one of each class present; None keeps all.
        cleaning: What training leaves out; nothing by default. A limit counts what is left.
        fold: Under `SUBJECT_KFOLD`, which fold is the test part; the first of five by default.

    Raises:
        BadInput: `limit` is below the number of classes, or `REFERENCE` is to be cleaned.
        BadData: The protocol leaves no training or no validation rows.
    """
    if limit is not None and limit < len(faces.classes):
        raise BadInput(
            f"limit: expected at least {len(faces.classes)} training images, one for each expression, received {limit}",
            "Nothing was started. Give a higher limit, or none.",
        )
    if protocol is Protocol.REFERENCE and cleaning.rules:
        raise BadInput(
            f"protocol 'reference': expected the notebook's procedure as it is, received {cleaning} besides",
            "Nothing was started. Use the protocol 'official' or 'stratified', or clean nothing.",
        )
    match protocol:
        case Protocol.OFFICIAL:
            whole = _official(faces, seed)
        case Protocol.STRATIFIED:
            whole = _stratified(faces, seed)
        case Protocol.GROUPED:
            whole = _grouped(faces, seed)
        case Protocol.SUBJECT_KFOLD:
            whole = _folded(faces, seed, fold or Fold(number=1, of=FOLDS))
        case Protocol.REFERENCE:
            whole, seed = _reference(faces), REFERENCE_SEED
    if cleaning.rules:
        whole = _cleaned(faces, whole, cleaning)
    if not len(whole.train) or not len(whole.validation):
        raise BadData(
            f"{faces.source}: expected faces enough for training and validation under {protocol.value!r}, received "
            f"{len(faces)} that leave {len(whole.train)} for training and {len(whole.validation)} for validation",
            "Nothing was started. Give more faces, or another protocol.",
        )
    train = _limited(whole.train, faces.labels, limit, seed)
    notes = whole.notes + _leaks(faces, whole)
    return Assignment(train, whole.validation, whole.test, whole.oversampled, notes)


def leak_share(faces: Faces, assignment: Assignment) -> float:
    """The share of validation rows whose image is, pixel for pixel, in training too; 0 without validation rows."""
    groups = image_groups(faces.images)
    copied = np.isin(groups[assignment.validation], groups[assignment.train])
    return float(copied.mean()) if len(copied) else 0.0


def _official(faces: Faces, seed: int) -> Assignment:
    parts = [np.flatnonzero(faces.usage == usage) for usage in Usage]
    train, validation, test = parts
    notes: list[str] = []
    if not len(train):
        raise BadData(
            f"{faces.source}: expected rows with Usage Training, received none among {len(faces)}",
            "Nothing was started. Mark training rows in the source, or use the protocol 'stratified'.",
        )
    if not len(validation):
        chosen = _carved(faces, train, seed)
        train, validation = train[~chosen], train[chosen]
        notes.append(
            f"The source has no PublicTest rows: {100 * CARVED_SHARE:.1f} % of Training ({len(validation)} faces) "
            "were set aside for validation."
        )
    if not len(test):
        notes.append("The source has no PrivateTest rows: there is no test part.")
    return Assignment(train, validation, test, oversampled=False, notes=tuple(notes))


def _carved(faces: Faces, train: Indices, seed: int) -> NDArray[np.bool_]:
    """Marks the training rows that become validation, class by class and whole groups only."""
    if faces.groups is None:
        return _draw(faces.labels[train], image_groups(faces.images[train]), CARVED_SHARE, seed)
    groups = groups_of(faces)[train]
    return np.asarray(shared_out(faces.labels[train], groups, (1 - CARVED_SHARE, CARVED_SHARE), seed) == 1)


def _grouped(faces: Faces, seed: int) -> Assignment:
    count = _count_groups(faces, Protocol.GROUPED)
    parts = shared_out(faces.labels, groups_of(faces), (1 - 2 * PART_SHARE, PART_SHARE, PART_SHARE), seed)
    train, validation, test = (np.flatnonzero(parts == part) for part in range(3))
    note = f"{count:,} {faces.grouped_by}s: none of them on two sides."
    return Assignment(train, validation, test, oversampled=False, notes=(note,))


def _folded(faces: Faces, seed: int, fold: Fold) -> Assignment:
    """One fold is for test, the next one for validation: over all folds, each image is once in either."""
    count = _count_groups(faces, Protocol.SUBJECT_KFOLD)
    if count < fold.of:
        raise BadData(
            f"{faces.source}: expected a {faces.grouped_by} or more for each of {fold.of} folds, received {count}",
            "Nothing was started. Give fewer --folds.",
        )
    parts = shared_out(faces.labels, groups_of(faces), (1 / fold.of,) * fold.of, seed)
    in_test, in_validation = parts == fold.number - 1, parts == fold.number % fold.of
    train, validation, test = (np.flatnonzero(rows) for rows in (~in_test & ~in_validation, in_validation, in_test))
    note = (
        f"{count:,} {faces.grouped_by}s in {fold.of} folds: none of them in two. Fold {fold.number} is the test part."
    )
    return Assignment(train, validation, test, oversampled=False, notes=(note,))


def _count_groups(faces: Faces, protocol: Protocol) -> int:
    if faces.groups is None:
        raise BadData(
            f"{faces.source}: expected groups of images for the protocol {protocol.value!r}, received none: neither "
            "names of files nor the layout say whom they show",
            "Nothing was started. Give --groups FILE, a CSV of image and group, or use the protocol 'stratified'.",
        )
    return len(np.unique(faces.groups))


def _leaks(faces: Faces, whole: Assignment) -> tuple[str, ...]:
    """A sentence for each part whose images show what training shows too, where the source says whom they show."""
    if faces.groups is None:
        return ()
    notes = []
    for name, rows in (("validation", whole.validation), ("test", whole.test)):
        known = siblings(faces.groups, rows, whole.train)
        if known:
            notes.append(
                f"{known:,} of {len(rows):,} {name} images ({100 * known / len(rows):.0f} %) show a {faces.grouped_by} "
                "that training shows too, so scores on them are too high. The protocol 'grouped' keeps them apart."
            )
    return tuple(notes)


def _cleaned(faces: Faces, whole: Assignment, cleaning: Cleaning) -> Assignment:
    held_out = np.concatenate([whole.validation, whole.test])
    train, notes = keep_clean(faces, image_groups(faces.images), whole.train, held_out, cleaning)
    return replace(whole, train=train, notes=whole.notes + notes)


def _stratified(faces: Faces, seed: int) -> Assignment:
    rows = np.arange(len(faces))
    groups = image_groups(faces.images)
    in_test = _draw(faces.labels, groups, PART_SHARE, seed)
    rest, test = rows[~in_test], rows[in_test]
    # A second stream of the same seed: with the first one again, equal shares of equal classes would fall alike.
    in_validation = _draw(faces.labels[rest], groups[rest], PART_SHARE / (1 - PART_SHARE), [seed, 1])
    return Assignment(rest[~in_validation], rest[in_validation], test, oversampled=False)


def _draw(labels: Labels, groups: NDArray[np.int64], share: float, seed: int | list[int]) -> NDArray[np.bool_]:
    """Marks about `share` of the rows, class by class and whole groups of copies only.

    A group counts for the class of its first row (FER2013 labels some copies differently). Of a class with two groups
    or more at least one is marked and one is not, so that no part misses a rare expression. Drawn here because
    scikit-learn's stratified splits know no groups, and its StratifiedGroupKFold makes equal folds only.
    """
    unique, first = np.unique(groups, return_index=True)
    generator = np.random.default_rng(seed)
    marked: list[NDArray[np.int64]] = []
    for label in range(int(labels.max(initial=0)) + 1):
        members = generator.permutation(unique[labels[first] == label])
        count = min(max(round(share * len(members)), 1), len(members) - 1) if len(members) > 1 else 0
        marked.append(members[:count])
    return np.isin(groups, np.concatenate(marked))


def _reference(faces: Faces) -> Assignment:
    """The notebook's `prepare_datasets`, step by step, on positions instead of pixels."""
    # Here because scikit-learn costs a second to import, and only this protocol splits with it.
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(faces))
    try:
        rest, test = train_test_split(rows, test_size=PART_SHARE, stratify=faces.labels, random_state=REFERENCE_SEED)
        balanced = _reference_oversampled(rest, faces.labels[rest])
        train, validation = train_test_split(
            balanced,
            test_size=PART_SHARE / (1 - PART_SHARE),
            stratify=faces.labels[balanced],
            random_state=REFERENCE_SEED,
        )
    except ValueError as error:  # scikit-learn's way to say that a class is too small
        raise BadData(
            f"{faces.source}: expected enough faces of each expression for the protocol 'reference', received too few "
            f"({error})",
            "Nothing was started. Give more faces, or use the protocol 'stratified'.",
        ) from error
    note = (
        "Validation holds copies of training images: this protocol oversamples before it splits, as the notebook does."
    )
    return Assignment(train, validation, test, oversampled=True, notes=(note,))


def _reference_oversampled(rows: Indices, labels: Labels) -> Indices:
    """`rows`, then the copies that the notebook adds, class by class; `np.random.seed(42)` is its generator."""
    generator = np.random.RandomState(REFERENCE_SEED)
    counts = np.bincount(labels)
    target = np.median(counts[counts > 0]) * REFERENCE_RATIO
    parts = [rows]
    for label in np.flatnonzero((counts > 0) & (counts < target)):
        missing = int(target - counts[label])
        if missing:
            parts.append(rows[labels == label][generator.choice(counts[label], missing, replace=True)])
    return np.concatenate(parts)


def _limited(train: Indices, labels: Labels, limit: int | None, seed: int) -> Indices:
    """`limit` of the training rows, in the order they had, every class present in proportion and at least once."""
    if limit is None or limit >= len(train):
        return train
    of_row = labels[train]
    counts = np.bincount(of_row)
    quota = _shares(counts, limit)
    generator = np.random.default_rng([seed, 2])
    kept = [generator.permutation(np.flatnonzero(of_row == label))[: quota[label]] for label in range(len(counts))]
    chosen: Indices = train[np.sort(np.concatenate(kept))]
    return chosen


def _shares(counts: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """`(classes,)` numbers adding up to `total`, in proportion to `counts` by largest remainder, 1 or more each."""
    exact = counts * (total / counts.sum())
    shares: NDArray[np.int64] = np.maximum(np.floor(exact).astype(np.int64), counts > 0)
    while shares.sum() < total:
        shares[np.argmax(np.where(shares < counts, exact - shares, -np.inf))] += 1
    while shares.sum() > total:  # the ones lifted to 1 are paid for by the class that is furthest above its share
        shares[np.argmax(np.where(shares > 1, shares - exact, -np.inf))] -= 1
    return shares
