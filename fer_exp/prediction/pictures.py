"""Pictures as files hold them to arrays as models see them: upright, opaque, 8 bits a channel, grey or RGB.

In: a path. Out: Frames; one of a still picture, several of an animation or of a file of several pages. Pillow reads:
it knows more kinds than OpenCV and refuses what is cut off. The size is looked at before any pixel is decoded.
"""

import stat
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from fer_exp.data.faces import Images
from fer_exp.prediction.frames import MOST_PIXELS, Frame, Unreadable
from fer_exp.system.values import first_line

ENDINGS = frozenset(
    (
        *(".jpg", ".jpeg", ".jfif", ".png", ".apng", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff"),
        *(".pgm", ".ppm", ".pnm", ".avif", ".jp2", ".tga", ".ico"),
    )
)
PAGED = frozenset(("GIF", "WEBP", "PNG", "TIFF"))  # whose further images are frames; a phone's MPO holds a second view
BACKGROUND = 255  # white, behind what is transparent, as viewers show it
LEVELS_16_TO_8 = 257  # 65,535 / 255


def frames_of(path: Path, name: str) -> Iterator[Frame]:
    """The frames of the picture at `path`, called `name`.

    Raises:
        Unreadable: It is missing, empty, no picture, cut off, too large, or of a kind that has no grey levels. Of an
            animation, whole frames come first.
    """
    _require_bytes(path)
    seconds = 0.0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged EXIF and of palettes: what can be shown is shown
            with _opened(path) as picture:
                count = getattr(picture, "n_frames", 1) if picture.format in PAGED else 1
                for number in range(count):
                    picture.seek(number)
                    image = upright(picture)
                    timed = count > 1 and picture.format != "TIFF"
                    yield Frame(name, number, round(seconds, 3) if timed else None, image)
                    seconds += float(picture.info.get("duration") or 0) / 1000
    except Unreadable:
        raise
    except MemoryError as error:
        raise Unreadable("expected a picture that fits into memory, received a larger one") from error
    except Exception as error:  # what a damaged file makes Pillow's readers raise has no common kind
        raise Unreadable(
            f"expected a whole picture, received an error from its reader ({first_line(error)})"
        ) from error


def _require_bytes(path: Path) -> None:
    """Raises OSError where nothing is there: that is said alike of every kind of file."""
    seen = path.stat()
    if not stat.S_ISREG(seen.st_mode):
        raise Unreadable("expected a file, received something else")
    if not seen.st_size:
        raise Unreadable("expected a picture, received no bytes")


def _opened(path: Path) -> ImageFile.ImageFile:
    try:
        picture = Image.open(path)
    except UnidentifiedImageError as error:
        raise Unreadable("expected a picture, received another kind of file") from error
    width, height = picture.size
    if width * height > MOST_PIXELS:
        picture.close()
        raise Unreadable(f"expected at most {MOST_PIXELS:,} pixels, received {width:,} x {height:,}")
    return picture


def upright(picture: Image.Image) -> Images:
    """The pixels as a viewer shows them: turned as EXIF says, on white, `(h, w)` grey or `(h, w, 3)` RGB, uint8."""
    turned = ImageOps.exif_transpose(picture)
    if turned.mode in ("I", "I;16", "I;16B", "I;16L", "I;16N"):
        return _of_16_bits(np.asarray(turned))
    if turned.mode == "F":
        raise Unreadable("expected whole grey levels, received fractions")
    if turned.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in turned.info:
        behind = Image.new("RGBA", turned.size, (BACKGROUND,) * 3 + (255,))
        turned = Image.alpha_composite(behind, turned.convert("RGBA")).convert(
            "L" if turned.mode in ("LA", "La", "L") else "RGB"
        )
    if turned.mode not in ("L", "RGB"):
        turned = turned.convert("L" if turned.mode == "1" else "RGB")
    return np.asarray(turned, np.uint8)


def _of_16_bits(levels: "np.typing.NDArray[np.integer]") -> Images:
    """Grey levels of 16 bits at 8; what uses 8 bits alone stays as it is."""
    if levels.min() < 0 or levels.max() > 65_535:
        raise Unreadable(f"expected at most 16 bits a pixel, received levels {levels.min()} to {levels.max()}")
    if levels.max() <= 255:
        return levels.astype(np.uint8)
    return np.round(levels / LEVELS_16_TO_8).astype(np.uint8)
