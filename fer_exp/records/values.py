"""Trial values: what a record's files say of a training, as values.

In: JSON. Out: what was asked for, an epoch, how it ended, its metrics; checked, and never changed.
"""

import math
import time
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from fer_exp.metrics.registry import metric_of
from fer_exp.recipe import Recipe
from fer_exp.system.values import Value

SCHEMA = 1


Count = Annotated[int, Field(ge=0, lt=2**63)]  # what MLflow's store can hold
Finite = Annotated[float, Field(allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Kind(StrEnum):
    """What a run is; also MLflow's tag `fer_exp.kind`."""

    CAMPAIGN = "campaign"
    BASELINE = "baseline"
    TRIAL = "trial"
    RETRAIN = "retrain"
    EVALUATION = "evaluation"


class State(StrEnum):
    """How far a trial has come."""

    WAITING = "waiting"  # nothing trained yet
    RUNNING = "running"  # trained in part
    FINISHED = "finished"
    FAILED = "failed"


class Member(Value):
    """One of the trainings whose average a record holds."""

    record: str  # "demo/retrains/0003-seed2-2e"
    model_sha256: str
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]  # at which it is averaged; 1 as it answers


class TrialSpec(Value):
    """What was asked for: one training, wholly determined."""

    schema_version: Annotated[int, Field(ge=1, le=SCHEMA)] = SCHEMA
    campaign: str
    kind: Kind
    number: Count  # 0 is the baseline, trials count from 1; of a retrain, that of the trial that it trains again
    seed: Count
    recipe: Recipe
    epochs: Count  # stop after this many
    horizon: Count  # the campaign's full number of epochs, which schedules are laid out for
    data_digest: str
    split_digest: str  # of the development part: which rows train and validate
    protocol: str
    # the hyperparameters as proposed, Keras Tuner's bookkeeping left out
    values: dict[str, bool | int | float | str] = Field(default_factory=dict)
    continues: int | None = None  # trial whose last epoch this one goes on from (Hyperband's promotions)
    start_from: str | None = None  # model whose weights this one starts from (`--recover`), as sha256
    teacher: str | None = None  # model whose probabilities its recipe distils, as sha256
    members: tuple[Member, ...] = ()  # trainings whose average this is (`fer-exp ensemble`); nothing is trained then


def title_of(kind: Kind, number: int, seed: int) -> str:
    """A training as people call it: `baseline`, `trial 3`, `retrain 3 seed 2`, `retrain of the baseline seed 2`."""
    if kind is Kind.RETRAIN:
        return f"retrain {number or 'of the baseline'} seed {seed}"
    return str(kind) if number == 0 else f"{kind} {number}"


class Epoch(Value):
    """One line of history. Numbered from 1."""

    epoch: Annotated[int, Field(ge=1, lt=2**63)]
    train_loss: Finite
    train_accuracy: Finite
    val_loss: Finite
    val_accuracy: Finite
    learning_rate: Finite  # at the end of the epoch
    seconds: Seconds  # training and validation
    images_per_second: Finite  # training images over training time alone
    time_ms: Count  # milliseconds since 1970 when the epoch ended
    checkpoint_sha256: str | None = None  # of the checkpoint after it; None in records of earlier versions


class Outcome(Value):
    """How a trial ended."""

    state: State  # FINISHED or FAILED
    reason: str = ""  # why it failed, one line
    attempts: Count = 1
    best_epoch: Count = 0
    epochs: Count | None = None  # lines of history at the end, so that none can get lost; None in older records
    seconds: Seconds = 0.0  # training, over all attempts
    peak_memory_mib: Seconds = 0.0
    died: str = ""  # how its last process died, where that is why it failed: "killed by SIGKILL", "exit code 1"
    last_lines: str = ""  # of that process's log
    same_as: Count | None = None  # trial of this campaign that had already answered the same question
    answered_by: str = ""  # the record that was trained, where this one was not: "demo/trials/0003"
    trained_with: str = ""  # code, Keras, backend and kind of device that trained it; empty in older records
    ended_ms: Count = 0
    model_sha256: str | None = None  # of model.keras as it was then; None without one, and in older records


class Metrics(Value):
    """Metrics by name."""

    values: dict[str, float]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for name, value in self.values.items():
            what = name.rpartition("/")[2]
            if what == "images" and not (0 < value < 2**53 and value == int(value)):
                raise ValueError(f"{name}: expected a number of images, received {value}")
            known = metric_of(name)
            if known is not None and math.isfinite(value) and not known.low <= value <= known.high:
                raise ValueError(f"{name}: expected a number from {known.low:g} to {known.high:g}, received {value}")
        return self


def best_epoch(history: Sequence[Epoch]) -> int:
    """The epoch whose weights are kept: the first with the highest validation accuracy; 0 without epochs."""
    if not history:
        return 0
    return max(history, key=lambda row: (row.val_accuracy, -row.epoch)).epoch


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
