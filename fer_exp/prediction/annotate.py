"""Annotated pictures: boxes, labels and probabilities drawn in, and a line that says what they are.

In: frames as they were seen. Out: files below a folder, laid out as the inputs were: a picture as PNG (one for each
frame of an animation), a video as MP4 with the frames that could be read.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fer_exp.data.classes import Classes, title_of_class
from fer_exp.data.faces import Images
from fer_exp.prediction.faces import Face
from fer_exp.prediction.meaning import SHORT
from fer_exp.prediction.run import Probabilities, Seen
from fer_exp.system.errors import BadInput
from fer_exp.system.files import replacing

LINE = (255, 176, 0)  # amber: told from skin, and apart from other colours by people who see few
INK, PAPER = (255, 255, 255), (20, 20, 20)
LEAST_TEXT, TEXT_SHARE, FOOT_SHARE = 11, 1 / 28, 1 / 34  # pixels; of the picture's shorter side
SHOWN = 3  # classes of a face, likeliest first


class Annotator:
    """Draws into what it is given and writes it below a folder; a video is written as its frames come."""

    def __init__(self, folder: Path, classes: Classes) -> None:
        self._folder = folder
        self._classes = classes
        self._names: dict[str, Path] = {}  # of the frames' files, to what is written
        self._video: _Video | None = None
        self.written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_video(error)

    def add(self, seen: Seen) -> None:
        """Draws a frame and writes it."""
        drawn = annotated(seen.frame.image, seen.faces, seen.probabilities, self._classes)
        if seen.frame.rate:
            self._add_to_video(seen, drawn)
            return
        self._end_video()
        target = self._target(seen, ".png")
        if seen.frame.number:
            target = target.with_name(f"{target.stem}-{seen.frame.number:04d}.png")
        save_png(drawn, target)
        self.written += 1

    def _add_to_video(self, seen: Seen, drawn: Images) -> None:
        if self._video is None or self._video.file != seen.frame.file:
            self._end_video()
            self._video = _Video(seen.frame.file, self._target(seen, ".mp4"), seen.frame.rate, drawn.shape)
            self.written += 1
        self._video.add(drawn)

    def _end_video(self, error: BaseException | None = None) -> None:
        if self._video is not None:
            video, self._video = self._video, None
            video.close(error)

    def _target(self, seen: Seen, ending: str) -> Path:
        """Below the folder, as the input lay below what was given; two inputs of one name get two files."""
        if seen.frame.file not in self._names:
            require_apart(self._folder, [seen.frame.file])
            path = (self._folder / seen.source.within).with_suffix(ending)
            taken = set(self._names.values())
            number = 1
            while path in taken:
                number += 1
                path = (self._folder / f"{Path(seen.source.within).with_suffix('')}-{number}").with_suffix(ending)
            self._names[seen.frame.file] = path
        return self._names[seen.frame.file]


class _Video:
    def __init__(self, file: str, target: Path, rate: float, shape: tuple[int, ...]) -> None:
        self.file = file
        self._size = shape[1] // 2 * 2, shape[0] // 2 * 2  # the coding wants even lengths
        self._replacing = replacing(target)
        coding = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(str(self._replacing.__enter__()), coding, rate, self._size)

    def add(self, drawn: Images) -> None:
        self._writer.write(cv2.cvtColor(drawn[: self._size[1], : self._size[0]], cv2.COLOR_RGB2BGR))

    def close(self, error: BaseException | None) -> None:
        """Puts it under its name; where the user stopped it too, as its frames are whole, and at no other error."""
        self._writer.release()
        if error is None or isinstance(error, KeyboardInterrupt):
            self._replacing.__exit__(None, None, None)
            return
        with suppress(type(error)):
            self._replacing.__exit__(type(error), error, error.__traceback__)


def require_apart(folder: Path, inputs: Iterable[str]) -> None:
    """Raises BadInput where what is drawn would lie among the inputs, and could take an original's place.

    Args:
        folder: Where it is to be written.
        inputs: Files and folders that are looked at.
    """
    written = folder.resolve()
    for one in inputs:
        given = Path(one).resolve()
        if written == given.parent or written.is_relative_to(given):
            raise BadInput(
                f"expected a folder apart from the pictures, received {folder}, which holds them or lies in them",
                "Nothing was written over. Name another folder, such as seen.",
            )


def annotated(image: Images, faces: list[Face], probabilities: Probabilities, classes: Classes) -> Images:
    """The picture `(h, w, 3)` with each face's box, and its likeliest classes with their probabilities beside it."""
    picture = Image.fromarray(image).convert("RGB")
    draw = ImageDraw.Draw(picture, "RGBA")
    shorter = min(picture.size)
    font = ImageFont.load_default(max(shorter * TEXT_SHARE, LEAST_TEXT))
    width = max(round(shorter / 250), 2)
    for face in faces:
        box = (face.left, face.top, face.left + face.width, face.top + face.height)
        draw.rectangle(box, outline=LINE, width=width)
    for face, shares in zip(faces, probabilities, strict=True):  # text above all boxes
        best = np.argsort(-shares, kind="stable")[:SHOWN]
        lines = "\n".join(f"{title_of_class(classes.names[place])} {100 * shares[place]:.0f} %" for place in best)
        _text(draw, (face.left, face.top + face.height + width), lines, font, picture.size)
    foot = ImageFont.load_default(max(shorter * FOOT_SHARE, LEAST_TEXT - 2))
    _text(draw, (0, picture.height), SHORT, foot, picture.size)
    return np.asarray(picture, np.uint8)


def _text(
    draw: ImageDraw.ImageDraw,
    corner: tuple[float, float],
    text: str,
    font: "ImageFont.FreeTypeFont | ImageFont.ImageFont",
    size: tuple[int, int],
) -> None:
    """Text on a dark ground, moved as far as it has to be to lie within the picture."""
    _, _, right, bottom = draw.multiline_textbbox((0, 0), text, font=font)
    x = max(min(corner[0], size[0] - right - 4), 0)
    y = max(min(corner[1], size[1] - bottom - 4), 0)
    draw.rectangle((x, y, x + right + 4, y + bottom + 4), fill=(*PAPER, 200))
    draw.multiline_text((x + 2, y + 1), text, fill=INK, font=font)


def save_png(image: Images, target: Path) -> None:
    """Writes a picture, whole or not at all."""
    with replacing(target) as temporary:
        Image.fromarray(image).save(temporary)
