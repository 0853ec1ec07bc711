"""k-fold on the command line: the test parts of all folds opened together.

In: the name of a campaign that was searched under `subject-kfold`. Out: text, or JSON.
"""

from typing import TYPE_CHECKING

import typer

from fer_exp.system.errors import BadInput
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fer_exp.campaign import Settings
    from fer_exp.data.split.info import Fold
    from fer_exp.holdout.folds import OnFold, OverFolds
    from fer_exp.verdict.folds import Pooled


def refuse_foldless(settings: "Settings", folds: int | None, fold: int | None) -> None:
    """Folds belong to the protocol subject-kfold alone.

    Raises:
        BadInput: They were given for another one.
    """
    from fer_exp.data.split.protocol import Protocol

    if settings.protocol is not Protocol.SUBJECT_KFOLD and (folds is not None or fold is not None):
        raise BadInput(
            f"--fold and --folds: expected the protocol subject-kfold with them, received {settings.protocol}",
            "Nothing was started. Add --protocol subject-kfold, or leave them out.",
        )


def is_of_folds(home: Home, name: str) -> bool:
    """Whether `name` stands for the campaigns of folds, and for no campaign of its own."""
    from fer_exp.campaign.folds import folds_in

    return not (home.campaign(name) / "campaign.json").exists() and bool(folds_in(home, name))


def evaluate_all(home: Home, name: str, data: str | None, *, as_json: bool, tracking: bool) -> None:
    """Opens the test parts of all folds of `name`, and tells what came out over all of them."""
    from fer_exp.campaign.folds import folds_in, name_of_fold
    from fer_exp.data.find import find_recorded
    from fer_exp.system.stderr import stderr_to

    folds = {fold: name_of_fold(name, fold) for fold in folds_in(home, name)}
    with stderr_to():
        from fer_exp.holdout.folds import evaluate_folds

    result = evaluate_folds(home, name, folds, lambda spec: find_recorded(data, spec.data.path), _say)
    typer.echo(result.to_json() if as_json else folds_text(result, folds))
    if tracking:
        from fer_exp.tracking import sync

        for campaign in folds.values():
            sync(home, campaign)


def _say(line: str) -> None:
    typer.echo(line, err=True)


def folds_text(result: "OverFolds", folds: "Iterable[Fold]") -> str:
    """The folds in a table, then what holds over all of them."""
    of = next(iter(folds)).of
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
