"""The board of a search at work says what the records say, and reads each of them once when it has ended."""

from pathlib import Path

import pytest

from fer_exp.campaign import Objective
from fer_exp.leaderboard.ended import EndedCount
from fer_exp.leaderboard.rows import leaderboard
from fer_exp.leaderboard.running import RunningLeaderboard
from fer_exp.recipe import baseline_recipe
from fer_exp.records import Outcome, Record, State
from fer_exp.system.errors import BadRecord
from tests.made_records import made_record, made_scores

ACCURACY = Objective()


def board_of(records: list[Record]) -> RunningLeaderboard:
    return RunningLeaderboard(records, ACCURACY, baseline_recipe())


@pytest.fixture
def trials(tmp_path: Path) -> list[Record]:
    """A baseline, two finished trials that tie, one that failed, one that still trains."""
    return [
        made_record(tmp_path, 0, made_scores(0.65)),
        made_record(tmp_path, 1, made_scores(0.68)),
        made_record(tmp_path, 2, made_scores(0.68)),
        made_record(tmp_path, 3, made_scores(0.99), state=State.FAILED, reason="out of memory"),
        made_record(tmp_path, 4, made_scores(0.70), state=None),
    ]


def test_the_board_is_the_leaderboard_of_the_records_at_any_moment(trials: list[Record]) -> None:
    board = board_of(trials[:1])
    for count, record in enumerate(trials[1:], start=2):
        board.take(record)
        assert list(board.rows()) == leaderboard(trials[:count], ACCURACY)
        assert board.so_far == EndedCount.of(board.rows())
    assert (board.so_far.ended, board.so_far.failed) == (4, 1)
    trials[4].end(Outcome(state=State.FINISHED))
    board.take(trials[4])
    board.take(trials[4])  # told twice, it stands there once
    assert list(board.rows()) == leaderboard(trials, ACCURACY)
    assert board.rows()[0].number == 4
    assert board.so_far == EndedCount.of(board.rows())
    assert board.so_far.ended == 5
    board.forget(4)
    assert (board.so_far.ended, sorted(board.so_far.budgets)) == (4, [0, 1, 2, 3])


def test_a_record_that_has_ended_is_not_read_again(trials: list[Record]) -> None:
    board = board_of(trials)
    for name in ("trial.json", "outcome.json", "history.jsonl", "scores.json"):
        (trials[1].path / name).unlink()
    assert [row.number for row in board.rows()] == [1, 2, 0, 3, 4]


def test_a_damaged_record_is_found_at_the_start(trials: list[Record]) -> None:
    (trials[4].path / "history.jsonl").write_text("{\n")
    with pytest.raises(BadRecord, match=r"history\.jsonl line 1"):
        board_of(trials)


def test_a_record_that_has_made_way_leaves_no_row_and_another_may_take_its_number(trials: list[Record]) -> None:
    board = board_of(trials[:3])
    board.forget(2)
    assert list(board.rows()) == leaderboard(trials[:2], ACCURACY)
    board.take(trials[2])
    assert list(board.rows()) == leaderboard(trials[:3], ACCURACY)


def test_models_without_a_place_are_named_once_and_the_baseline_s_never(trials: list[Record]) -> None:
    board = board_of(trials)
    assert [record.path.name for record in board.without_place(1)] == ["0002", "0003"]
    assert board.without_place(1) == []
    trials[4].end(Outcome(state=State.FINISHED))
    board.take(trials[4])
    assert [record.path.name for record in board.without_place(1)] == ["0001"]
