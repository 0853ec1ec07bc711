"""Table: a space whose every recipe was trained, with the objective after every epoch. A search is replayed on it.

In: a small text file, or what `sources.py` reads. Out: a Table. The file is JSON lines: a header, then one line for
each recipe with a curve for each seed. Higher is better throughout: a loss is stored as its negative.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from fer_exp.campaign.space import Scalar
from fer_exp.system.errors import BadInput
from fer_exp.system.files import read_file
from fer_exp.system.values import Value, first_line

Point = tuple[int, ...]  # index of the choice of each hyperparameter, in the space's order
Curves = tuple[tuple[float, ...], ...]  # one a seed: the objective after each epoch

MEND = "Nothing was replayed. docs/replay.md shows the form of a table."


class Header(Value):
    """The first line of a table's file."""

    schema_version: Annotated[int, Field(ge=1, le=1)] = 1
    name: str
    source: str  # in words: what was trained on what
    epochs: Annotated[int, Field(ge=1)]  # of a full training
    space: dict[str, tuple[bool | int | float | str, ...]]  # choices, in order
    default: dict[str, bool | int | float | str]  # the baseline's choice of each

    @model_validator(mode="after")
    def _default_is_of_the_space(self) -> Self:
        if not self.space or any(self.default.get(name) not in choices for name, choices in self.space.items()):
            raise ValueError("default: expected one of the choices of every hyperparameter, and at least one of those")
        return self


class Row(Value):
    """One recipe: where it lies, and how it went."""

    at: Point
    curves: Annotated[Curves, Field(min_length=1)]


@dataclass(frozen=True)
class Table:
    """A space with its answers."""

    header: Header
    curves: Mapping[Point, Curves]

    @classmethod
    def of(
        cls,
        name: str,
        source: str,
        space: Mapping[str, Sequence[Scalar]],
        default: Mapping[str, Scalar],
        found: Mapping[tuple[Scalar, ...], Curves],
    ) -> "Table":
        """A table from values instead of indices."""
        axes = {key: tuple(choices) for key, choices in space.items()}
        epochs = max(len(curve) for curves in found.values() for curve in curves)
        header = Header(name=name, source=source, epochs=epochs, space=axes, default=dict(default))
        at = [tuple(map(tuple.index, axes.values(), point)) for point in found]
        return cls(header, dict(zip(at, found.values(), strict=True)))

    @classmethod
    def from_header(cls, header: Mapping[str, object], curves: Mapping[Point, Curves]) -> "Table":
        """A table from the fields of its header and indices."""
        return cls(Header.model_validate(header), curves)

    @classmethod
    def read(cls, path: Path) -> "Table":
        """The table stored at `path`.

        Raises:
            BadInput: It is not there, not a table, or lacks what every table has; the first bad line is named.
        """
        try:
            first, *rest = read_file(path).decode().splitlines()
            line = 1
            header = Header.from_json(first)
            curves: dict[Point, Curves] = {}
            for line, text in enumerate(rest, start=2):  # noqa: B007  # the error names it
                row = Row.from_json(text)
                _refuse_unfit(header, row, curves)
                curves[row.at] = row.curves
        except FileNotFoundError as error:
            raise BadInput(f"table: expected a file, found none at {path}", MEND) from error
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{path}: expected a table as text, received something else ({error})", MEND) from error
        except (ValueError, ValidationError) as error:
            where = f" line {line}" if "line" in locals() else ""
            raise BadInput(f"{path}{where}: expected a table, received {first_line(error)}", MEND) from error
        if not curves:
            raise BadInput(f"{path}: expected a table with recipes, received its first line alone", MEND)
        return cls(header, curves)

    def text(self) -> str:
        """The file's text."""
        rows = (Row(at=at, curves=curves) for at, curves in self.curves.items())
        lines = [self.header.to_json(), *(json.dumps(row.model_dump(), separators=(",", ":")) for row in rows)]
        return "\n".join(lines) + "\n"

    # -- what it knows

    @property
    def name(self) -> str:
        """As its file calls it."""
        return self.header.name

    @property
    def epochs(self) -> int:
        """Of a full training."""
        return self.header.epochs

    @property
    def seeds(self) -> int:
        """The most seeds that a recipe was trained with."""
        return max(map(len, self.curves.values()))

    def point(self, values: Mapping[str, Scalar]) -> Point:
        """Where a recipe lies."""
        return tuple(choices.index(values[name]) for name, choices in self.header.space.items())

    def curve(self, point: Point, seed: int) -> tuple[float, ...]:
        """How a recipe went; where it was trained with fewer seeds, they come again in turn."""
        curves = self.curves[point]
        return curves[seed % len(curves)]

    def best(self, seed: int) -> float:
        """The highest value that any full training with that seed reaches."""
        return max(max(self.curve(point, seed)) for point in self.curves)

    @cached_property
    def true(self) -> dict[Point, float]:
        """What a full training of each recipe reaches: the mean over seeds of the best epoch."""
        return {point: float(np.mean([max(curve) for curve in curves])) for point, curves in self.curves.items()}

    def at_epoch(self, epoch: int) -> NDArray[np.float64]:
        """The best value up to `epoch` of every recipe, its first seed: `(recipes,)`."""
        return np.array([max(curves[0][:epoch]) for curves in self.curves.values()])


def _refuse_unfit(header: Header, row: Row, known: Mapping[Point, Curves]) -> None:
    sizes = [len(choices) for choices in header.space.values()]
    if len(row.at) != len(sizes) or not all(0 <= at < size for at, size in zip(row.at, sizes, strict=True)):
        raise ValueError(f"at: expected an index into each of the {len(sizes)} lists of choices, received {row.at}")
    if row.at in known:
        raise ValueError(f"at: {row.at} is there twice")
    if any(not 1 <= len(curve) <= header.epochs for curve in row.curves):
        raise ValueError(f"curves: expected 1 to {header.epochs} epochs")
    if not all(math.isfinite(value) for curve in row.curves for value in curve):
        raise ValueError("curves: expected finite numbers")
