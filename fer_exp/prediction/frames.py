"""Frame: one picture, or one moment of a video or an animation, and the error of what cannot be read.

In: nothing. Out: values that readers make and the run passes on.
"""

from typing import NamedTuple

from fer_exp.data.faces import Images

MOST_PIXELS = 2**26  # of a picture or frame (8192 x 8192); as `fer_exp/__init__.py` tells OpenCV


class Frame(NamedTuple):
    """What is looked at."""

    file: str  # as it was given, or below the folder that was given
    number: int  # from 0; always 0 in a picture that does not move
    seconds: float | None  # since the beginning of a video or an animation; None in a still picture
    image: Images  # (height, width) grey or (height, width, 3) red, green, blue; upright, opaque, uint8
    rate: float = 0.0  # frames a second, of a video


class Unreadable(Exception):
    """A file, or the rest of it, cannot be read; the text says what was expected and what came."""
