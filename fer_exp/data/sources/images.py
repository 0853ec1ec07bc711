"""Encoded images (JPEG, PNG and whatever else OpenCV reads) to faces of one side, grey or in colour.

In: the bytes of an image. Out: `(side, side)` or `(side, side, 3)` uint8, or what is wrong with it. What is converted
is counted, to be told: a square image of another size is scaled, a colour one turned grey, a grey one given three equal
channels. One that is not square, or cut off, is wrong, unless its layout says which part of it is the face.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np

from fer_exp.data.faces import Images
from fer_exp.data.reading import Reading
from fer_exp.data.sources.names import shown

ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".pgm"}  # of the names of image files

# How a file of the kind begins, what its pixels begin with, and what stands behind them. OpenCV fills what is missing
# of a JPEG with grey and says so on stderr alone.
_ENDINGS = (
    (b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9"),
    (b"\x89PNG\r\n\x1a\n", b"IDAT", b"IEND\xaeB`\x82"),
)


@dataclass
class Decoder:
    """Turns encoded images into faces and counts what it converted."""

    reading: Reading = Reading()
    _coloured: int = 0
    _grey: int = 0
    _boxed: int = 0
    _centred: int = 0
    _sizes: Counter[int] = field(default_factory=Counter)

    def face(self, data: bytes, box: "Box | None" = None) -> Images | str:
        """The face in `data`, or what is wrong with it.

        Args:
            data: An encoded image.
            box: Where in it the face is; without one the image has to be square.
        """
        problem = _cut_off(data)
        if problem:
            return problem
        try:
            # Turned as its EXIF orientation says and without transparency, as a viewer would show it.
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
        except cv2.error:  # a size beyond OpenCV's limit of 2^30 pixels, among others
            image = None
        if image is None:
            return f"expected an image, received {len(data)} bytes that cannot be decoded, beginning {shown(data[:12])}"
        if image.dtype != np.uint8:
            return f"expected 8 bits a pixel and channel, received {image.dtype}"
        height, width = image.shape[:2]
        if box is not None:
            part = _square(box, height, width)
            if part is None:
                return f"expected a box within {width}x{height}, received {tuple(box)}"
            image, self._boxed, self._centred = (
                image[part],
                self._boxed + (box != CENTRE),
                self._centred + (box == CENTRE),
            )
        elif height != width:
            return f"expected a square image, received {width}x{height}"
        return self._converted(np.asarray(image, np.uint8))

    def _converted(self, image: Images) -> Images:
        if image.ndim == 3 and self.reading.colour:
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
        elif image.ndim == 3:
            self._coloured += 1
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
        return self.fitted(image)

    def fitted(self, image: Images) -> Images:
        """A square image at the side and in the colours that are wanted."""
        side, wanted = len(image), self.reading.side
        if side != wanted:
            self._sizes[side] += 1
            image = scaled(image, wanted)
        if self.reading.colour and image.ndim == 2:
            self._grey += 1
            image = np.repeat(image[..., np.newaxis], 3, axis=2)
        return image

    def notes(self) -> list[str]:
        """What was converted, a sentence each."""
        wanted = self.reading.side
        notes = [f"{self._boxed:,} faces were cut out by the boxes that the source gives."] if self._boxed else []
        if self._centred:
            notes.append(f"No faces were looked for: the square in the middle of {self._centred:,} images was taken.")
        notes += [f"{self._coloured:,} colour images were turned grey."] if self._coloured else []
        notes += [f"{self._grey:,} grey images were given three equal channels."] if self._grey else []
        for side, count in sorted(self._sizes.items()):
            how = "shrunk by area averaging" if side > wanted else "enlarged by linear interpolation"
            notes.append(f"{count:,} images of {side}x{side} were {how} to {wanted}x{wanted}.")
        return notes


class Box(NamedTuple):
    """Where a face is, in pixels of its image."""

    left: int
    top: int
    right: int  # the first column beyond it
    bottom: int


CENTRE = Box(-1, -1, -1, -1)  # the largest square in the middle


def _square(box: Box, height: int, width: int) -> tuple[slice, slice] | None:
    """The rows and columns of the smallest square around a box that fits into the image; None where it has no area."""
    if box == CENTRE:
        box = Box(0, 0, width, height)
        side = min(height, width)
    else:
        box = Box(max(box.left, 0), max(box.top, 0), min(box.right, width), min(box.bottom, height))
        side = min(max(box.right - box.left, box.bottom - box.top), height, width)
    if box.right <= box.left or box.bottom <= box.top:
        return None
    top = min(max((box.top + box.bottom - side) // 2, 0), height - side)
    left = min(max((box.left + box.right - side) // 2, 0), width - side)
    return slice(top, top + side), slice(left, left + side)


def grey_of(image: Images) -> Images:
    """OpenCV's grey of an image of red, green and blue; a grey one as it is."""
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def scaled(image: Images, side: int) -> Images:
    """A square image at another side: shrunk by area averaging, enlarged by linear interpolation."""
    how = cv2.INTER_AREA if len(image) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (side, side), interpolation=how), np.uint8)


def _cut_off(data: bytes) -> str | None:
    if not data:
        return "expected an image, received no bytes"
    for start, pixels, end in _ENDINGS:
        # Behind a whole image phones and transfers leave bytes, and before it may lie a small one, whole in itself.
        if data.startswith(start) and end not in data[max(data.rfind(pixels), 0) :]:
            return f"expected a whole image, received one cut off after {len(data)} bytes"
    return None
