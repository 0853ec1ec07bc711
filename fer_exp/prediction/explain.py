"""What in a face speaks for the answer, and what against it.

In: a face as the model takes it, the model as a function. Out: a map of how much each pixel moves the log-odds of
the label, and a picture of it. The method is RISE (Petsiuk, Das and Saenko 2018): many copies of the face, each with
other parts hidden, and for each pixel the mean answer where it was shown, against the mean answer. It asks the model's
answer alone, so it is true of every model that answers: with CLAHE, views and temperature inside, on every backend, in
every exported form. Log-odds add up where probabilities stick to 0 and 1. What is hidden is blurred, which leaves a
face a face (Fong and Vedaldi 2017); every mask comes with its opposite, so that each pixel is shown exactly as often as
it is hidden.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fer_exp.data.classes import Classes, title_of_class
from fer_exp.data.faces import Images
from fer_exp.prediction.annotate import save_png
from fer_exp.prediction.meaning import SHORT
from fer_exp.prediction.run import Probabilities, Seen

MASKS = 512  # half of them the opposites of the others
CELLS = 8  # along a side of the grid that masks are drawn on
BLUR = 1 / 8  # of the side: the standard deviation of what is hidden
ENLARGED = 288  # pixels of a face in the picture
LEAST_SHARE = 1e-6  # a probability below it is as good as none
STRENGTH = 0.55  # of the colours over the face, at most

Map = NDArray[np.float32]  # (side, side)
Answers = Callable[[Images], Probabilities]


def evidence(face: Images, answers: Answers, label: int, masks: int = MASKS) -> Map:
    """How much showing each pixel raises the log-odds of `label`, `(side, side)`; negative where it lowers them.

    Args:
        face: `(side, side)` or `(side, side, 3)` uint8.
        answers: The model: `(n, classes)` for `(n, *face.shape)`.
        label: The class that is asked about.
        masks: Copies of the face that the model is asked about.
    """
    side = len(face)
    shown = _masks(side, masks)
    hidden = cv2.GaussianBlur(face, (0, 0), BLUR * side).astype(np.float32)
    weights = shown if face.ndim == 2 else shown[..., np.newaxis]
    copies = np.round(hidden + weights * (face - hidden)).astype(np.uint8)
    shares = np.clip(answers(copies)[:, label].astype(np.float64), LEAST_SHARE, 1 - LEAST_SHARE)
    odds = np.log(shares / (1 - shares))
    moved = np.tensordot(odds - odds.mean(), shown - 0.5, axes=1)
    return np.asarray(moved / np.square(shown - 0.5).sum(axis=0), np.float32)


@lru_cache(maxsize=4)
def _masks(side: int, count: int) -> NDArray[np.float32]:
    """`(count, side, side)` from 0, hidden, to 1, shown: random grids, enlarged and shifted; the same in every call."""
    random = np.random.default_rng(0)
    cell = -(-side // CELLS)
    large = (CELLS + 1) * cell
    grids = random.random((count // 2, CELLS + 1, CELLS + 1)) < 0.5
    shifts = random.integers(0, large - side + 1, (count // 2, 2))
    half = np.empty((count // 2, side, side), np.float32)
    for mask, grid, (row, column) in zip(half, grids, shifts, strict=True):
        smooth = cv2.resize(grid.astype(np.float32), (large, large), interpolation=cv2.INTER_LINEAR)
        mask[:] = smooth[row : row + side, column : column + side]
    return np.concatenate([half, 1 - half])


def heat(face: Images, moved: Map) -> Images:
    """The face, enlarged, in grey, with red over what speaks for the label and blue over what speaks against it."""
    size = (ENLARGED, ENLARGED)
    grey = face if face.ndim == 2 else np.asarray(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), np.uint8)
    under = cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC)[..., np.newaxis].astype(np.float32)
    scale = max(float(np.abs(moved).max()), 1e-9)
    over = cv2.resize(moved / scale, size, interpolation=cv2.INTER_CUBIC)[..., np.newaxis].clip(-1, 1)
    colour = np.where(over > 0, (214.0, 39.0, 40.0), (31.0, 119.0, 180.0))
    share = STRENGTH * np.abs(over)
    return np.asarray(np.round(under * (1 - share) + colour * share).clip(0, 255), np.uint8)


def explained(face: Images, answers: Answers, classes: Classes, shares: NDArray[np.float32]) -> Images:
    """A picture of the face as the model takes it, and of what speaks for its label, with a line that says what it is.

    Args:
        face: As the model takes it.
        answers: The model.
        classes: What its answers mean.
        shares: What it answered, `(classes,)`.
    """
    label = int(shares.argmax())
    moved = evidence(face, answers, label)
    plain = heat(face, np.zeros_like(moved))
    sheet = Image.new("RGB", (2 * ENLARGED, ENLARGED + 52), "white")
    sheet.paste(Image.fromarray(plain), (0, 0))
    sheet.paste(Image.fromarray(heat(face, moved)), (ENLARGED, 0))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    told = f"{title_of_class(classes.names[label])} {100 * shares[label]:.0f} %: red speaks for it, blue against it"
    draw.text((6, ENLARGED + 5), told, fill="black", font=font)
    draw.text((6, ENLARGED + 28), SHORT, fill="black", font=font)
    return np.asarray(sheet, np.uint8)


class Explainer:
    """Explains every face that it is given, below a folder."""

    def __init__(self, folder: Path, answers: Answers, classes: Classes) -> None:
        self._folder, self._answers, self._classes = folder, answers, classes

    def add(self, seen: Seen) -> None:
        """A picture for each face: `<file>-face1.png`, or `<file>-0042-face1.png` in a video."""
        moving = seen.frame.seconds is not None or seen.frame.number
        stem = str(Path(seen.source.within).with_suffix("")) + (f"-{seen.frame.number:04d}" if moving else "")
        for number, (face, shares) in enumerate(zip(seen.crops, seen.probabilities, strict=True), start=1):
            picture = explained(face, self._answers, self._classes, shares)
            save_png(picture, self._folder / f"{stem}-face{number}.png")
