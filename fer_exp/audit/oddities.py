"""Oddities: images that show next to nothing, and images in which no face was found.

In: images. Out: findings. A face detector alone would be no use here: OpenCV's cascades miss every fifth face of
FER2013, cut as tight as they are. So the images are first ordered by how badly faces explain them (distance from face
space: Turk and Pentland, "Eigenfaces for recognition", 1991), and only the strangest are shown to the detectors.
"""

from collections.abc import Callable
from functools import cache

import cv2
import cv2.data
import numpy as np
from numpy.typing import NDArray

from fer_exp.audit.findings import FlatImage, NoFace
from fer_exp.data.faces import Images

FLAT_SPREAD = 8.0  # grey levels; in FER2013 the next image above is at 19 and shows a face
SEARCHED_SHARE = 0.01  # of the images; in the next percent of FER2013 nearly all that detectors miss are faces
EIGENFACES = 50  # at most
IMAGES_PER_EIGENFACE = 100  # or more; of fewer images, a strange one would become an eigenface of its own
SMALL = 24  # pixels; the side at which images are compared with faces
MARGIN = 8  # pixels of repeated edge, so that a face as large as the image can be found
CASCADES = ("haarcascade_frontalface_alt2.xml", "haarcascade_frontalface_default.xml", "haarcascade_profileface.xml")
STEP, NEIGHBOURS, LEAST_FACE = 1.1, 1, (24, 24)  # scale step, detections to agree, smallest face in pixels


def flat_images(images: Images, rows: NDArray[np.int64]) -> tuple[FlatImage, ...]:
    """Images of which four pixels in five lie within 8 grey levels; flattest first.

    Args:
        images: `(m, 48, 48)` images.
        rows: `(m,)` what to call them.
    """
    if not len(images):
        return ()
    spreads = np.subtract(*np.percentile(images.reshape(len(images), -1), [90, 10], axis=1))
    order = sorted(np.flatnonzero(spreads <= FLAT_SPREAD), key=lambda number: (spreads[number], rows[number]))
    return tuple(FlatImage(row=int(rows[number]), spread=float(spreads[number])) for number in order)


def without_face(images: Images, rows: NDArray[np.int64]) -> tuple[tuple[NoFace, ...], int]:
    """Candidates for images that show no face, strangest first, and how many images the detectors were shown.

    Args:
        images: `(m, 48, 48)` images, no two of them equal.
        rows: `(m,)` what to call them.
    """
    strange = strangeness(images)
    searched = np.argsort(-strange, kind="stable")[: int(np.ceil(SEARCHED_SHARE * len(images)))]
    found = [number for number in searched if not has_face(images[number])]
    return tuple(NoFace(row=int(rows[n]), strangeness=float(strange[n])) for n in found), len(searched)


def strangeness(images: Images) -> NDArray[np.float64]:
    """`(n,)` shares of each image's contrast that the first eigenfaces of all images, up to 50, leave unexplained."""
    if not len(images):
        return np.zeros(0)
    small = [cv2.resize(image, (SMALL, SMALL), interpolation=cv2.INTER_AREA) for image in images]
    vectors = np.stack(small).reshape(len(images), -1).astype(np.float32)
    vectors -= vectors.mean(axis=1, keepdims=True)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-3)
    vectors -= vectors.mean(axis=0)
    _, axes = np.linalg.eigh(vectors.T @ vectors)  # ascending
    kept = min(EIGENFACES, max(len(images) // IMAGES_PER_EIGENFACE, 1))
    explained = np.square(vectors @ axes[:, -kept:]).sum(axis=1)
    total = np.square(vectors).sum(axis=1)
    return np.asarray(np.maximum(total - explained, 0.0), np.float64)


def has_face(image: Images) -> bool:
    """Whether any of OpenCV's frontal and profile cascades finds a face in the image or its mirror image."""
    framed = np.pad(image, MARGIN, mode="edge")
    frontal, usual, profile = _detectors()
    return frontal(framed) or usual(framed) or profile(framed) or profile(framed[:, ::-1])


@cache
def _detectors() -> tuple[Callable[[Images], bool], ...]:
    def finder(name: str) -> Callable[[Images], bool]:
        cascade = cv2.CascadeClassifier(cv2.data.haarcascades + name)
        return lambda image: (
            len(cascade.detectMultiScale(np.ascontiguousarray(image), STEP, NEIGHBOURS, minSize=LEAST_FACE)) > 0
        )

    return tuple(finder(name) for name in CASCADES)
