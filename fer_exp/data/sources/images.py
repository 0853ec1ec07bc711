"""Encoded images (JPEG, PNG and whatever else OpenCV reads) to grey faces of 48x48.

In: the bytes of an image. Out: `(48, 48)` uint8, or what is wrong with it. What is converted is counted, to be told:
a square image of another size is scaled, a colour one turned grey. One that is not square, or cut off, is wrong.
"""

from collections import Counter
from dataclasses import dataclass, field

import cv2
import numpy as np

from fer_exp.data.faces import SIDE, Images
from fer_exp.data.sources.names import shown

# How a file of the kind begins, what its pixels begin with, and what stands behind them. OpenCV fills what is missing
# of a JPEG with grey and says so on stderr alone.
_ENDINGS = (
    (b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9"),
    (b"\x89PNG\r\n\x1a\n", b"IDAT", b"IEND\xaeB`\x82"),
)


@dataclass
class Decoder:
    """Turns encoded images into faces and counts what it converted."""

    _coloured: int = 0
    _sizes: Counter[int] = field(default_factory=Counter)

    def face(self, data: bytes) -> Images | str:
        """The face `(48, 48)` in `data`, or what is wrong with it."""
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
        if height != width:
            return f"expected a square image, received {width}x{height}"
        return self._converted(np.asarray(image, np.uint8))

    def _converted(self, image: Images) -> Images:
        if image.ndim == 3:
            self._coloured += 1
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
        side = len(image)
        if side != SIDE:
            self._sizes[side] += 1
            how = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
            image = np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=how), np.uint8)
        return image

    def notes(self) -> list[str]:
        """What was converted, a sentence each."""
        notes = [f"{self._coloured:,} colour images were turned grey."] if self._coloured else []
        for side, count in sorted(self._sizes.items()):
            how = "shrunk by area averaging" if side > SIDE else "enlarged by linear interpolation"
            notes.append(f"{count:,} images of {side}x{side} were {how} to {SIDE}x{SIDE}.")
        return notes


def _cut_off(data: bytes) -> str | None:
    if not data:
        return "expected an image, received no bytes"
    for start, pixels, end in _ENDINGS:
        # Behind a whole image phones and transfers leave bytes, and before it may lie a small one, whole in itself.
        if data.startswith(start) and end not in data[max(data.rfind(pixels), 0) :]:
            return f"expected a whole image, received one cut off after {len(data)} bytes"
    return None
