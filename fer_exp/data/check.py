"""What is in a data source, and what is wrong with it that training would not notice.

In: Faces. Out: a DataCheck (counts, copies, conflicting labels, blank images, test images known from training), and its
text. Copies are exact: the same 2,304 pixels. FER2013 has near-copies too; finding those is judgement, not counting.
"""

import numpy as np
from numpy.typing import NDArray

from fer_exp.data.classes import FER2013, Classes
from fer_exp.data.faces import Faces, Usage
from fer_exp.data.split.assign import Assignment, assign
from fer_exp.data.split.by_group import image_groups, siblings
from fer_exp.data.split.protocol import Protocol
from fer_exp.system.errors import BadData
from fer_exp.system.values import Value

_LISTED = 20  # dropped rows that the text names


class DataCheck(Value):
    """The state of a data source."""

    source: str
    kind: str
    digest: str
    faces: int
    counts: tuple[tuple[int, int, int], ...]  # classes x three usages, both in label order
    copies: int  # images beyond the first of each group of equal images
    copy_groups: int  # groups of two and more equal images
    conflicts: int  # of these, groups with more than one label
    blank: int  # images of a single grey level
    public_test_in_training: int  # PublicTest images that Training holds too
    private_test_in_training: int  # PrivateTest images that Training holds too
    private_test_in_public_test: int
    dropped: tuple[str, ...] = ()  # "file row n: problem"
    notes: tuple[str, ...] = ()
    class_names: tuple[str, ...] = FER2013.names  # in label order
    side: int = 48  # pixels
    colour: bool = False
    licence: str = ""
    grouped_by: str = ""  # what a group is: "subject", "photo"; empty where the source knows none
    groups: int = 0
    split: tuple[int, int, int] | None = None  # training, validation, test under 'official'; None where it cannot be
    split_notes: tuple[str, ...] = ()
    random_siblings: int = 0  # test images whose group training holds too, were the split drawn at random
    random_test: int = 0


def check(faces: Faces) -> DataCheck:
    """Counts what `faces` holds. A fifth of a second for FER2013."""
    groups = image_groups(faces.images)
    sizes = np.bincount(groups)
    labels_seen = np.zeros((len(sizes), len(faces.classes)), np.bool_)
    labels_seen[groups, faces.labels] = True
    counts = np.zeros((len(faces.classes), len(Usage)), np.int64)
    np.add.at(counts, (faces.labels, faces.usage), 1)
    flat = faces.images.reshape(len(faces), -1)
    split = _split(faces, Protocol.OFFICIAL)
    drawn = None if faces.groups is None else _split(faces, Protocol.STRATIFIED)
    known = 0 if drawn is None or faces.groups is None else siblings(faces.groups, drawn.test, drawn.train)
    return DataCheck(
        source=faces.source,
        kind=faces.kind,
        digest=faces.digest,
        faces=len(faces),
        counts=tuple((int(row[0]), int(row[1]), int(row[2])) for row in counts),
        copies=len(faces) - len(sizes),
        copy_groups=int(np.count_nonzero(sizes > 1)),
        conflicts=int(np.count_nonzero(labels_seen.sum(axis=1) > 1)),
        blank=int(np.count_nonzero(flat.min(axis=1, initial=255) == flat.max(axis=1, initial=0))),
        public_test_in_training=_held(groups, faces.usage, Usage.PUBLIC_TEST, Usage.TRAINING),
        private_test_in_training=_held(groups, faces.usage, Usage.PRIVATE_TEST, Usage.TRAINING),
        private_test_in_public_test=_held(groups, faces.usage, Usage.PRIVATE_TEST, Usage.PUBLIC_TEST),
        dropped=tuple(f"{row.where}: {row.problem}" for row in faces.dropped),
        notes=faces.notes,
        class_names=faces.classes.names,
        side=faces.form.side,
        colour=faces.form.channels == 3,
        licence=faces.licence,
        grouped_by=faces.grouped_by,
        groups=0 if faces.groups is None else len(np.unique(faces.groups)),
        split=None if split is None else (len(split.train), len(split.validation), len(split.test)),
        split_notes=() if split is None else split.notes,
        random_siblings=known,
        random_test=0 if drawn is None else len(drawn.test),
    )


def _split(faces: Faces, protocol: Protocol) -> Assignment | None:
    """The split under a protocol; None where there are too few faces for one."""
    try:
        return assign(faces, protocol, seed=1)
    except BadData:
        return None


def _held(groups: NDArray[np.int64], usage: NDArray[np.uint8], of: Usage, by: Usage) -> int:
    """How many images of one usage have an equal one in another."""
    return int(np.count_nonzero(np.isin(groups[usage == of], groups[usage == by])))


def describe(found: DataCheck) -> str:
    """The check as plain text, for a console of 80 columns."""
    return "\n".join(
        [
            f"{found.source}: {found.faces:,} faces ({found.kind}), digest {found.digest}",
            _form(found),
            *([f"Licence: {found.licence}"] if found.licence else []),
            "",
            *_table(found.counts, Classes(found.class_names).titles),
            "",
            *_defects(found),
            "",
            *_splits(found),
            *(f"Note: {note}" for note in found.notes),
            *_dropped(found.dropped),
        ]
    )


def _form(found: DataCheck) -> str:
    colour = "in colour" if found.colour else "grey"
    groups = f"{found.groups:,} {found.grouped_by}s" if found.groups else "nothing says whom the images show"
    return f"{len(found.class_names)} classes, {found.side}x{found.side} pixels {colour}, {groups}"


def _splits(found: DataCheck) -> list[str]:
    """What a search would train on, and what a split at random would be worth."""
    if found.split is None:
        lines = ["Split: none can be made of these faces."]
    else:
        train, validation, test = found.split
        lines = [f"Split under 'official': {train:,} to train, {validation:,} to validate, {test:,} to test."]
    lines += [f"  {note}" for note in found.split_notes]
    if found.random_siblings:
        share = 100 * found.random_siblings / found.random_test
        lines.append(
            f"A split at random would test on {found.random_siblings:,} of {found.random_test:,} images "
            f"({share:.0f} %) of a {found.grouped_by} that training shows too: use --protocol grouped."
        )
    return lines


def _table(counts: tuple[tuple[int, int, int], ...], titles: tuple[str, ...]) -> list[str]:
    heads = [*(usage.title for usage in Usage), "all"]
    rows = [[*row, sum(row)] for row in counts]
    total = [sum(column) for column in zip(*rows, strict=True)]
    width = max(10, *(len(title) + 1 for title in titles))
    lines = [f"{'':{width}}" + "".join(f"{head:>14}" for head in heads)]
    for title, row in zip((*titles, "all"), (*rows, total), strict=True):
        lines.append(f"{title:{width}}" + "".join(f"{count:14,}" for count in row))
    return lines


def _defects(found: DataCheck) -> list[str]:
    lines = {
        "copies of other images (same pixels)": f"{found.copies:,} in {found.copy_groups:,} groups",
        "groups of copies with conflicting labels": f"{found.conflicts:,}",
        "PublicTest images that Training holds too": f"{found.public_test_in_training:,}",
        "PrivateTest images that Training holds too": f"{found.private_test_in_training:,}",
        "PrivateTest images that PublicTest holds too": f"{found.private_test_in_public_test:,}",
        "blank images (a single grey level)": f"{found.blank:,}",
        "rows dropped": f"{len(found.dropped):,}",
    }
    return [f"{name:46}{value}" for name, value in lines.items()]


def _dropped(dropped: tuple[str, ...]) -> list[str]:
    more = len(dropped) - _LISTED
    return [*(f"Dropped: {row}" for row in dropped[:_LISTED]), *([f"... and {more:,} more"] if more > 0 else [])]
