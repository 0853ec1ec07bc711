"""The test parts of all folds: what a recipe reaches on everybody, each predicted by a model that never saw them.

In: the campaigns of the folds. Out: the test part of each fold opened for its best trial and for its baseline, and both
over all folds, with the interval that k-fold deserves. The result lies in `mlruns/folds/<name>.json`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fer_exp.campaign import CampaignSpec
from fer_exp.data.split.info import Fold
from fer_exp.holdout.evaluate import open_and_evaluate
from fer_exp.leaderboard.rows import best
from fer_exp.metrics.scores import score
from fer_exp.records import Predictions, Record, State, records_in
from fer_exp.system.errors import BadInput, NotFound
from fer_exp.system.files import is_there, write_atomically
from fer_exp.system.home import Home
from fer_exp.system.values import Value
from fer_exp.verdict.folds import Pooled, pooled

REASON = "k-fold: the best trial and the baseline meet each test fold once; nothing is chosen by them"


class OnFold(Value):
    """A fold's best trial and its baseline on the fold's test part. Shares from 0 to 1."""

    fold: int
    campaign: str
    trial: int | None  # number of the best trial; None where the campaign is the baseline alone
    images: int
    groups: int
    accuracy: float | None  # of the best trial
    baseline_accuracy: float


class OverFolds(Value):
    """What came out over all folds."""

    name: str
    data_digest: str
    grouped_by: str  # "subject", "photo"
    folds: tuple[OnFold, ...]
    images: int
    groups: int
    accuracy: Pooled | None  # of each fold's best trial
    macro_f1: float | None
    baseline_accuracy: Pooled
    baseline_macro_f1: float
    difference: Pooled | None  # best trials less baselines, by accuracy

    @property
    def verdict(self) -> str:
        """Of the searched recipes against the baseline: "better", "not shown" or "worse"; "" without a search."""
        if self.difference is None:
            return ""
        return "better" if self.difference.low > 0 else "worse" if self.difference.high < 0 else "not shown"


def evaluate_folds(
    home: Home,
    name: str,
    folds: dict[Fold, str],
    find: Callable[[CampaignSpec], str],
    say: Callable[[str], None],
) -> OverFolds:
    """Opens the test part of every fold and pools what was said of them.

    Args:
        home: Where the campaigns are.
        name: What the folds have in common.
        folds: The campaign of each fold.
        find: The data of a campaign.
        say: Takes lines for the user.

    Raises:
        NotFound: A fold is missing or not finished; nothing was opened then.
        BadInput: The folds are not of one split, or were not trained alike; nothing was opened then.
        FerExpError: As `open_and_evaluate`.
    """
    _refuse_missing(name, folds)
    specs = {fold: CampaignSpec.read(home.campaign(campaign) / "campaign.json") for fold, campaign in folds.items()}
    _refuse_mixed(name, list(specs.values()))
    chosen = {fold: _models(home, spec) for fold, spec in specs.items()}
    parts: list[OnFold] = []
    ours: list[Predictions] = []
    theirs: list[Predictions] = []
    for fold, spec in specs.items():
        trial, baseline = chosen[fold]
        say(f"Opening the test part of fold {fold.number} of {fold.of}.")
        source = find(spec)
        theirs.append(_tested(home, baseline, source, spec))
        if trial is not None:
            ours.append(_tested(home, trial, source, spec))
        parts.append(_on_fold(fold, spec, trial, theirs[-1], ours[-1] if trial is not None else None))
    result = _over(name, specs, parts, ours, theirs)
    write_atomically(home.root / "folds" / f"{name}.json", result.sealed(indent=1))
    return result


def _refuse_missing(name: str, folds: dict[Fold, str]) -> None:
    of = next(iter(folds)).of
    there = {fold.number for fold in folds}
    missing = [str(number) for number in range(1, of + 1) if number not in there]
    if missing:
        raise NotFound(
            f"{name}: expected {of} folds, found none of number {', '.join(missing)}",
            "Nothing was opened. Give the command of the search again, with --fold for one fold alone.",
        )


def _refuse_mixed(name: str, specs: list[CampaignSpec]) -> None:
    """Folds of two splits overlap, so that somebody would be counted twice, and others not at all."""
    asked: dict[str, list[object]] = {
        "data": [spec.data.data_digest for spec in specs],
        "seed": [spec.data.seed for spec in specs],
        "epochs": [spec.settings.epochs for spec in specs],
        "baseline": [spec.baseline for spec in specs],
        "question": [spec.question for spec in specs],
    }
    for what, values in asked.items():
        other = next((place for place, value in enumerate(values) if value != values[0]), None)
        if other is not None:
            raise BadInput(
                f"{name}: expected folds of one search, received {specs[0].name} and {specs[other].name}, which differ "
                f"in {what}",
                "Nothing was opened. Search all folds by one command, under another --name.",
            )


def _models(home: Home, spec: CampaignSpec) -> tuple[Record | None, Record]:
    """The best trial of a fold, if it has trials, and its baseline."""
    folder = home.campaign(spec.name) / "trials"
    baseline = Record(folder / "0000")
    trial = best(records_in(folder), spec.settings.objective, include_baseline=False)
    if baseline.state() is not State.FINISHED or (trial is None and spec.settings.max_trials):
        raise NotFound(
            f"{spec.name}: expected a finished baseline and a finished trial, found none",
            f"Nothing was opened. See `fer-exp status {spec.name}`; the command of the search goes on with it.",
        )
    return trial, baseline


def _tested(home: Home, record: Record, source: str, spec: CampaignSpec) -> Predictions:
    """What a record's model said of its test part; opened where that was not done yet."""
    if not (record.test_scores() and is_there(record.path / "test" / "predictions.npz")):
        open_and_evaluate(home, record, record.model, source, spec.data, again=REASON)
    return record.predictions("test/predictions.npz")


def _on_fold(
    fold: Fold, spec: CampaignSpec, trial: Record | None, baseline: Predictions, ours: Predictions | None
) -> OnFold:
    return OnFold(
        fold=fold.number,
        campaign=spec.name,
        trial=None if trial is None else trial.spec().number,
        images=len(baseline.labels),
        groups=len(np.unique(_groups(baseline))),
        accuracy=None if ours is None else float(_right(ours).mean()),
        baseline_accuracy=float(_right(baseline).mean()),
    )


def _over(
    name: str,
    specs: dict[Fold, CampaignSpec],
    parts: list[OnFold],
    ours: list[Predictions],
    theirs: list[Predictions],
) -> OverFolds:
    groups = np.concatenate([_groups(one) for one in theirs])
    folds = np.repeat([part.fold for part in parts], [part.images for part in parts]).astype(np.int64)
    right = np.concatenate([_right(one) for one in ours]) if ours else None
    of_baseline = np.concatenate([_right(one) for one in theirs])
    first = next(iter(specs.values())).data
    return OverFolds(
        name=name,
        data_digest=first.data_digest,
        grouped_by=first.grouped_by,
        folds=tuple(parts),
        images=len(groups),
        groups=len(np.unique(groups)),
        accuracy=None if right is None else pooled(right, groups, folds),
        macro_f1=_macro_f1(ours) if ours else None,
        baseline_accuracy=pooled(of_baseline, groups, folds),
        baseline_macro_f1=_macro_f1(theirs),
        difference=None if right is None else pooled(right - of_baseline, groups, folds),
    )


def _groups(predictions: Predictions) -> NDArray[np.int64]:
    return predictions.rows if predictions.groups is None else predictions.groups


def _right(predictions: Predictions) -> NDArray[np.float64]:
    return np.asarray(predictions.probabilities.argmax(axis=1) == predictions.labels, np.float64)


def _macro_f1(predictions: list[Predictions]) -> float:
    """Over all folds at once: a mean of folds' values would weigh a fold that lacks a class as any other."""
    labels = np.concatenate([one.labels for one in predictions])
    probabilities = np.concatenate([one.probabilities for one in predictions])
    return score(labels, probabilities, predictions[0].classes).macro_f1
