"""FaceRows: where every data source puts its rows, good and bad, one after another.

In: images with label and usage, or a problem. Out: Faces. What happens to a bad row is decided here alone: it ends the
reading, or, where the user asked to skip bad rows, it is left out and listed. No row is ever mended.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fer_exp.data.classes import FER2013, Classes
from fer_exp.data.faces import BadRow, Faces, Images, Indices, Labels
from fer_exp.data.reading import Reading
from fer_exp.data.sources import numbering
from fer_exp.data.sources.images import Decoder
from fer_exp.data.sources.vocabulary import LEFT_OUT, Vocabulary
from fer_exp.system.errors import BadData

MOST_FACES = 2**20  # 2.4 GB of pixels; FER2013 has 35,887
MOST_BAD = 100_000  # so that a file of nothing but rubbish ends before memory does
UNCHANGED = "Nothing was changed."
NO_USAGE = numbering.NO_USAGE


@dataclass
class FaceRows:
    """Rows of one source, in order."""

    source: str  # as reports show it
    kind: str
    reading: Reading
    notes: list[str] = field(default_factory=list)
    vocabulary: Vocabulary = field(init=False)
    decoder: Decoder = field(init=False)
    licence: str = ""
    grouped_by: str = ""  # what a group is, where all rows have one
    numbered: str | None = None  # the column, where labels are numbers that nothing explains
    _images: list[Images] = field(default_factory=list)  # blocks (m, side, side) or (m, side, side, 3)
    _labels: list[int] = field(default_factory=list)
    _usage: list[int] = field(default_factory=list)
    _groups: list[str | None] = field(default_factory=list)
    _dropped: list[BadRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        """A vocabulary and a decoder of its own."""
        self.vocabulary, self.decoder = Vocabulary(self.reading), Decoder(self.reading)

    def add(
        self, images: Images, labels: list[int], usage: list[int], groups: Sequence[str | None] | None = None
    ) -> None:
        """Adds rows: images of any side, `m` numbers of the vocabulary, `m` usages 0-2, and `m` groups where known.

        Raises:
            BadData: There are more than this package is made for.
        """
        if len(self._labels) + len(labels) > MOST_FACES:
            raise BadData(
                f"{self.source}: expected at most {MOST_FACES:,} faces, received more",
                f"{UNCHANGED} FER2013 has 35,887; look at what the file holds.",
            )
        wanted = (self.reading.side, 3 if self.reading.colour else 1)
        if (images.shape[1], 3 if images.ndim == 4 else 1) != wanted:
            images = np.stack([self.decoder.fitted(image) for image in images])
        self._images.append(images)
        self._labels += labels
        self._usage += usage
        self._groups += [None] * len(labels) if groups is None else groups

    def bad(self, where: str, problem: str) -> None:
        """Drops a row, or ends the reading.

        Raises:
            BadData: Bad rows are not to be skipped, or there are too many.
        """
        if not self.reading.skip_bad_rows:
            raise BadData(
                f"{where}: {problem}",
                f"{UNCHANGED} Mend the row, or leave bad rows out, each of them listed, with --skip-bad-rows.",
            )
        if len(self._dropped) == MOST_BAD:
            raise BadData(
                f"{where}: {problem}; {MOST_BAD:,} rows before it were bad, too",
                f"{UNCHANGED} That is more than can be left out; look at what the file holds.",
            )
        self._dropped.append(BadRow(where, problem))

    def bad_row(self, row: int, problem: str) -> None:
        """Drops row number `row` (from 1, header excluded), or ends the reading."""
        self.bad(f"{self.source} row {row}", problem)

    def _labelled(self) -> tuple[Labels, Classes]:
        """The labels and what they mean; numbers that nothing explains may be FER2013's, by their counts."""
        classes = self.vocabulary.classes(self.source)
        labels = np.array(self.vocabulary.places(classes), np.uint8)[self._labels]
        if self.numbered is None:
            return labels, classes
        order = numbering.order_of(np.bincount(labels, minlength=len(classes)).tolist())
        if order is None:
            raise numbering.ambiguous(self.source, self.numbered)
        way = "its own" if order == numbering.FER2013 else "alphabetical"
        self.notes.append(f"{self.numbered} holds numbers; by their counts they are FER2013's in {way} order.")
        return np.array(order, np.uint8)[labels], FER2013

    def faces(self) -> Faces:
        """All rows.

        Raises:
            BadData: There is no good row.
        """
        if not self._labels:
            received = f"{len(self._dropped)} bad ones" if self._dropped else "none"
            first = f"; the first is {self._dropped[0].where}: {self._dropped[0].problem}" if self._dropped else ""
            raise BadData(
                f"{self.source}: expected rows with faces, received {received}{first}",
                f"{UNCHANGED} Give a source that holds at least one face.",
            )
        labels, classes = self._labelled()
        images, usage = np.concatenate(self._images), np.array(self._usage, np.uint8)
        groups = self._numbered_groups()
        if self.reading.drop:
            kept = labels != LEFT_OUT
            images, labels, usage = images[kept], labels[kept], usage[kept]
            groups = None if groups is None else groups[kept]
        return Faces(
            images=images,
            labels=labels,
            usage=usage,
            source=self.source,
            kind=self.kind,
            notes=(*self.notes, *self.decoder.notes(), *self.vocabulary.notes(np.bincount(self._labels).tolist())),
            dropped=tuple(self._dropped),
            classes=classes,
            groups=groups,
            grouped_by="" if groups is None else self.grouped_by,
            licence=self.reading.licence or self.licence,
        )

    def _numbered_groups(self) -> Indices | None:
        """A number for each group, by first occurrence; None where nothing says which images belong together."""
        if not self.grouped_by or None in self._groups:
            return None
        numbers: dict[str | None, int] = {}
        return np.array([numbers.setdefault(group, len(numbers)) for group in self._groups], np.int64)
