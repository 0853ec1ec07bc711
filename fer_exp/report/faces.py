"""Faces of validation for a report: from the prepared data in the cache, and as pictures inside a page.

In: a campaign and the rows that predictions are about. Out: their faces, or None where the cache was emptied. The
prepared folder holds no test faces, so none can come into a page from here.
"""

import base64
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_exp.campaign import CampaignSpec
from fer_exp.data.faces import Images
from fer_exp.data.split.prepare import Development
from fer_exp.records import Predictions
from fer_exp.system.errors import FerExpError
from fer_exp.system.home import Home


@dataclass(frozen=True)
class Validation:
    """The faces of validation, in the order of the source's rows."""

    images: Images  # (n, side, side) or (n, side, side, 3)
    copied: NDArray[np.bool_]  # (n,) whether training holds the same image, pixel for pixel

    @property
    def grey(self) -> NDArray[np.float64]:
        """Mean grey level of each face, 0 to 255."""
        return np.asarray(self._flat.mean(axis=1), np.float64)

    @property
    def contrast(self) -> NDArray[np.float64]:
        """Standard deviation of each face's grey levels."""
        return np.asarray(self._flat.std(axis=1), np.float64)

    @property
    def blank(self) -> NDArray[np.bool_]:
        """Whether a face is a single grey level."""
        return np.asarray(np.ptp(self._flat, axis=1) == 0)

    @property
    def _flat(self) -> NDArray[np.uint8]:
        return np.asarray(self.images).reshape(len(self.images), -1)


def find_validation(home: Home, spec: CampaignSpec, predictions: Sequence[Predictions]) -> Validation | None:
    """The faces that `predictions` are about; None where the cache does not hold exactly those."""
    if not predictions:
        return None
    wanted = predictions[0]
    for folder in sorted((home.cache / spec.data.data_digest).glob("*/info.json")):
        try:
            development = Development.open(folder.parent)
            if development.info.split_digest != spec.data.split_digest:
                continue
            part = development.validation(clahe=False)
            order = np.argsort(part.rows, kind="stable")
            same = np.array_equal(part.rows[order], wanted.rows) and np.array_equal(part.labels[order], wanted.labels)
            if same:
                images = np.asarray(part.images)[order]
                return Validation(images, _copied(images, np.asarray(development.train(clahe=False).images)))
        except (FerExpError, OSError):
            continue
    return None


def _copied(images: Images, training: Images) -> NDArray[np.bool_]:
    known = {_mark(image) for image in training}
    return np.array([_mark(image) in known for image in images], np.bool_)


def _mark(image: Images) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def picture(image: Images) -> str:
    """A face as a data: address."""
    target = io.BytesIO()
    Image.fromarray(image).save(target, "PNG", optimize=True)
    return data_address(target.getvalue())


def data_address(png: bytes) -> str:
    """A PNG as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
