"""Faces: which ones parity is measured on, and which ones calibrate int8.

In: what is known of a model's data. Out: the campaign's validation faces, from its cache or its source; made ones where
neither is here, which the result then says. int8 is calibrated on training faces or not at all.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_exp.data.faces import Images, Indices, Labels
from fer_exp.data.find import find_recorded
from fer_exp.data.form import Form
from fer_exp.data.split.info import DataInfo
from fer_exp.data.split.prepare import Development, Split, prepare
from fer_exp.system.errors import BadData, BadInput, BadRecord
from fer_exp.system.home import Home

MOST_FACES = 5_000  # that parity is measured on; FER2013's validation part has 3,589
MADE_FACES = 256
CALIBRATING = 512  # training faces
SEED = 1  # of what is drawn


@dataclass(frozen=True)
class CheckFaces:
    """Raw faces that both sides answer."""

    images: Images
    which: str  # "3,589 validation faces of fer2013.parquet"
    labels: Labels | None = None
    groups: Indices | None = None


def development_of(home: Home, info: DataInfo, given: str | None) -> Development | None:
    """The campaign's development part; None where its data are not here.

    Raises:
        BadInput: `given`, what `--data` says, is not there.
        BadData: It holds other data.
    """
    for folder in sorted((home.cache / info.data_digest).glob("*/")) if given is None else []:
        found = _level(folder, info)
        if found is not None:
            return found
    try:
        source = find_recorded(given, info.path)
        found = prepare(
            source,
            protocol=info.protocol,
            seed=info.seed,
            limit=info.limit,
            cache=home.cache,
            reading=info.reading_again,
            cleaning=info.cleaning,
        )
    except (BadInput, OSError):
        if given is not None:
            raise
        return None
    if found.info.split_digest == info.split_digest:
        return found
    if given is None:
        return None
    raise BadData(
        f"{source}: expected the data that the model was trained on (digest {info.data_digest}), received others "
        f"({found.info.data_digest})",
        "Nothing was written. Leave --data out, or give it the same data.",
    )


def _level(folder: Path, info: DataInfo) -> Development | None:
    """What a folder of the cache holds, where it is the same split."""
    try:
        found = Development.open(folder)
        found.validation(clahe=False)
    except (BadRecord, BadData):
        return None
    return found if found.info.split_digest == info.split_digest else None


def check_faces(development: Development | None, form: Form) -> CheckFaces:
    """Validation faces, at most `MOST_FACES`; made ones where there is no development part."""
    if development is None:
        return made_faces(form)
    part = development.validation(clahe=False)
    rows = _some(part, MOST_FACES)
    groups = None if part.groups is None else part.groups[rows]
    which = f"{len(rows):,} validation faces of {development.info.source}"
    return CheckFaces(np.asarray(part.images[rows]), which, part.labels[rows], groups)


def calibration_faces(development: Development | None) -> NDArray[np.float32]:
    """Training faces `(n, side, side, channels)` float32, raw.

    Raises:
        BadInput: The data are not here.
    """
    if development is None:
        raise BadInput(
            "--int8: expected the training faces of the model's campaign to calibrate on, found none here",
            "Nothing was written. Give --data the data that the campaign was run on, or leave --int8 out.",
        )
    part = development.train(clahe=False)
    return as_input(np.asarray(part.images[_some(part, CALIBRATING)]))


def as_input(images: Images) -> NDArray[np.float32]:
    """`(n, side, side, channels)` float32, as every format takes faces."""
    return (images if images.ndim == 4 else images[..., np.newaxis]).astype(np.float32)


def made_faces(form: Form) -> CheckFaces:
    """Drawn faces, noise and flat pictures, for want of real ones."""
    import cv2

    from fer_exp.data.sources.demo import draw_faces

    random = np.random.default_rng(SEED)
    drawn = draw_faces().images[: MADE_FACES // 2]
    scaled = np.stack([cv2.resize(np.asarray(face), (form.side, form.side)) for face in drawn])
    flat = np.stack([np.full((form.side, form.side), level) for level in (0, 255)])
    noise = random.integers(0, 256, (MADE_FACES - len(scaled) - len(flat), form.side, form.side))
    images = np.concatenate([scaled, noise, flat]).astype(np.uint8)
    if form.channels == 3:
        images = np.stack([images, images[:, ::-1], images[:, :, ::-1]], axis=-1)
    return CheckFaces(images, f"{len(images)} made faces, because the campaign's data are not here")


def _some(part: Split, most: int) -> Indices:
    """Rows of a part, in order, drawn where there are more than `most`."""
    if len(part) <= most:
        return np.arange(len(part))
    return np.sort(np.random.default_rng(SEED).choice(len(part), most, replace=False))
