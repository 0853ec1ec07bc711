"""What a doctor says: one finding, one line, one stable word.

In: nothing. Out: the words, and the values that checks yield. A word never changes its meaning, so scripts may ask for
it; docs/reliability.md explains each (a test holds the two together).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Code(StrEnum):
    """What is wrong."""

    CAMPAIGN_MISSING = "campaign-missing"
    CAMPAIGN_UNREADABLE = "campaign-unreadable"
    LATER_VERSION = "later-version"
    PACKAGE_VERSION = "package-version"
    STATE_UNREADABLE = "state-unreadable"
    STATE_AHEAD = "state-ahead"
    RECORD_UNKNOWN = "record-unknown"
    TRIAL_WITHOUT_RECORD = "trial-without-record"
    NUMBER_MISSING = "number-missing"
    LOCK_STALE = "lock-stale"
    RECORD_UNREADABLE = "record-unreadable"
    RECORD_FOREIGN = "record-foreign"
    RESULTS_MISSING = "results-missing"
    TORN_LINE = "torn-line"
    SIDE_FILE_UNREADABLE = "side-file-unreadable"
    LEDGER_UNREADABLE = "ledger-unreadable"
    HANDOVERS_UNREADABLE = "handovers-unreadable"
    MODEL_MISSING = "model-missing"
    MODEL_ALTERED = "model-altered"
    CHECKPOINT_ALTERED = "checkpoint-altered"
    LEFTOVER_FILE = "leftover-file"
    LEFTOVER_FOLDER = "leftover-folder"
    LEFTOVER_CHECKPOINT = "leftover-checkpoint"
    MLFLOW_UNREACHABLE = "mlflow-unreachable"
    MLFLOW_VERSION = "mlflow-version"
    MLFLOW_ELSEWHERE = "mlflow-elsewhere"
    RUN_GHOST = "run-ghost"
    RUN_ORPHAN = "run-orphan"
    RUN_TWICE = "run-twice"
    RUN_MISSING = "run-missing"
    RUN_BEHIND = "run-behind"
    ARTIFACT_MISSING = "artifact-missing"
    MODEL_ORPHAN = "model-orphan"
    CARD_OUTDATED = "card-outdated"


@dataclass(frozen=True)
class Mend:
    """What `--fix` does about a finding. Several findings may share one; it is done once."""

    key: str
    do: Callable[[], None] = field(compare=False)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""

    code: Code
    where: str  # a path within the home, or a run
    what: str  # what is wrong, one clause
    advice: str  # what --fix does, or a person has to do, one clause
    mend: Mend | None = field(default=None, compare=False)

    @property
    def line(self) -> str:
        """The finding for a person."""
        lead = "--fix " if self.mend is not None else "by hand: "
        return f"{self.where}: {self.code}: {self.what} ({lead}{self.advice})"


@dataclass(frozen=True)
class Report:
    """What a visit found."""

    campaigns: int
    records: int
    runs: int | None  # None where MLflow was not looked at, or did not answer
    left: tuple[Finding, ...]
    mended: tuple[Finding, ...] = ()
