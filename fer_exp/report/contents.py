"""Contents: all that a report shows of a campaign, read from its folder as far as it can be read.

In: a home and a campaign's name. Out: Contents. A part that is missing or damaged leaves a reason behind, and never an
error: only the campaign's own file must be whole.
"""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fer_exp.campaign import CampaignSpec, fingerprint
from fer_exp.campaign.space import Dimension, dimensions
from fer_exp.leaderboard.importance import Importance, importance
from fer_exp.leaderboard.rows import Row, leaderboard, whole
from fer_exp.metrics.scores import Scores, score
from fer_exp.records import Predictions, RecordContents, records_in
from fer_exp.records.handovers import Handover, readable_handovers
from fer_exp.records.record import CAMPAIGN_FILE
from fer_exp.report.faces import Validation, find_validation
from fer_exp.system.errors import BadRecord, FerExpError
from fer_exp.system.files import read_file
from fer_exp.system.home import Home
from fer_exp.verdict import Comparison, Group, compare_groups, find_groups, matching

NO_PREDICTIONS = "the record holds no predictions that can be read."
Found = TypeVar("Found")


@dataclass(frozen=True)
class Side:
    """A group of trainings that differ by their seed, and what they said of validation."""

    group: Group
    trainings: tuple[RecordContents, ...]  # by seed
    predictions: tuple[Predictions, ...]  # in the order of the source's rows; empty where they cannot be read

    @property
    def title(self) -> str:
        """`retrain of trial 3 (2 seeds)`, without the campaign's name."""
        name = self.group.title.removeprefix(f"{self.group.specs[0].campaign} ")
        many = len(self.trainings)
        return f"{name} ({many} seeds)" if many > 1 else name

    @cached_property
    def scores(self) -> tuple[Scores, ...]:
        """Of each seed; empty without predictions."""
        return tuple(score(one.labels, one.probabilities, one.classes) for one in self.predictions)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """The confusion matrices of all seeds added up, `(classes, classes)`, rows true."""
        return np.asarray(np.sum([one.confusion for one in self.scores], axis=0), np.int64)


@dataclass(frozen=True)
class Story:
    """What the campaign's file says of itself, by heading: Question, Hypothesis, Result."""

    told: dict[str, str]
    why_not: str = ""


@dataclass(frozen=True)
class Contents:
    """Everything about a campaign that a report may show."""

    home: Home
    folder: Path
    spec: CampaignSpec
    trials: tuple[RecordContents, ...]
    retrains: tuple[RecordContents, ...]
    damaged: tuple[str, ...]  # what is wrong with the records that cannot be read, a line each
    rows: tuple[Row, ...]  # of the trials, best first
    winner: Side | None  # what the campaign's name means: its retrains, else its best trial, else the baseline
    baseline: Side | None  # what it is compared with; None where that is the winner, or has not finished
    comparison: Comparison | None
    uncompared: str  # why there is no comparison; empty where there is one
    validation: Validation | None  # the faces, where the cache holds them
    handovers: tuple[Handover, ...]
    pictures: bool = True  # whether faces may be shown

    @property
    def space(self) -> tuple[Dimension, ...]:
        """The hyperparameters that vary."""
        return dimensions(self.spec.space)

    @property
    def metric(self) -> str:
        """The campaign's objective: `val/accuracy`."""
        return self.spec.settings.objective.metric

    @property
    def records(self) -> tuple[RecordContents, ...]:
        """All trainings."""
        return (*self.trials, *self.retrains)

    @property
    def sides(self) -> tuple[Side, ...]:
        """Winner and baseline, those that are there."""
        return tuple(side for side in (self.winner, self.baseline) if side is not None)

    @cached_property
    def importance(self) -> Importance:
        """As the summary wrote it, where that is of the same trials; else worked out anew, which takes seconds."""
        stored = _attempt(lambda: Importance.read(self.folder / "importance.json"))
        used = [row for row in self.rows if row.number and row.objective is not None and row.same_as is None]
        if stored is not None and stored.metric == self.metric:
            same_budget = sum(row.budget == stored.epochs for row in used)
            if stored.trials == same_budget:
                return stored
        return importance(self.rows, self.space, self.spec.settings.objective)


def read_campaign(home: Home, name: str, *, pictures: bool = True) -> Contents:
    """The contents of the campaign `name`.

    Raises:
        NotFound: There is no such campaign.
        BadRecord: Its own file is damaged.
    """
    folder = home.recorded_campaign(name)
    spec = CampaignSpec.read(folder / "campaign.json")
    trials, lost = whole(records_in(folder / "trials"))
    retrains, more = whole(records_in(folder / "retrains"))
    winner, baseline, comparison, why = _sides(home, name)
    return Contents(
        home=home,
        folder=folder,
        spec=spec,
        trials=tuple(trials),
        retrains=tuple(retrains),
        damaged=(*lost, *more),
        rows=tuple(leaderboard(trials, spec.settings.objective)),
        winner=winner,
        baseline=baseline,
        comparison=comparison,
        uncompared=why,
        validation=None if winner is None else find_validation(home, spec, winner.predictions),
        handovers=tuple(readable_handovers(folder)),
        pictures=pictures,
    )


def _sides(home: Home, name: str) -> tuple[Side | None, Side | None, Comparison | None, str]:
    """Winner, baseline and the verdict on them, or why there is none."""
    try:
        ours = find_groups(home, name)[0]
    except FerExpError as error:
        return None, None, None, f"{error.problem}."
    winner = side_of(ours)
    if ours.specs[0].number == 0:
        return winner, None, None, "no trial has finished but the baseline, and nothing is compared with itself."
    try:
        theirs = matching(find_groups(home, f"{name}:baseline"), ours)
    except FerExpError as error:
        return winner, None, None, f"there is no baseline to compare with ({error.problem})."
    try:
        return winner, side_of(theirs), compare_groups(ours, theirs), ""
    except FerExpError as error:
        return winner, side_of(theirs), None, f"{error.problem}."


def side_of(group: Group) -> Side:
    """The group with what its records hold."""
    trainings = tuple(record.read() for record in group.records)
    predictions = _attempt(lambda: tuple(in_order(record.predictions()) for record in group.records))
    return Side(group, trainings, predictions or ())


def in_order(one: Predictions) -> Predictions:
    """The same predictions in the order of the source's rows."""
    order = np.argsort(one.rows, kind="stable")
    groups = None if one.groups is None else one.groups[order]
    arrays = {name: getattr(one, name)[order] for name in ("labels", "probabilities", "rows")}
    return replace(one, **arrays, groups=groups)


def _attempt(read: Callable[[], Found]) -> Found | None:
    try:
        return read()
    except (BadRecord, OSError):
        return None


def story_of(spec: CampaignSpec, folder: Path) -> Story:
    """The docstring of the campaign's file by heading: of the copy in its folder, else of the file where it was."""
    kept = folder / CAMPAIGN_FILE
    path = kept if kept.exists() else Path(spec.file)
    if path.suffix != ".py":
        return Story({}, "the campaign was made by a command and has no file.")
    try:
        if fingerprint(path) != spec.fingerprint:
            return Story({}, f"{path.name} has changed since the campaign was started.")
        text = ast.get_docstring(ast.parse(read_file(path))) or ""
    except (FerExpError, OSError, SyntaxError, ValueError):
        return Story(
            {}, f"the campaign's file {path.name} is not here any more; its docstring is no part of the record."
        )
    told = _by_heading(text)
    return Story(told, "" if told else f"the docstring of {path.name} names neither question nor hypothesis.")


def _by_heading(text: str) -> dict[str, str]:
    told: dict[str, str] = {}
    heading = ""
    for line in text.splitlines():
        begins = re.match(r"(Question|Hypothesis|Command|Cost|Result):\s*(.*)", line)
        if begins:
            heading = begins[1]
            told[heading] = begins[2]
        elif heading and line.strip():
            told[heading] += f" {line.strip()}"
        else:
            heading = ""
    return told
