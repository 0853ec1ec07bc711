"""FER+: ten annotators' votes on each of FER2013's images, and the rules by which they become labels.

In: `fer2013new.csv` (plain or packed) and FER2013 in the competition's order. Out: the rows that a rule keeps, each
with a label and a share for every class. Numbers under different rules cannot be compared, so the rule is named and
what it keeps is told. Votes join images by row alone; whether they are the right ones is told by how often they agree.

Source: Barsoum, Zhang, Canton Ferrer, Zhang 2016, "Training deep networks for facial expression recognition with
crowd-sourced label distribution", and the rules of its published reader.
"""

import csv
import io
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_exp.data.classes import FER2013, Classes
from fer_exp.data.faces import Faces
from fer_exp.data.reading import Reading
from fer_exp.data.sources.archives import csv_streams
from fer_exp.data.sources.names import class_named, shown
from fer_exp.data.sources.vocabulary import in_order
from fer_exp.system.errors import BadData

UNCHANGED = "Nothing was changed."
UNKNOWN = ("unknown", "nf")  # columns that are votes for no class
LEAST_AGREEMENT = 0.5  # of labels with the majority: about 0.67 in the right order, under 0.2 in another
THIRD, HALF, MOST = 0.3, 0.5, 0.75  # shares of the votes that the rules ask for
MOST_CLASSES = 3  # of a distribution

Shares = NDArray[np.float64]  # (n, 10) votes, or of a rule (n, 10) what it leaves of them


def read_votes(path: Path) -> tuple[tuple[str, ...], Shares]:
    """The names of the columns of votes, as they stand, and the votes `(n, columns)`.

    Raises:
        BadData: The file cannot be read, or is not FER+'s.
    """
    try:
        with closing(csv_streams(path, lambda _: True)) as streams:
            stream = next(streams)
            pieces = []
            while piece := stream.read(2**20):
                pieces.append(piece)
        lines = list(csv.reader(io.StringIO(b"".join(pieces).decode())))
        header, rows = [cell.strip().lower() for cell in lines[0]], [line for line in lines[1:] if line]
        columns = [at for at, name in enumerate(header) if class_named(name) or name in UNKNOWN]
        votes = np.array([[float(row[at]) for at in columns] for row in rows], np.float64)
    except (OSError, StopIteration, UnicodeDecodeError, csv.Error, ValueError, IndexError) as error:
        raise BadData(
            f"{path}: expected FER+'s fer2013new.csv, received something else ({error})", UNCHANGED
        ) from error
    if len(columns) != len(FER2013) + 1 + len(UNKNOWN) or not len(votes):
        raise BadData(
            f"{path}: expected FER+'s columns of votes, neutral to contempt, unknown and NF, received "
            f"{shown(','.join(header))}",
            UNCHANGED,
        )
    return tuple(header[at] for at in columns), votes


def majority(votes: Shares) -> Shares:
    """The winner, where it has more than half of what single votes leave."""
    kept = without_single(votes)
    top = kept == kept.max(axis=1, keepdims=True)
    first = top & (np.cumsum(top, axis=1) == 1)
    wins = kept.max(axis=1) > HALF * kept.sum(axis=1)
    return np.where(first & wins[:, None], kept, 0.0)


def argmax(votes: Shares) -> Shares:
    """The first column with most votes."""
    top = votes == votes.max(axis=1, keepdims=True)
    return np.where(top & (np.cumsum(top, axis=1) == 1), votes, 0.0)


def multi_target(votes: Shares) -> Shares:
    """Every column with three tenths of what single votes leave, where they have more than half together."""
    kept = without_single(votes)
    totals = kept.sum(axis=1, keepdims=True)
    some = np.where(kept >= THIRD * totals, kept, 0.0)
    return np.where(some.sum(axis=1, keepdims=True) > HALF * totals, some, 0.0)


def distribution(votes: Shares) -> Shares:
    """The most frequent columns, up to three, until they have three quarters of what single votes leave.

    Columns with equal votes come together. One that is no class ends it; ahead of all others it leaves nothing.
    """
    return np.stack([_distribution(row) for row in without_single(votes)])


def _distribution(left: NDArray[np.float64]) -> NDArray[np.float64]:
    left, total = left.copy(), left.sum()
    taken = np.zeros_like(left)
    classes, is_class = left.size - len(UNKNOWN), True
    count = 0
    while taken.sum() < MOST * total and count < MOST_CLASSES and is_class:
        most = left.max()
        for at in np.flatnonzero(left == most):
            taken[at], left[at] = most, 0.0
            count += 1
            if at >= classes:
                is_class = False
                if taken.sum() > most:
                    taken[at], count = 0.0, count - 1
                break
    return taken if taken.sum() > HALF * total and count <= MOST_CLASSES else np.zeros_like(taken)


def without_single(votes: Shares) -> Shares:
    """Votes without those that stand alone, which are taken for slips."""
    return np.where(votes <= 1.0, 0.0, votes)


RULES: dict[str, Callable[[Shares], Shares]] = {
    "majority": majority,
    "argmax": argmax,
    "multi-target": multi_target,
    "probability": distribution,
    "cross-entropy": distribution,
}


def by_rule(names: tuple[str, ...], votes: Shares, rule: str) -> tuple[Classes, Shares, NDArray[np.bool_]]:
    """The eight classes, a row of shares for each image that adds up to 1, and which images the rule keeps.

    Args:
        names: Of the columns.
        votes: `(n, columns)`.
        rule: One of `RULES`.

    Raises:
        BadData: There is no such rule.
    """
    if rule not in RULES:
        raise BadData(f"--rule: expected one of {', '.join(RULES)}, received {rule!r}", UNCHANGED)
    order = sorted(range(len(names)), key=lambda at: names[at] in UNKNOWN)  # classes first, as they stand
    left = RULES[rule](votes[:, order])
    slugs = [str(class_named(names[at])) for at in order if names[at] not in UNKNOWN]
    winner = left.argmax(axis=1)
    kept = (left.sum(axis=1) > 0) & (winner < len(slugs))
    shares = left[:, : len(slugs)]
    shares = np.divide(shares, shares.sum(axis=1, keepdims=True), out=np.zeros_like(shares), where=kept[:, None])
    classes = Classes(in_order(slugs))
    return classes, shares[:, [slugs.index(name) for name in classes.names]], kept


def with_votes(faces: Faces, path: Path, rule: str) -> Faces:
    """FER2013 with FER+'s labels: the faces that the rule keeps.

    Raises:
        BadData: The votes are of other rows: not as many, or of other faces by how seldom they agree.
    """
    names, votes = read_votes(path)
    if len(faces) != len(votes) or faces.dropped or faces.classes != FER2013:
        raise BadData(
            f"{path}: expected as many votes as {faces.source} has rows, received {len(votes):,} for {len(faces):,}",
            f"{UNCHANGED} FER+ belongs to the competition's fer2013.csv, whole and in its order.",
        )
    agree = agreement(faces, names, votes)
    if agree < LEAST_AGREEMENT:
        raise BadData(
            f"{path}: expected votes on the rows of {faces.source}, of which two thirds agree with FER2013's labels; "
            f"received votes that agree with {100 * agree:.0f} %, as those on other faces do",
            f"{UNCHANGED} FER+ joins the competition's fer2013.csv by row; this file has its rows in another order.",
        )
    classes, shares, kept = by_rule(names, votes, rule)
    parts = np.bincount(faces.usage[kept], minlength=3)
    note = (
        f"FER+ by the rule {rule!r}: {np.count_nonzero(kept):,} of {len(faces):,} faces kept "
        f"({parts[0]:,} / {parts[1]:,} / {parts[2]:,}); {100 * agree:.0f} % of FER2013's labels are the majority's."
    )
    return replace(
        faces,
        images=faces.images[kept],
        labels=shares[kept].argmax(axis=1).astype(np.uint8),
        usage=faces.usage[kept],
        notes=(*faces.notes, note),
        classes=classes,
        votes=shares[kept].astype(np.float32),
    )


def reduced_by(faces: Faces, reading: Reading) -> Faces:
    """Voted faces without the classes that are dropped, and with those merged that are to be; shares add up to 1."""
    if faces.votes is None or not (reading.drop or reading.merge):
        return faces
    aims = [reading.merge.get(name, name) for name in faces.classes.names]
    kept = [name for name in dict.fromkeys(aims) if name not in reading.drop]
    shares = np.stack([faces.votes[:, [aim == name for aim in aims]].sum(axis=1) for name in in_order(kept)], axis=1)
    stays = ~np.isin(faces.labels, [one for one in faces.classes if one.slug in reading.drop])
    shares = shares[stays] / shares[stays].sum(axis=1, keepdims=True)
    counted = [(one.slug, int(np.count_nonzero(faces.labels == one))) for one in faces.classes]
    told = [f"{count:,} faces of {name} were left out, as asked." for name, count in counted if name in reading.drop]
    merges = reading.merge
    told += [
        f"{count:,} faces of {name} count as {merges[name]}, as asked." for name, count in counted if name in merges
    ]
    return replace(
        faces,
        images=faces.images[stays],
        labels=shares.argmax(axis=1).astype(np.uint8),
        usage=faces.usage[stays],
        notes=(*faces.notes, *told),
        classes=Classes(in_order(kept)),
        votes=shares.astype(np.float32),
    )


def agreement(faces: Faces, names: tuple[str, ...], votes: Shares) -> float:
    """How often FER2013's label is the majority of the votes, where there is one that FER2013 knows."""
    classes, shares, kept = by_rule(names, votes, "majority")
    voted = np.array([classes.names[place] for place in shares.argmax(axis=1)])
    labelled = np.array([faces.classes.names[label] for label in faces.labels])
    asked = kept & np.isin(voted, faces.classes.names)
    return float(np.mean(voted[asked] == labelled[asked])) if asked.any() else 0.0
