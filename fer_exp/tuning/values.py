"""What a search is asked, and what it gives back, as values.

In: nothing. Out: the choices of data and of a retrain, and how a search or a retrain went.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fer_exp.data.reading import Reading
from fer_exp.execute.loop import Ending
from fer_exp.leaderboard.rows import Row
from fer_exp.records import Record

if TYPE_CHECKING:
    from fer_exp.tuning.promote import Promotion
    from fer_exp.verdict import Comparison


@dataclass(frozen=True)
class DataChoice:
    """Which data, as the user gave it."""

    source: str
    reading: Reading = Reading()


@dataclass(frozen=True)
class RetrainOptions:
    """What to train again, as the user gave it."""

    trial: int | None = None  # None: the best
    seeds: int = 1
    epochs: int | None = None  # None: the campaign's
    limit: int | None = None  # None: the campaign's; 0: all training images
    recover: bool = False  # start from the champion's weights
    replace_champion: bool = False  # even where it is worse, or on other data
    against_baseline: bool | None = None  # train the baseline with the same seeds; None: where it makes sense


@dataclass(frozen=True)
class Result:
    """How it went."""

    ending: Ending
    folder: Path
    rows: tuple[Row, ...]
    behind: str | None  # why MLflow is behind the records; None where it is level or not wanted
    requested: bool = False  # somebody asked for the stop; else the time given was over


@dataclass(frozen=True)
class Retrained:
    """How a retrain went."""

    result: Result
    chosen: Record | None  # the seed with the best objective; None where it was stopped before the end
    promotion: "Promotion | None"  # None where MLflow was not wanted or did not answer
    comparison: "Comparison | None" = None  # with the baseline on the same seeds
    uncompared: str | None = None  # why there is none although it was tried
