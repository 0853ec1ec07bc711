"""Where a CSV's columns are: told by its header, and by its first row where an index column has no name in the header.

In: the first lines of a file. Out: Layout, or None where the first line is no header of ours.
"""

import csv
import re
from typing import NamedTuple

from fer_exp.data.sources.names import EMOTION_COLUMNS, GROUP_COLUMNS, PIXEL_COLUMNS, USAGE_COLUMNS, shown
from fer_exp.data.sources.pixels import PIXELS

MAX_LINE = 64 * 1024  # bytes; a row of FER2013 has at most 9,300
_NUMBERED_PIXEL = re.compile(r"(?:pixel|px|p)?[ _.-]?(\d{1,5})")
_COLUMNS = (EMOTION_COLUMNS, PIXEL_COLUMNS, USAGE_COLUMNS)


class Layout(NamedTuple):
    """Where a CSV's columns are."""

    names: tuple[str, ...]
    emotion: int
    pixels: slice  # one column of text, or one for each pixel
    usage: int | None
    group: int | None = None  # whom the image shows
    note: str | None = None

    @property
    def unread(self) -> list[str]:
        """The columns that are not read; an index column without a name is not worth a word."""
        read = {self.emotion, *range(len(self.names))[self.pixels], self.usage, self.group}
        return [name for at, name in enumerate(self.names) if at not in read and name]


def layout_of(start: bytes) -> Layout | None:
    """The layout that the first lines of a file say; None where the first is no header with emotion and pixels."""
    header, _, rest = start.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    cells = cells_of(header.rstrip(b"\r"))
    if isinstance(cells, str):
        return None
    names = tuple(cell.decode().strip() for cell in cells)
    lower = [name.lower() for name in names]
    emotions, texts, usages = ([at for at, name in enumerate(lower) if name in known] for known in _COLUMNS)
    pixels = [slice(at, at + 1) for at in texts] or _numbered_pixels(lower)
    if len(emotions) != 1 or len(pixels) != 1 or len(usages) > 1:
        return None
    groups = [at for at, name in enumerate(lower) if name in GROUP_COLUMNS]
    group = groups[0] if len(groups) == 1 else None  # of two that might be meant, neither
    layout = Layout(names, emotions[0], pixels[0], usages[0] if usages else None, group)
    return _behind_an_index(layout) if _has_an_index(layout, rest.partition(b"\n")[0].rstrip(b"\r")) else layout


def _numbered_pixels(names: list[str]) -> list[slice]:
    """The columns of a table with a column for each pixel, in their order: `pixel0` to `pixel2303`."""
    numbers = [_NUMBERED_PIXEL.fullmatch(name) for name in names]
    places = [at for at, number in enumerate(numbers) if number]
    found = [int(number[1]) for number in numbers if number]
    in_order = found and found == list(range(found[0], found[0] + PIXELS)) and found[0] in (0, 1)
    return [slice(places[0], places[-1] + 1)] if in_order and places[-1] - places[0] == PIXELS - 1 else []


def _has_an_index(layout: Layout, first: bytes) -> bool:
    """Whether the rows begin with a number that the header does not name, as tools write it that keep an index."""
    cells = cells_of(first)
    return not isinstance(cells, str) and len(cells) == len(layout.names) + 1 and cells[0].strip().isdigit()


def _behind_an_index(layout: Layout) -> Layout:
    return Layout(
        ("", *layout.names),
        layout.emotion + 1,
        slice(layout.pixels.start + 1, layout.pixels.stop + 1),
        None if layout.usage is None else layout.usage + 1,
        None if layout.group is None else layout.group + 1,
        "The first value of each row, an index that the header does not name, was not read.",
    )


def cells_of(line: bytes) -> list[bytes] | str:
    """The values of a line, or what is wrong with it."""
    if len(line) > MAX_LINE:
        return f"expected a line of at most {MAX_LINE:,} bytes, received a longer one, which begins {shown(line)}"
    if b"\0" in line:
        return f"expected text, received a NUL byte at byte {line.index(0) + 1}"
    if line.isascii() and b'"' not in line:
        return line.split(b",")
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        return f"expected UTF-8, received {shown(line[error.start : error.start + 1])} at byte {error.start + 1}"
    try:
        return [cell.encode() for cell in next(csv.reader([text], strict=True))]
    except csv.Error as error:
        return f"expected a line with paired quotes, received {shown(text)} ({error})"
