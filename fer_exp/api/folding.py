"""evaluate_folds: the test parts of all folds opened together.

In: the name of a campaign that was searched under `subject-kfold`. Out: what its recipes reach on everybody.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_exp.api.told import Told
from fer_exp.system.errors import FerExpError
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.data.split.info import Fold
    from fer_exp.holdout.folds import OnFold, OverFolds
    from fer_exp.verdict.folds import Pooled


@dataclass(frozen=True, repr=False)
class FoldsEvaluation(Told):
    """What came out over all folds."""

    result: "OverFolds"
    behind: FerExpError | None = None  # why MLflow does not show it yet

    @property
    def text(self) -> str:
        """The folds in a table, then what holds over all of them."""
        return folds_text(self.result)

    def document(self) -> dict[str, Any]:
        """The same for a program."""
        document: dict[str, Any] = json.loads(self.result.to_json())
        return document | {"verdict": self.result.verdict}


def is_of_folds(home: Home, name: str) -> bool:
    """Whether `name` stands for the campaigns of folds, and for no campaign of its own."""
    from fer_exp.campaign.folds import folds_in

    return not (home.campaign(name) / "campaign.json").exists() and bool(folds_in(home, name))


def evaluate_folds(
    name: str,
    *,
    data: Path | str | None = None,
    tracking: bool = True,
    home: Path | str | Home | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> FoldsEvaluation:
    """Opens the test part of every fold, for its best trial and for its baseline, once, and pools what was said.

    Args:
        name: Of the campaign that was searched under `subject-kfold`.
        data: None for those of the search.
        tracking: Whether MLflow is brought level afterwards.
        home: Where the campaigns are; None for `FER_EXP_HOME`, else `./mlruns`.
        say: Is told what takes its time.

    Raises:
        FerExpError: There are no such folds, one is not finished, or the data are not here.
    """
    from fer_exp.api.loading import load_keras
    from fer_exp.campaign.folds import folds_in, name_of_fold
    from fer_exp.data.find import find_recorded
    from fer_exp.system.stderr import stderr_to

    place = Home.at(home)
    folds = {fold: name_of_fold(name, fold) for fold in folds_in(place, name)}
    if not folds:
        raise place.unknown(name, place.recorded())
    with stderr_to():
        load_keras()
        from fer_exp.holdout.folds import evaluate_folds as open_folds

    given = None if data is None else str(data)
    result = open_folds(place, name, folds, lambda spec: find_recorded(given, spec.data.path), say)
    return FoldsEvaluation(result, _shown(place, folds) if tracking else None)


def _shown(home: Home, folds: "dict[Fold, str]") -> FerExpError | None:
    """Brings MLflow level; last, and its error is given back, since what was opened is told all the same."""
    from fer_exp.tracking import sync

    try:
        for campaign in folds.values():
            sync(home, campaign)
    except FerExpError as error:
        return error
    return None


def folds_text(result: "OverFolds") -> str:
    """The folds in a table, then what holds over all of them."""
    of = len(result.folds)
    searched = result.accuracy is not None
    head = ["fold", "images", f"{result.grouped_by}s", *(["trial", "accuracy"] if searched else []), "baseline"]
    rows = [head, *(_row(part, searched=searched) for part in result.folds)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"{result.name} over {of} folds: {result.images:,} images of {result.groups:,} {result.grouped_by}s, each "
        f"predicted once by a model that never saw its {result.grouped_by}",
        "",
        *("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows),
        "",
    ]
    if result.accuracy is not None and result.difference is not None:
        lines.append(f"Best trials: accuracy {_shares(result.accuracy)}, macro-F1 {100 * (result.macro_f1 or 0):.2f} %")
    lines.append(
        f"Baseline: accuracy {_shares(result.baseline_accuracy)}, macro-F1 {100 * result.baseline_macro_f1:.2f} %"
    )
    if result.difference is not None:
        gap = result.difference
        lines.append(
            f"Best trials against baseline: {result.verdict}, {100 * gap.value:+.2f} points, "
            f"{100 * gap.level:g}% interval {100 * gap.low:+.2f} to {100 * gap.high:+.2f}"
        )
    lines.append(
        f"Intervals are the wider of two: over other {result.grouped_by}s, and over other training sets by how folds "
        "differ (docs/verdict.md)."
    )
    return "\n".join(lines)


def _row(part: "OnFold", *, searched: bool) -> list[str]:
    cells = [str(part.fold), f"{part.images:,}", f"{part.groups:,}"]
    if searched:
        cells += ["-" if part.trial is None else str(part.trial), _share(part.accuracy)]
    return [*cells, _share(part.baseline_accuracy)]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def _shares(found: "Pooled") -> str:
    low, high = max(found.low, 0.0), min(found.high, 1.0)
    return f"{100 * found.value:.2f} % ({100 * found.level:g}% interval {100 * low:.2f} to {100 * high:.2f})"
