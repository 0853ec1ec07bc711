"""Looking: where faces are in each frame, by a detector, by boxes from outside, or taken for granted.

In: frames in order. Out: their faces. In a video a face is looked for around where it was in the frame before, and in
the whole frame every eighth time or where one was lost.
"""

from dataclasses import dataclass, field

from fer_exp.prediction.boxes import Boxes
from fer_exp.prediction.detectors import Detector, faces_in
from fer_exp.prediction.faces import WHOLE, Face, Framing, whole
from fer_exp.prediction.frames import Frame, Unreadable

WHOLE_EVERY = 8  # frames of a video: how late a face that comes into the picture is seen beside one that is followed
AROUND = 1.8  # times the face: the side of the window in which it is looked for again
LEAST_AGAIN = 0.5  # of the face: the smallest that is looked for there
SAME = 0.3  # intersection over union from which two boxes are one face
LARGEST_BOX = 2.0  # times the picture's longer side; a larger box is a mistake


@dataclass
class Detecting:
    """By a detector."""

    detector: Detector
    framing: Framing
    least: int | None = None  # pixels of the smallest face; None: a twentieth of the picture's shorter side
    _followed: list[Face] = field(default_factory=list)
    _file: str = ""

    def faces(self, frame: Frame) -> list[Face]:
        """Of a still picture or of the next frame of a video."""
        if not frame.rate:
            return faces_in(frame.image, self.detector, self.least)
        again = self._again(frame) if frame.file == self._file and frame.number % WHOLE_EVERY else None
        self._file = frame.file
        self._followed = again if again else faces_in(frame.image, self.detector, self.least)
        return self._followed

    def _again(self, frame: Frame) -> list[Face] | None:
        """The faces of the frame before, found again; None where one was not."""
        found: list[Face] = []
        for face in self._followed:
            near = self._near(frame, face)
            if near is None:
                return None
            if all(overlap(near, other) < SAME for other in found):
                found.append(near)
        return found

    def _near(self, frame: Frame, face: Face) -> Face | None:
        height, width = frame.image.shape[:2]
        reach = AROUND * max(face.width, face.height) / 2
        x, y = face.left + face.width / 2, face.top + face.height / 2
        left, top = max(round(x - reach), 0), max(round(y - reach), 0)
        window = frame.image[top : min(round(y + reach), height), left : min(round(x + reach), width)]
        if 0 in window.shape:
            return None
        least = max(round(LEAST_AGAIN * max(face.width, face.height)), self.detector.smallest)
        moved = [_moved(one, left, top) for one in faces_in(window, self.detector, least)]
        best = max(moved, key=lambda one: overlap(one, face), default=None)
        return best if best is not None and overlap(best, face) >= SAME else None


@dataclass
class Outside:
    """By boxes that someone else drew."""

    boxes: Boxes
    framing: Framing = WHOLE

    def faces(self, frame: Frame) -> list[Face]:
        """The boxes of that frame.

        Raises:
            Unreadable: A box lies beside the picture or is much larger than it.
        """
        height, width = frame.image.shape[:2]
        found = self.boxes.of(frame.file, frame.number)
        for face in found:
            beside = (
                face.left >= width or face.top >= height or face.left + face.width <= 0 or face.top + face.height <= 0
            )
            if beside or max(face.width, face.height) > LARGEST_BOX * max(width, height):
                box = ", ".join(f"{value:g}" for value in face[:4])
                raise Unreadable(f"expected boxes within its {width} x {height} pixels, received {box}")
        return found


@dataclass
class Granted:
    """Every picture is one face, cut out already."""

    framing: Framing = WHOLE

    def faces(self, frame: Frame) -> list[Face]:
        """The square in the middle."""
        return [whole(frame.image)]


def overlap(one: Face, other: Face) -> float:
    """Intersection over union of two boxes."""
    across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    along = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    shared = max(across, 0.0) * max(along, 0.0)
    return shared / (one.width * one.height + other.width * other.height - shared)


def _moved(face: Face, left: int, top: int) -> Face:
    eyes = None
    if face.eyes is not None:
        (a, b), (c, d) = face.eyes
        eyes = ((a + left, b + top), (c + left, d + top))
    return face._replace(left=face.left + left, top=face.top + top, eyes=eyes)
