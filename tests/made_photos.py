"""Photographs with a face in the public domain, and files of every kind that hold one.

In: what a photograph is to suffer. Out: arrays and files. The photograph is matplotlib's: Grace Hopper, by the US Navy.
"""

from pathlib import Path
from typing import Any

import cv2
import matplotlib.cbook
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_exp.data.faces import Images
from fer_exp.prediction.faces import Face

FACE = Face(172, 112, 176, 226)  # of the photograph


def photo() -> Images:
    """The photograph, `(600, 512, 3)` red, green, blue."""
    path = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    with Image.open(str(path)) as picture:
        return np.asarray(picture.convert("RGB"), np.uint8)


def save(image: NDArray[np.generic], path: Path, **options: Any) -> Path:
    """Writes a picture with Pillow, as the ending says."""
    Image.fromarray(image).save(path, **options)
    return path


def scene(face_at: tuple[int, int], size: tuple[int, int] = (480, 640), height: int = 300) -> Images:
    """The photograph, `height` pixels high, pasted into a grey frame at (row, column)."""
    small = cv2.resize(photo(), (round(height * 512 / 600), height), interpolation=cv2.INTER_AREA)
    frame = np.full((*size, 3), 90, np.uint8)
    row, column = face_at
    frame[row : row + height, column : column + small.shape[1]] = small
    return frame


def write_video(path: Path, frames: list[Images], rate: float = 25.0, coding: str = "mp4v") -> Path:
    """Writes frames as a video."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*coding), rate, (width, height))
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def grey_faces(count: int, side: int = 48) -> Images:
    """Noise that stands for faces that are cut out already."""
    return np.random.default_rng(3).integers(0, 256, (count, side, side), dtype=np.uint8)
