"""A set of hard faces: public-domain photographs that packages ship, turned, darkened, shrunk, covered and blurred.

In: nothing but those photographs: matplotlib's (Grace Hopper, US Navy) and, where scikit-image is installed, its own
(Eileen Collins, NASA). Out: pictures, and where their faces are.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import matplotlib.cbook
import numpy as np
import PIL.Image
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (height, width, 3) red, green, blue
Point = tuple[float, float]


@dataclass(frozen=True)
class Case:
    """A picture and its faces: the middle and the size, the root of width x height, of each."""

    kind: str
    image: Image
    faces: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Photo:
    """A photograph with one face."""

    image: Image
    middle: Point
    size: float


def photos() -> list[Photo]:
    """Those that are installed."""
    hopper = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    found = [Photo(_read(Path(str(hopper))), (260, 222), 200)]
    spec = find_spec("skimage")
    if spec is not None and spec.origin is not None:
        found.append(Photo(_read(Path(spec.origin).parent / "data" / "astronaut.png"), (223, 115), 102))
    return found


def _read(path: Path) -> Image:
    with PIL.Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), np.uint8)


KINDS = (
    *(f"turned {angle}" for angle in (15, 30, 45, 60, 90)),
    *(f"{pixels} pixels" for pixels in (32, 24, 16)),
    *("dark", "bright", "little contrast", "noise", "blurred"),
    *("glasses", "mask", "half covered", "narrowed as in profile"),
)


def cases(tiny: bool = False) -> Iterator[Case]:
    """Every photograph in every kind, at three sizes and mirrored; then sheets of many."""
    for photo in photos():
        for size in (100,) if tiny else (60, 100, 180):
            for mirrored in (False, True):
                placed = _placed(photo, size, mirrored)
                yield Case("as it is", placed.image, (_face(placed),))
                yield from (_changed(placed, kind) for kind in KINDS)
    yield from sheets(1 if tiny else 4)


def sheets(count: int) -> Iterator[Case]:
    """1280 x 960 pixels with 24 heads of 30 to 90 pixels, each turned by up to 20 degrees."""
    random = np.random.default_rng(1)
    there = photos()
    for _ in range(count):
        sheet = random.normal(120, 12, (960, 1280, 3)).clip(0, 255).astype(np.uint8)
        faces = []
        for place in range(24):
            size = float(random.uniform(30, 90))
            photo = _turned(_placed(there[place % len(there)], size, bool(random.integers(2))), random.uniform(-20, 20))
            side = round(1.7 * size)  # the head with its hair
            left, top = (round(value - side / 2) for value in photo.middle)
            head = photo.image[max(top, 0) : top + side, max(left, 0) : left + side]
            x, y = (place % 6) * 210 + 20, (place // 6) * 235 + 20
            sheet[y : y + head.shape[0], x : x + head.shape[1]] = head
            faces.append((x + photo.middle[0] - max(left, 0), y + photo.middle[1] - max(top, 0), size))
        yield Case("sheets of 24", sheet, tuple(faces))


def _face(photo: Photo) -> tuple[float, float, float]:
    return (*photo.middle, photo.size)


def _placed(photo: Photo, size: float, mirrored: bool) -> Photo:
    """The photograph at the scale at which its face has `size` pixels."""
    scale = size / photo.size
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    image = cv2.resize(photo.image, None, fx=scale, fy=scale, interpolation=how)
    x, y = (value * scale for value in photo.middle)
    if mirrored:
        image, x = np.ascontiguousarray(image[:, ::-1]), image.shape[1] - 1 - x
    return Photo(np.asarray(image, np.uint8), (x, y), size)


def _turned(photo: Photo, angle: float) -> Photo:
    matrix = cv2.getRotationMatrix2D(photo.middle, angle, 1.0)
    size = photo.image.shape[1::-1]
    image = cv2.warpAffine(photo.image, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return Photo(np.asarray(image, np.uint8), photo.middle, photo.size)


def _changed(photo: Photo, kind: str) -> Case:
    word, *rest = kind.split()
    if word == "turned":
        photo = _turned(photo, float(rest[0]))
    elif rest == ["pixels"]:
        photo = _placed(photo, float(word), False)
    elif word == "narrowed":
        narrow = cv2.resize(photo.image, None, fx=0.6, fy=1.0, interpolation=cv2.INTER_AREA)
        photo = Photo(np.asarray(narrow, np.uint8), (photo.middle[0] * 0.6, photo.middle[1]), photo.size * 0.6**0.5)
    else:
        photo = Photo(_PIXELS[kind](photo), photo.middle, photo.size)
    return Case(kind, photo.image, (_face(photo),))


def _light(gain: float, gamma: float) -> Callable[[Photo], Image]:
    table = (255 * gain * (np.arange(256) / 255) ** gamma).clip(0, 255).astype(np.uint8)
    return lambda photo: np.asarray(cv2.LUT(photo.image, table), np.uint8)


def _covered(*parts: tuple[float, float, float, float]) -> Callable[[Photo], Image]:
    """Rectangles over the face: left, top, right, bottom from its middle, as shares of its size."""

    def cover(photo: Photo) -> Image:
        image = photo.image.copy()
        (x, y), size = photo.middle, photo.size
        for part in parts:
            left, top, right, bottom = (round(at + share * size) for at, share in zip((x, y, x, y), part, strict=True))
            cv2.rectangle(image, (left, top), (right, bottom), (25, 25, 25), -1)
        return image

    return cover


def _blurred(photo: Photo) -> Image:
    return np.asarray(cv2.GaussianBlur(photo.image, (0, 0), 0.05 * photo.size), np.uint8)


def _noisy(photo: Photo) -> Image:
    noise = np.random.default_rng(1).normal(0, 30, photo.image.shape)
    return (photo.image + noise).clip(0, 255).astype(np.uint8)


def _flat(photo: Photo) -> Image:
    return (photo.image * 0.2 + 100).astype(np.uint8)


_PIXELS: dict[str, Callable[[Photo], Image]] = {
    "dark": _light(0.25, 1.6),
    "bright": _light(1.9, 0.8),
    "little contrast": _flat,
    "noise": _noisy,
    "blurred": _blurred,
    "glasses": _covered((-0.42, -0.28, -0.05, -0.02), (0.05, -0.28, 0.42, -0.02)),
    "mask": _covered((-0.45, 0.08, 0.45, 0.6)),
    "half covered": _covered((0.02, -0.6, 0.6, 0.6)),
}


def hits(faces: Sequence[tuple[float, float, float]], found: Sequence[tuple[float, float, float]]) -> int:
    """How many faces were found: by a box whose middle is within a third of the face, at half to twice its size."""
    return sum(
        any(np.hypot(x - a, y - b) < size / 3 and 0.5 < other / size < 2 for a, b, other in found)
        for x, y, size in faces
    )
