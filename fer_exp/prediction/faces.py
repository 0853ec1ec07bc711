"""Faces in a picture, and the square that is cut out for the model.

In: a picture and where a detector saw a face. Out: `(side, side)` or `(side, side, 3)` uint8, framed as FER2013's faces
are and made small as the training's pictures were.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np

from fer_exp.data.faces import Images
from fer_exp.data.form import Form
from fer_exp.data.sources.images import grey_of, scaled

LEAST_TURN = 10.0  # degrees; four in five of FER2013's faces are turned by less, and turning blurs
MOST_TURN = 60.0  # degrees; eyes further apart in height than that are no pair of eyes
Point = tuple[float, float]  # x, y in pixels


class Face(NamedTuple):
    """Where a face is, in pixels of its picture."""

    left: float
    top: float
    width: float
    height: float
    score: float | None = None  # of the detector, higher is surer; scales differ between detectors
    eyes: tuple[Point, Point] | None = None  # left and right as the picture shows them


class Framing(NamedTuple):
    """How much larger the square for the model is than a detector's box; measured on FER2013, see docs/predict.md."""

    margin: float  # on each side, as a share of the box's size: the root of width x height


WHOLE = Framing(0.0)


def crop(image: Images, face: Face, framing: Framing, form: Form) -> Images:
    """The face as the model takes it; what lies beyond the picture repeats its border.

    A face whose eyes are known is turned until they are level.
    """
    side = max(round(math.sqrt(face.width * face.height) * (1 + 2 * framing.margin)), 1)
    turn = _turn(face)
    x, y = face.left + face.width / 2, face.top + face.height / 2
    if abs(math.degrees(turn)) < LEAST_TURN:
        square = _straight(image, round(x - side / 2), round(y - side / 2), side)
    else:
        cosine, sine = math.cos(turn), math.sin(turn)
        half = (side - 1) / 2
        # From the square's pixels to the picture's.
        back = np.array(
            [[cosine, -sine, x - half * (cosine - sine)], [sine, cosine, y - half * (sine + cosine)]], np.float64
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        square = np.asarray(cv2.warpAffine(image, back, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE))
    return fitted(square, form)


def fitted(square: Images, form: Form) -> Images:
    """A square picture at the model's side and in its colours."""
    if form.channels == 1:
        return scaled(grey_of(square), form.side) if len(square) != form.side else grey_of(square)
    coloured = np.repeat(square[..., np.newaxis], 3, axis=2) if square.ndim == 2 else square
    return scaled(coloured, form.side) if len(square) != form.side else coloured


def whole(image: Images) -> Face:
    """The largest square in the middle, for pictures that are faces already."""
    height, width = image.shape[:2]
    side = min(height, width)
    return Face((width - side) // 2, (height - side) // 2, side, side)


def _turn(face: Face) -> float:
    """Radians by which the line through the eyes falls to the right."""
    if face.eyes is None:
        return 0.0
    (left_x, left_y), (right_x, right_y) = face.eyes
    turn = math.atan2(right_y - left_y, right_x - left_x)
    return turn if abs(math.degrees(turn)) <= MOST_TURN else 0.0


def _straight(image: Images, left: int, top: int, side: int) -> Images:
    """A square of the picture, its border repeated where the square goes beyond it."""
    height, width = image.shape[:2]
    if min(left, top) >= 0 and left + side <= width and top + side <= height:
        return np.ascontiguousarray(image[top : top + side, left : left + side])
    rows, columns = (
        np.clip(np.arange(first, first + side), 0, last - 1) for first, last in ((top, height), (left, width))
    )
    return np.ascontiguousarray(image[rows[:, np.newaxis], columns])
