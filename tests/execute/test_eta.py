"""How long a search says that it will take at most: after a start, a resumption, early stops and promotions."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from fer_exp.execute.eta import EtaEstimator
from fer_exp.leaderboard.ended import EndedCount
from fer_exp.leaderboard.rows import Row
from fer_exp.records import Kind, Record, State, TrialSpec
from fer_exp.system.errors import BadRecord
from tests.made_records import made_history, made_record


@dataclass
class Running:
    """An attempt that no process is behind."""

    record: Record
    spec: TrialSpec
    epoch: int = 0
    step: int = 0
    steps: int = 0
    waits: str = ""


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> EtaEstimator:
    return EtaEstimator(clock)


def running(folder: Path, epochs: int, *, trained: int = 0, number: int = 0, continues: int | None = None) -> Running:
    """An attempt that has just started, at a record that has `trained` epochs."""
    record = made_record(folder, number, state=None, budget=trained)
    spec = record.spec().model_copy(update={"epochs": epochs, "continues": continues})
    return Running(record, spec)


def row(number: int, budget: int, state: State = State.FINISHED, continues: int | None = None) -> Row:
    return Row(
        number=number, kind=Kind.TRIAL, state=state, attempts=1, objective=0.5, budget=budget, continues=continues
    )


def at(attempt: Running, epoch: int, step: int = 0, steps: int = 100) -> Running:
    attempt.epoch, attempt.step, attempt.steps = epoch, step, steps
    return attempt


def test_nothing_is_said_before_something_was_trained(pace: EtaEstimator, clock: Clock, tmp_path: Path) -> None:
    attempt = running(tmp_path, 10)
    pace.note(attempt)
    clock.now += 60
    assert pace.seconds_left(EndedCount.of(()), [attempt], 10) is None
    pace.note(at(attempt, 1))
    assert pace.seconds_left(EndedCount.of(()), [attempt], 10) is None


def test_loading_libraries_is_not_counted(pace: EtaEstimator, clock: Clock, tmp_path: Path) -> None:
    attempt = running(tmp_path, 10)
    pace.note(attempt)
    clock.now += 60
    pace.note(at(attempt, 1, 0))
    clock.now += 20
    pace.note(at(attempt, 1, 50))
    assert pace.seconds_left(EndedCount.of(()), [attempt], 10) == pytest.approx(9.5 * 40)


def test_epochs_of_an_earlier_start_do_not_count_as_done_in_no_time(
    pace: EtaEstimator, clock: Clock, tmp_path: Path
) -> None:
    attempt = running(tmp_path, 100, trained=2)
    pace.note(attempt)  # its process loads Keras and does not know of epochs yet
    pace.note(at(attempt, 3, 0))
    clock.now += 50
    pace.note(at(attempt, 3, 25))
    assert pace.seconds_left(EndedCount.of(()), [attempt], 100) == pytest.approx(97.75 * 200)


def test_a_trial_that_stopped_early_leaves_nothing_and_makes_no_epoch_faster(
    pace: EtaEstimator, clock: Clock, tmp_path: Path
) -> None:
    first = running(tmp_path, 100)
    pace.note(at(first, 1))
    clock.now += 400
    for epoch in made_history(40):
        first.record.append(epoch)
    pace.forget(first.record)  # 40 epochs, the last of them never seen by a look
    second = running(tmp_path, 100, number=1)
    pace.note(at(second, 1))
    assert pace.seconds_left(EndedCount.of([row(0, 100)]), [second], 300) == pytest.approx(200 * 10)


def test_a_promoted_trial_takes_only_the_epochs_that_it_adds(pace: EtaEstimator, clock: Clock, tmp_path: Path) -> None:
    """Planned: a baseline of 9 epochs, three trials to epoch 3, and the best of them on to epoch 9: 9 + 9 + 6."""
    rows = [row(0, 9), row(1, 3), row(2, 3), row(3, 3)]
    promoted = running(tmp_path, 9, trained=3, number=4, continues=2)
    pace.note(at(promoted, 4, 0))
    clock.now += 7
    pace.note(at(promoted, 5, 0))
    assert pace.seconds_left(EndedCount.of(rows), [promoted], 24) == pytest.approx(5 * 7)
    assert pace.seconds_left(EndedCount.of([*rows, row(4, 9, continues=2)]), [], 24) == 0


def test_an_epoch_that_is_trained_once_more_after_a_death_is_not_counted_backwards(
    pace: EtaEstimator, clock: Clock, tmp_path: Path
) -> None:
    attempt = running(tmp_path, 4)
    pace.note(at(attempt, 1, 0))
    clock.now += 8
    pace.note(at(attempt, 1, 80))
    pace.note(at(attempt, 0, 0, 0))  # the second process starts
    assert pace.seconds_left(EndedCount.of(()), [attempt], 4) == pytest.approx(3.2 * 10)


def test_a_record_that_failed_because_its_history_is_damaged_is_forgotten_all_the_same(
    pace: EtaEstimator, tmp_path: Path
) -> None:
    attempt = running(tmp_path, 4, trained=2)
    pace.note(attempt)
    history = attempt.record.path / "history.jsonl"
    history.write_text(history.read_text().replace('"epoch":1', '"epoch":7') + "rubbish\n")
    with pytest.raises(BadRecord):
        attempt.record.history()
    pace.forget(attempt.record)
    assert pace.seconds_left(EndedCount.of(()), [], 4) is None
