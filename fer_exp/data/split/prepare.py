"""Prepare: a source and a protocol become a folder that holds training and validation pixels, and no others.

In: a source, a protocol, a seed. Out: a Development, a folder whose arrays trial processes open as memory maps. Files:

    <cache>/<data digest>/<protocol>-<seed>-<limit or all>[-<rule of cleaning>...][-<fold>]/
        {train,validation}-{images,labels,rows}.npy
        {train,validation}-groups.npy                  where the source says whom the images show
        {train,validation}-votes.npy                   where annotators voted
        {train,validation}-clahe.npy                   made when first asked for
        info.json                                      written last: a folder without it is not believed

Search and training receive this folder and nothing else, so they cannot look at test faces: `holdout/sealed.py` does.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_exp.data.cache import SourceEntry, cached_faces, known_source, load_array, save_array
from fer_exp.data.faces import Faces, Images, Indices, Labels, Shares, digest_of
from fer_exp.data.reading import Reading
from fer_exp.data.split.assign import Assignment, assign
from fer_exp.data.split.info import Cleaning, DataInfo, Fold
from fer_exp.data.split.protocol import Protocol
from fer_exp.system.errors import BadData, BadRecord
from fer_exp.system.files import read_file, write_atomically
from fer_exp.system.values import first_line

DROPPED_SHOWN = 100  # dropped rows that a DataInfo lists


@dataclass(frozen=True)
class Split:
    """One part of the data.

    Attributes:
        images: `(n, side, side)` uint8 or `(n, side, side, 3)`, a read-only memory map.
        labels: `(n,)` uint8, places in the data's classes.
        rows: `(n,)` int64, rows of the source; one occurs again where the protocol has oversampled.
        groups: `(n,)` int64, equal where two images show one person, sequence or photo; None where nothing says so.
        votes: `(n, classes)` float32, the share of annotators for each class; None where there is one label alone.
    """

    images: Images
    labels: Labels
    rows: Indices
    groups: Indices | None = None
    votes: Shares | None = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Development:
    """The training and validation parts in their folder. Test faces are not in it and cannot be reached through it."""

    folder: Path
    info: DataInfo

    @classmethod
    def open(cls, folder: Path) -> "Development":
        """The development parts that `prepare` put into `folder`.

        Raises:
            BadRecord: The folder is not one of those.
        """
        return cls(folder, DataInfo.read(folder / "info.json"))

    def train(self, clahe: bool) -> Split:
        """The training part, equalised by CLAHE or as the source has it.

        Raises:
            BadData: A file is missing or damaged.
        """
        return self._part("train", self.info.train_counts, clahe)

    def validation(self, clahe: bool) -> Split:
        """The validation part, equalised by CLAHE or as the source has it.

        Raises:
            BadData: A file is missing or damaged.
        """
        return self._part("validation", self.info.validation_counts, clahe)

    def _part(self, name: str, counts: tuple[int, ...], clahe: bool) -> Split:
        count = sum(counts)
        try:
            labels, rows = (np.array(load_array(self.folder / f"{name}-{column}.npy")) for column in ("labels", "rows"))
            images = self._images(f"{name}-images", count)
            groups = np.array(load_array(self.folder / f"{name}-groups.npy")) if self.info.grouped_by else None
            votes = np.array(load_array(self.folder / f"{name}-votes.npy")) if self.info.voted else None
            if not len(labels) == len(rows) == count == (count if groups is None else len(groups)):
                raise ValueError(f"{len(labels)} labels and {len(rows)} rows for {count} images")
        except (OSError, ValueError, EOFError) as error:
            raise BadData(
                f"{self.folder}: expected the {name} part as it was prepared, received {first_line(error)}",
                "Nothing was changed. Start the command again: it prepares damaged data anew.",
            ) from error
        return Split(self._equalised(f"{name}-clahe", images) if clahe else images, labels, rows, groups, votes)

    def _images(self, name: str, count: int) -> Images:
        images = load_array(self.folder / f"{name}.npy")
        side, _, channels = self.info.form.face
        shape = (count, side, side) if channels == 1 else (count, side, side, channels)
        if images.shape != shape or images.dtype != np.uint8:
            raise ValueError(f"{name}: expected {shape} uint8, received {images.shape} {images.dtype}")
        return images

    def _equalised(self, name: str, images: Images) -> Images:
        try:
            return self._images(name, len(images))
        except (OSError, ValueError, EOFError):  # not made yet, or damaged; two processes at once make the same
            from fer_exp.data.clahe import equalise  # OpenCV, for the first time alone

            save_array(self.folder / f"{name}.npy", equalise(images))
            return self._images(name, len(images))


def prepare(
    source: str,
    *,
    protocol: Protocol,
    seed: int,
    limit: int | None,
    cache: Path,
    reading: Reading = Reading(),
    cleaning: Cleaning = Cleaning(),
    fold: Fold | None = None,
) -> Development:
    """The development parts of `source`, from the cache or made anew.

    Args:
        source: A file, a folder, or "demo".
        protocol: How rows become training, validation and test.
        seed: Of what the protocol draws at random.
        limit: Training images to keep, stratified; None keeps all.
        cache: The folder of prepared data; may be deleted at any time.
        reading: What the source is turned into, and how it is read.
        cleaning: What training leaves out; nothing by default.
        fold: Which fold is the test part, under `subject-kfold`.

    Raises:
        BadData: The source cannot be read as faces, or the protocol does not fit it.
        BadInput: `limit` is below the number of classes, or the protocol is not to be cleaned.
    """
    terms = [protocol.value, str(seed), "all" if limit is None else str(limit), *cleaning.rules]
    terms += [] if fold is None else [str(fold)]
    known = known_source(source, cache, reading)
    if known is not None:
        found = _whole(cache / known.digest / _name(terms, known))
        if found is not None and _is_of(found.info, known):
            return _describe(
                found.folder,
                found.info.model_copy(update={"path": source, "reading": reading, "licence": known.licence}),
            )
    faces, entry = cached_faces(source, cache, reading)
    assignment = assign(faces, protocol, seed, limit, cleaning, fold)
    dropped = tuple(f"{where}: {problem}" for where, problem in entry.dropped)
    info = DataInfo(
        path=source,
        source=entry.source,
        kind=entry.kind,
        data_digest=entry.digest,
        split_digest=split_digest(assignment.train, assignment.validation, protocol),
        protocol=protocol,
        seed=seed,
        fold=fold,
        limit=limit,
        cleaning=cleaning,
        oversampled=assignment.oversampled,
        faces=len(faces),
        train_counts=_counts(faces.labels[assignment.train], len(faces.classes)),
        validation_counts=_counts(faces.labels[assignment.validation], len(faces.classes)),
        test_counts=_counts(faces.labels[assignment.test], len(faces.classes)),
        notes=entry.notes + assignment.notes,
        dropped=dropped[:DROPPED_SHOWN],
        dropped_total=len(dropped),
        class_names=faces.classes.names,
        reading=reading,
        voted=faces.votes is not None,
        licence=faces.licence,
        grouped_by=faces.grouped_by,
        groups=0 if faces.groups is None else len(np.unique(faces.groups)),
    )
    folder = cache / entry.digest / _name(terms, entry)
    found = _whole(folder)  # made from another source with the same faces
    if found is None or found.info.split_digest != info.split_digest:
        _write_parts(folder, faces, assignment)
    return _describe(folder, info)


def _name(terms: list[str], entry: SourceEntry) -> str:
    """The folder of a split; the same faces in other groups are split otherwise."""
    return "-".join([*terms, *([f"groups-{entry.groups_digest}"] if entry.grouped_by else [])])


def split_digest(train: Indices, validation: Indices, protocol: Protocol) -> str:
    """Sixteen hexadecimal digits that change with any development row, their order, or the protocol."""
    return digest_of(train, validation, np.frombuffer(protocol.value.encode(), dtype=np.uint8))


def _whole(folder: Path) -> Development | None:
    """What `folder` holds, where nothing of it is missing, truncated or changed in its rows and labels; else None."""
    try:
        found = Development.open(folder)
        train, validation = found.train(clahe=False), found.validation(clahe=False)
    except (BadRecord, BadData):
        return None
    info = found.info
    same_rows = info.split_digest == split_digest(train.rows, validation.rows, info.protocol)
    counts = tuple(_counts(part.labels, len(info.class_names)) for part in (train, validation))
    same_labels = (info.train_counts, info.validation_counts) == counts
    return found if same_rows and same_labels else None


def _is_of(info: DataInfo, entry: SourceEntry) -> bool:
    return (info.source, info.kind, info.dropped_total) == (entry.source, entry.kind, len(entry.dropped))


def _write_parts(folder: Path, faces: Faces, assignment: Assignment) -> None:
    for name, rows in (("train", assignment.train), ("validation", assignment.validation)):
        (folder / f"{name}-clahe.npy").unlink(missing_ok=True)  # of what is being replaced
        save_array(folder / f"{name}-images.npy", faces.images[rows])
        save_array(folder / f"{name}-labels.npy", faces.labels[rows])
        save_array(folder / f"{name}-rows.npy", rows)
        if faces.groups is not None:
            save_array(folder / f"{name}-groups.npy", faces.groups[rows])
        if faces.votes is not None:
            save_array(folder / f"{name}-votes.npy", faces.votes[rows])


def _describe(folder: Path, info: DataInfo) -> Development:
    path = folder / "info.json"
    content = info.sealed(indent=1).encode()
    try:
        is_level = read_file(path) == content
    except OSError:
        is_level = False
    if not is_level:
        write_atomically(path, content)
    return Development(folder, info)


def _counts(labels: Labels, classes: int) -> tuple[int, ...]:
    return tuple(np.bincount(labels, minlength=classes).tolist())
