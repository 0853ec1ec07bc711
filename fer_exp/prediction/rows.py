"""Rows: one a face a frame, and one without a face for a frame in which none was found.

In: frames with faces and probabilities. Out: rows as CSV, JSON lines, parquet or a DataFrame. A file is under its name
only once it is whole.
"""

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from fer_exp.data.classes import Classes
from fer_exp.prediction.meaning import COLUMN, MEANING, USE
from fer_exp.prediction.run import Seen
from fer_exp.system.errors import BadInput
from fer_exp.system.files import replacing

if TYPE_CHECKING:
    import pandas as pd

PLACE = ("file", "frame", "seconds", "faces", "left", "top", "width", "height", "detector_score", COLUMN)
PREFIX = "p_"  # of the probabilities' columns: p_happy
ENDINGS = (".csv", ".jsonl", ".parquet")
GROUP = 4096  # rows that parquet is given at a time
Row = dict[str, Any]


def columns(classes: Classes) -> list[str]:
    """The columns, in order."""
    return [*PLACE, *(PREFIX + name for name in classes.names)]


def rows_of(seen: Seen, classes: Classes) -> Iterator[Row]:
    """The rows of a frame; boxes to a tenth of a pixel, probabilities to six digits."""
    frame = seen.frame
    place = {"file": frame.file, "frame": frame.number, "seconds": frame.seconds, "faces": len(seen.faces)}
    if not seen.faces:
        yield {name: place.get(name) for name in columns(classes)}
    for face, shares in zip(seen.faces, seen.probabilities, strict=True):
        box = {name: round(float(getattr(face, name)), 1) for name in ("left", "top", "width", "height")}
        score = None if face.score is None else round(face.score, 4)
        label = classes.names[int(shares.argmax())]
        probabilities = {PREFIX + name: round(float(p), 6) for name, p in zip(classes.names, shares, strict=True)}
        yield {**place, **box, "detector_score": score, COLUMN: label, **probabilities}


class Writer(Protocol):
    """Where rows go."""

    def write(self, rows: Iterable[Row]) -> None:
        """Adds rows."""
        ...


class _Csv:
    def __init__(self, target: TextIO, names: Sequence[str]) -> None:
        self._writer = csv.DictWriter(target, names, lineterminator="\n")
        self._begun = False

    def write(self, rows: Iterable[Row]) -> None:
        if not self._begun:
            self._writer.writeheader()
            self._begun = True
        self._writer.writerows(rows)


class _Lines:
    def __init__(self, target: TextIO) -> None:
        self._target = target

    def write(self, rows: Iterable[Row]) -> None:
        self._target.writelines(json.dumps(row) + "\n" for row in rows)


class _Parquet:
    """Its metadata carry what the columns mean and which model answered."""

    def __init__(self, path: Path, classes: Classes, about: dict[str, str]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        kinds = dict.fromkeys(columns(classes), pa.float64()) | {
            "file": pa.string(),
            "frame": pa.int64(),
            "faces": pa.int64(),
            COLUMN: pa.string(),
        }
        self._schema = pa.schema(list(kinds.items()), metadata=about)
        self._writer = pq.ParquetWriter(path, self._schema)
        self._table = pa.Table
        self._waiting: list[Row] = []

    def write(self, rows: Iterable[Row]) -> None:
        self._waiting.extend(rows)
        if len(self._waiting) >= GROUP:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            self._writer.write_table(self._table.from_pylist(self._waiting, schema=self._schema))
            self._waiting.clear()

    def close(self) -> None:
        self.flush()
        self._writer.close()


def about(model: str) -> dict[str, str]:
    """What files that can carry it say of themselves."""
    return {"meaning": MEANING, "use": USE, "model": model}


def require_ending(path: Path) -> None:
    """Raises BadInput where the name does not say how rows are written."""
    if path.suffix not in ENDINGS:
        raise BadInput(
            f"--out: expected a name that ends in {', '.join(ENDINGS)}, received {path.name!r}",
            "Nothing was predicted.",
        )


@contextmanager
def writing(path: Path | None, classes: Classes, model: str) -> Iterator[Writer]:
    """A writer to a file by its ending, or of CSV to standard output; the file appears when the block ends.

    Where the block is interrupted by the user the rows so far are kept, which are whole; at any other error none are.
    """
    with ExitStack() as stack:
        if path is None:
            yield _Csv(sys.stdout, columns(classes))
            return
        interrupted: KeyboardInterrupt | None = None
        target = stack.enter_context(replacing(path))
        if path.suffix == ".parquet":
            parquet = _Parquet(target, classes, about(model))
            stack.callback(parquet.close)
            writer: Writer = parquet
        else:
            text = stack.enter_context(target.open("w", encoding="utf-8", newline=""))
            writer = _Csv(text, columns(classes)) if path.suffix == ".csv" else _Lines(text)
        try:
            yield writer
        except KeyboardInterrupt as error:
            interrupted = error
    if interrupted is not None:
        raise interrupted


def frame_of(rows: Iterable[Row], classes: Classes, model: str) -> "pd.DataFrame":
    """The rows as a DataFrame, whose `attrs` say what they mean."""
    import pandas as pd

    table = pd.DataFrame.from_records(list(rows), columns=columns(classes))
    numbers = [name for name in table.columns if name not in ("file", "frame", "faces", COLUMN)]
    table = table.astype(dict.fromkeys(numbers, "float64") | {"frame": "int64", "faces": "int64"})
    table.attrs.update(about(model))
    return table
