"""A campaign's folder as a doctor sees it: every part read as far as it can be, nothing raised.

In: a home and a campaign's name. Out: a Case. Checks ask it and never read the same file twice.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fer_exp.campaign import CampaignSpec
from fer_exp.data.split.info import DataInfo
from fer_exp.records import ASKED, DATA, SCHEMA, Outcome, Record, State, TrialSpec, by_number
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import TEMPORARY
from fer_exp.system.home import Home
from fer_exp.system.lock import is_held
from fer_exp.system.values import first_line
from fer_exp.tuning import state as search_state

if TYPE_CHECKING:
    from fer_exp.tracking.inspect import Inspection  # brings MLflow

FOLDERS = ("trials", "retrains")
SET_ASIDE = "set-aside"  # in a campaign's folder: what a doctor moved out of the way
CAMPAIGN_SCHEMA = 1
ENDED = ("COMPLETED", "FAILED", "INVALID")  # Keras Tuner's words for trials that its oracle will not hear of again

Read = TypeVar("Read")


@dataclass(frozen=True)
class Chart:
    """A record as far as it can be read."""

    record: Record
    spec: TrialSpec | None
    outcome: Outcome | None
    epochs: int
    problem: str | None  # why the record cannot be used; None where every part of it can be read
    version: int | None  # of its schema, where that is later than ours

    @property
    def usable(self) -> bool:
        """Whether other checks may speak about it."""
        return self.problem is None and self.version is None

    @property
    def finished(self) -> bool:
        """Whether its training ended well."""
        return self.usable and self.outcome is not None and self.outcome.state is State.FINISHED

    @property
    def begun(self) -> bool:
        """Whether it does not only wait for its turn; MLflow shows what has begun."""
        return self.outcome is not None or self.epochs > 0 or self.tried

    @property
    def tried(self) -> bool:
        """Whether a process has worked on it."""
        return any(self.record.path.glob("attempt-*.log"))


@dataclass(frozen=True)
class Case:
    """A campaign's folder as far as it can be read."""

    home: Home
    folder: Path
    driven: bool  # a search or retrain is at work in it
    spec: CampaignSpec | None
    spec_problem: str | None
    trials: dict[int, str] | None  # what the state says of each trial; None where there is no state to be read
    finished: bool  # the state says that the budget was spent
    state_problem: str | None
    versions: tuple[tuple[Path, int], ...]  # files whose schema is later than ours
    charts: tuple[Chart, ...]
    inspection: "Inspection | None" = None  # what MLflow shows; None where it was not asked or knows nothing
    sync: Callable[[], None] = lambda: None  # brings MLflow level with this campaign

    def within(self, path: Path) -> str:
        """A path as findings name it."""
        return path.relative_to(self.home.root).as_posix()

    def charts_in(self, part: str) -> list[Chart]:
        """The records of `trials` or `retrains`."""
        return [chart for chart in self.charts if chart.record.path.parent.name == part]

    def files(self, pattern: str) -> list[Path]:
        """The campaign's files of that name, without what was set aside."""
        aside = self.folder / SET_ASIDE
        return [path for path in sorted(self.folder.rglob(pattern)) if path.is_file() and aside not in path.parents]


def open_case(home: Home, name: str, *, driven: bool | None = None) -> Case:
    """Reads the folder of the campaign `name`.

    Args:
        home: Where it is.
        name: Of its folder.
        driven: Whether somebody drives it; None looks at its lock.
    """
    folder = home.campaign(name)
    named = {folder / "campaign.json": CAMPAIGN_SCHEMA, folder / "state.json": search_state.SCHEMA}
    versions = tuple((path, later) for path, known in named.items() if (later := later_version(path, known)))
    spec, spec_problem = _attempt(lambda: CampaignSpec.read(folder / "campaign.json"))
    trials, finished, state_problem = _state(folder)
    return Case(
        home=home,
        folder=folder,
        driven=is_held(folder) if driven is None else driven,
        spec=spec,
        spec_problem=spec_problem,
        trials=trials,
        finished=finished,
        state_problem=state_problem,
        versions=versions,
        charts=tuple(_chart(Record(path)) for part in FOLDERS for path in _folders(folder / part)),
    )


def later_version(path: Path, known: int) -> int | None:
    """The schema version that a file names, where it is later than `known`."""
    try:
        said = json.loads(path.read_bytes()).get("schema_version", 0)
    except (OSError, ValueError, AttributeError):
        return None
    return said if isinstance(said, int) and said > known else None


def _folders(parent: Path) -> list[Path]:
    """What is or was a record; a folder that holds no more than where it was asked for is neither yet."""
    if not parent.is_dir():
        return []
    there = [
        path
        for path in sorted(parent.iterdir(), key=by_number)
        if path.is_dir() and not path.name.startswith(TEMPORARY)
    ]
    return [path for path in there if any(not _comes_first(found.name) for found in path.iterdir())]


def _comes_first(name: str) -> bool:
    """Whether a file of that name may lie where a kill has kept a record from being made."""
    return name == ASKED or name.startswith(TEMPORARY)


def _state(folder: Path) -> tuple[dict[int, str] | None, bool, str | None]:
    state, problem = _attempt(lambda: search_state.read_state(folder))
    if state is None:
        return None, False, problem
    try:
        # As tuning/oracles.py puts them away; that module is not imported because it brings Keras Tuner.
        trials = {int(trial["id"]) + 1: str(trial["status"]) for trial in state.proposer["trials"]}
    except (KeyError, TypeError, ValueError) as error:
        return None, False, f"it lists no trials ({type(error).__name__}: {first_line(error)})"
    return trials, state.finished, None


def _chart(record: Record) -> Chart:
    spec, first = _attempt(record.spec)
    outcome, second = _attempt(record.outcome)
    history, third = _attempt(record.history)
    rest = [_attempt(record.scores)[1]]
    rest += [_attempt(record.predictions)[1]] if (record.path / "predictions.npz").exists() else []
    rest += [_attempt(lambda: DataInfo.read(record.path / DATA))[1]] if (record.path / DATA).exists() else []
    epochs = len(history or ())
    if outcome is not None and history is not None and outcome.best_epoch > epochs:
        rest.append(f"{record.path / 'history.jsonl'}: expected {outcome.best_epoch} epochs or more, received {epochs}")
    problem = next((found for found in (first, second, third, *rest) if found is not None), None)
    return Chart(record, spec, outcome, epochs, problem, later_version(record.path / "trial.json", SCHEMA))


def _attempt(read: Callable[[], Read]) -> tuple[Read | None, str | None]:
    try:
        return read(), None
    except BadRecord as error:
        return None, error.problem
    except OSError as error:
        return None, first_line(error)
