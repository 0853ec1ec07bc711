"""FaceRows: where every data source puts its rows, good and bad, one after another.

In: images with label and usage, or a problem. Out: Faces. What happens to a bad row is decided here alone: it ends the
reading, or, where the user asked to skip bad rows, it is left out and listed. No row is ever mended.
"""

from dataclasses import dataclass, field

import numpy as np

from fer_exp.data.emotions import Emotion
from fer_exp.data.faces import BadRow, Faces, Images, Labels
from fer_exp.data.sources.numbering import FER2013, ambiguous, order_of
from fer_exp.system.errors import BadData

MOST_FACES = 2**20  # 2.4 GB of pixels; FER2013 has 35,887
MOST_BAD = 100_000  # so that a file of nothing but rubbish ends before memory does
UNCHANGED = "Nothing was changed."
NO_USAGE = "There is no Usage: every row counts as Training."


@dataclass
class FaceRows:
    """Rows of one source, in order."""

    source: str  # as reports show it
    kind: str
    skip_bad_rows: bool
    notes: list[str] = field(default_factory=list)
    numbered: str | None = None  # the column, where labels are numbers that nothing explains
    _images: list[Images] = field(default_factory=list)  # blocks (m, 48, 48)
    _labels: list[int] = field(default_factory=list)
    _usage: list[int] = field(default_factory=list)
    _dropped: list[BadRow] = field(default_factory=list)

    def add(self, images: Images, labels: list[int], usage: list[int]) -> None:
        """Adds rows: images `(m, 48, 48)`, `m` labels 0-6, `m` usages 0-2.

        Raises:
            BadData: There are more than this package is made for.
        """
        if len(self._labels) + len(labels) > MOST_FACES:
            raise BadData(
                f"{self.source}: expected at most {MOST_FACES:,} faces, received more",
                f"{UNCHANGED} FER2013 has 35,887; look at what the file holds.",
            )
        self._images.append(images)
        self._labels += labels
        self._usage += usage

    def bad(self, where: str, problem: str) -> None:
        """Drops a row, or ends the reading.

        Raises:
            BadData: Bad rows are not to be skipped, or there are too many.
        """
        if not self.skip_bad_rows:
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

    def _labels_as_emotions(self) -> Labels:
        labels = np.array(self._labels, np.uint8)
        if self.numbered is None:
            return labels
        order = order_of(np.bincount(labels, minlength=len(Emotion)).tolist())
        if order is None:
            raise ambiguous(self.source, self.numbered)
        way = "its own" if order == FER2013 else "alphabetical"
        self.notes.append(f"{self.numbered} holds numbers; by their counts they are FER2013's in {way} order.")
        return np.array(order, np.uint8)[labels]

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
        return Faces(
            images=np.concatenate(self._images),
            labels=self._labels_as_emotions(),
            usage=np.array(self._usage, np.uint8),
            source=self.source,
            kind=self.kind,
            notes=tuple(self.notes),
            dropped=tuple(self._dropped),
        )
