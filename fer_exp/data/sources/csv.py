"""FER2013's CSV: columns `emotion`, `pixels`, `Usage` in any order, under a header; packed or not.

In: a path. Out: Faces. A row is a line: quotes are understood within it, so a stray quote costs one row and not the
rest of the file. Rows are parsed while the file is unpacked, so of FER2013's 301 MB never more than a few are held.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fer_exp.data.classes import FER2013
from fer_exp.data.faces import Faces, Usage
from fer_exp.data.reading import Reading
from fer_exp.data.sources.archives import Stream, csv_streams
from fer_exp.data.sources.layout import MAX_LINE, Layout, cells_of, layout_of
from fer_exp.data.sources.names import GROUP_COLUMNS, shown, usage_titled
from fer_exp.data.sources.numbering import OWN_COLUMNS, official_by_row
from fer_exp.data.sources.pixels import BATCH, parse_pixels, pixel_problem
from fer_exp.data.sources.recognise import recognise
from fer_exp.data.sources.rows import MOST_BAD, NO_USAGE, UNCHANGED, FaceRows
from fer_exp.data.sources.vocabulary import Vocabulary, whole_number
from fer_exp.system.errors import BadData

_BLOCK = 4 * 1024 * 1024  # bytes read at a time


class Row(NamedTuple):
    """A row whose pixels are not parsed yet."""

    label: int  # number in the vocabulary
    usage: Usage
    pixels: bytes
    group: str | None  # whom it shows


def read_csv(path: Path, reading: Reading) -> Faces:
    """The faces of the CSV at `path`, in its order.

    Raises:
        BadData: No header, no rows, a bad row that is not to be skipped, a damaged archive, or one with no CSV or
            several.
    """
    for wanted in WANTED:
        with closing(csv_streams(path, wanted)) as streams:
            stream = next(streams, None)
            if stream is None:
                continue
            faces = _read(stream, path.name, reading)
            if next(streams, None) is not None:
                raise BadData(
                    f"{path.name}: expected an archive with one CSV of columns emotion, pixels, Usage, found several",
                    f"{UNCHANGED} Unpack it and give the one that you mean.",
                )
            return faces
    raise BadData(
        f"{path.name}: expected an archive with a CSV of columns emotion, pixels, Usage, found none in it",
        f"{UNCHANGED} Unpack an archive of images and give its folder.",
    )


def is_csv_of_faces(path: Path) -> bool:
    """Whether the file at `path`, or one that is packed in it, begins with a header of emotion and pixels."""
    for wanted in WANTED:
        with closing(csv_streams(path, wanted)) as streams:
            stream = next(streams, None)
            if stream is not None:
                return layout_of(stream.peek(MAX_LINE)) is not None
    return False


def _has_parts(start: bytes) -> bool:
    layout = layout_of(start)
    return layout is not None and layout.usage is not None


def _has_faces(start: bytes) -> bool:
    return layout_of(start) is not None


WANTED = (_has_parts, _has_faces)  # of an archive's members those with a Usage come first: the competition's has both


def _read(stream: Stream, name: str, reading: Reading) -> Faces:
    start = stream.peek(MAX_LINE)
    if not start:
        raise BadData(f"{name}: expected data, received an empty file", f"{UNCHANGED} Fetch the file again.")
    layout = layout_of(start)
    known = recognise(start)
    if known is not None and (layout is None or b"\n" not in start):
        raise BadData(
            f"{name}: expected a header with the columns emotion, pixels, Usage, received {known.what}",
            f"{UNCHANGED} {known.step}",
        )
    if layout is None:
        first = shown(start.partition(b"\n")[0])
        raise BadData(
            f"{name}: expected a header with the columns emotion, pixels, Usage, received {first}",
            f"{UNCHANGED} Known data are FER2013's CSV (packed or not), parquet with images, and folders of images.",
        )
    rows = FaceRows(name, "csv", reading)
    if layout.usage is None:
        rows.notes.append(NO_USAGE)
    rows.notes += [layout.note] if layout.note else []
    rows.notes += [f"Column {shown(name)} was not read." for name in layout.unread]
    rows.grouped_by = "" if layout.group is None else GROUP_COLUMNS[layout.names[layout.group].lower()]
    rows.numbered = None if reading.classes else _numbered(start, layout)
    rows.vocabulary.order = FER2013.names
    table = _Table(layout, rows)
    for lines in _lines(_blocks(stream)):
        table.add(lines)
    if table.blank:
        rows.notes.append(f"{table.blank:,} rows without any value were passed over.")
    faces = rows.faces()
    return official_by_row(faces) if layout.usage is None else faces


def _numbered(start: bytes, layout: Layout) -> str | None:
    """The label column, where it holds numbers that its name does not explain; its first row decides."""
    column = layout.names[layout.emotion]
    lines = start.split(b"\n", 2)
    first = cells_of(lines[1].rstrip(b"\r")) if len(lines) > 1 else ""
    if column.lower() in OWN_COLUMNS or isinstance(first, str) or len(first) != len(layout.names):
        return None
    return column if whole_number(first[layout.emotion].decode()) is not None else None


def _blocks(stream: Stream) -> Iterator[bytes]:
    while block := stream.read(_BLOCK):
        yield block


def _lines(blocks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The lines after the header, block by block. Of a line that is too long just enough is kept to show that it is."""
    header_passed = False
    rest = b""
    for block in blocks:
        lines = (rest + block).split(b"\n")
        rest = lines.pop()[: MAX_LINE + 1]
        yield lines[not header_passed :]
        header_passed = header_passed or bool(lines)
    if rest and header_passed:
        yield [rest]


@dataclass
class _Table:
    """Takes lines, gives rows to `rows`."""

    layout: Layout
    rows: FaceRows
    number: int = 0  # of the last row seen
    empty: int = 0  # empty lines seen last; wrong unless the file ends with them
    blank: int = 0  # rows of commas alone, as spreadsheets leave below a table

    def add(self, lines: list[bytes]) -> None:
        """Takes the next lines, a batch at a time; a batch with anything irregular goes row by row."""
        for start in range(0, len(lines), BATCH):
            batch = lines[start : start + BATCH]
            if not self._add_all(batch):
                for line in batch:
                    self._add_one(line)

    def _add_all(self, batch: list[bytes]) -> bool:
        found = [_row(line, self.layout, self.rows.vocabulary) for line in batch]
        good = [row for row in found if not isinstance(row, str)]
        images = parse_pixels([row.pixels for row in good]) if len(good) == len(found) and not self.empty else None
        if images is None:
            return False
        self.rows.add(images, [row.label for row in good], [row.usage for row in good], [row.group for row in good])
        self.number += len(batch)
        return True

    def _add_one(self, line: bytes) -> None:
        if not line.rstrip(b"\r") and self.empty < MOST_BAD:
            self.empty += 1
            return
        for _ in range(self.empty):
            self.number += 1
            self.rows.bad_row(self.number, f"expected {len(self.layout.names)} values, received an empty line")
        self.empty = 0
        self.number += 1
        if not line.strip(b",\r \t"):
            self.blank += 1
            return
        row = _row(line, self.layout, self.rows.vocabulary)
        if isinstance(row, str):
            self.rows.bad_row(self.number, row)
        elif (image := parse_pixels([row.pixels])) is not None:
            self.rows.add(image, [row.label], [row.usage], [row.group])
        else:
            self.rows.bad_row(self.number, pixel_problem(row.pixels))


def _row(line: bytes, layout: Layout, vocabulary: Vocabulary) -> Row | str:
    """The row in a line, or what is wrong with it."""
    cells = cells_of(line.rstrip(b"\r"))
    if isinstance(cells, str):
        return cells
    if len(cells) != len(layout.names):
        return f"expected {len(layout.names)} values, received {len(cells)}"
    word = cells[layout.emotion].decode()
    label = vocabulary.number_of(word)
    if label is None:
        return f"{layout.names[layout.emotion]}: expected {vocabulary.expected}, received {shown(word)}"
    title = Usage.TRAINING.title if layout.usage is None else cells[layout.usage].decode()
    usage = usage_titled(title)
    if usage is None:
        name = layout.names[layout.usage or 0]
        return f"{name}: expected Training, PublicTest or PrivateTest, received {shown(title)}"
    group = None if layout.group is None else cells[layout.group].decode().strip()
    if group == "":
        return f"{layout.names[layout.group or 0]}: expected whom the image shows, received nothing"
    return Row(label, usage, _pixel_text(cells[layout.pixels]), group)


def _pixel_text(cells: list[bytes]) -> bytes:
    """Numbers with blanks between them, from as many cells, or from one that holds a list: `[234, 231]`."""
    if len(cells) > 1:
        return b" ".join(cells)
    text = cells[0]
    return text[1:-1].replace(b",", b" ") if text[:1] == b"[" and text[-1:] == b"]" else text
