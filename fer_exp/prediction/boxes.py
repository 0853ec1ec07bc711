"""Boxes from outside: where faces are, as another detector or a person said.

In: a CSV (or JSON lines) file with the columns file, left, top, width, height and perhaps frame and detector_score, in
pixels; the rows that `predict` itself writes are such a file. Out: the faces of a file's frame.
"""

import csv
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fer_exp.prediction.faces import Face
from fer_exp.system.errors import BadInput, NotFound
from fer_exp.system.values import first_line

NEEDED = ("file", "left", "top", "width", "height")
_UNCHANGED = "Nothing was predicted. Give CSV or JSON lines with the columns " + ", ".join(NEEDED) + "."


@dataclass
class Boxes:
    """Faces by file and frame."""

    _by_place: dict[tuple[str, int], list[Face]] = field(default_factory=dict)
    _looked_up: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, path: Path) -> "Boxes":
        """The boxes in a file.

        Raises:
            NotFound: No file is there.
            BadInput: It has other columns, or a row that is no box; rows without a box, of frames without a face, are
                passed over.
        """
        if not path.is_file():
            raise NotFound(f"--boxes: expected a file, found none at {path}", _UNCHANGED)
        found, number = cls(), 0
        try:
            for row in _rows(path):
                number += 1
                face = _face(row)
                if face is not None:
                    place = (_key(str(row["file"])), int(row.get("frame") or 0))
                    found._by_place.setdefault(place, []).append(face)
        except (ValueError, TypeError, KeyError, csv.Error) as error:
            raise BadInput(f"{path}, row {number}: expected a box, received {first_line(error)}", _UNCHANGED) from error
        return found

    def of(self, file: str, frame: int) -> list[Face]:
        """The faces of that frame, in the order of the file; none where it says nothing about it."""
        key = _key(file)
        self._looked_up.add(key)
        return self._by_place.get((key, frame), [])

    @property
    def unused(self) -> int:
        """Boxes of files that were never asked about."""
        return sum(len(faces) for (file, _), faces in self._by_place.items() if file not in self._looked_up)


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(newline="", encoding="utf-8-sig") as lines:
        if path.suffix in (".jsonl", ".ndjson"):
            yield from (json.loads(line) for line in lines if line.strip())
            return
        table = csv.DictReader(lines)
        missing = [name for name in NEEDED if name not in (table.fieldnames or [])]
        if missing:
            raise BadInput(
                f"{path}: expected the columns {', '.join(NEEDED)}, found no {', '.join(missing)}", _UNCHANGED
            )
        yield from table


def _face(row: Mapping[str, Any]) -> Face | None:
    values = [row[name] for name in NEEDED[1:]]
    if all(value in (None, "") for value in values):
        return None
    left, top, width, height = (float(value) for value in values)
    if not all(map(math.isfinite, (left, top, width, height))) or width <= 0 or height <= 0:
        raise ValueError(f"left {left:g}, top {top:g}, width {width:g}, height {height:g}")
    score = row.get("detector_score")
    return Face(left, top, width, height, None if score in (None, "") else float(str(score)))


def _key(file: str) -> str:
    """Two spellings of one path are one file."""
    return os.path.abspath(file)  # noqa: PTH100  # also of names that are no path, as `array-0`
