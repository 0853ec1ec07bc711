"""A leaderboard as text, as a DataFrame and as CSV says the same."""

import csv
import io
import math
from pathlib import Path

import pandas as pd
import pytest

from fer_exp.campaign import Objective
from fer_exp.leaderboard.rows import Row, leaderboard
from fer_exp.leaderboard.table import duration, leaderboard_csv, leaderboard_frame
from fer_exp.records import State
from tests.made_records import made_record, made_scores


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    made = [
        made_record(tmp_path, 0, made_scores(0.60)),
        made_record(tmp_path, 1, made_scores(0.67), values={"learning_rate": 0.002, "flip": True}),
        made_record(tmp_path, 2, made_scores(0.665), values={"optimizer": "sgd"}, same_as=1),
        made_record(tmp_path, 3, state=State.FAILED, reason="out of memory, twice"),
    ]
    return leaderboard(made, Objective())


def test_a_frame_has_a_typed_column_for_each_fact(rows: list[Row]) -> None:
    frame = leaderboard_frame(rows)
    assert list(frame["number"]) == [1, 2, 0, 3]
    assert list(frame["rank"].dropna()) == [1, 2, 3]
    assert frame["rank"].isna().tolist() == [False, False, False, True]
    assert frame["accuracy"].dtype == float
    assert frame["same_as"].dtype == "Int64"
    assert frame.loc[frame["number"] == 1, "hp/learning_rate"].item() == 0.002
    assert frame["accuracy"].max() == rows[0].metrics["accuracy"]


def test_csv_says_what_the_frame_says_and_whole_numbers_have_no_point(rows: list[Row]) -> None:
    lines = list(csv.DictReader(io.StringIO(leaderboard_csv(rows))))
    assert [line["number"] for line in lines] == ["1", "2", "0", "3"]
    assert [line["same_as"] for line in lines] == ["", "1", "", ""]
    assert [float(line["accuracy"]) for line in lines[:3]] == [row.metrics["accuracy"] for row in rows[:3]]
    assert lines[0]["hp/flip"] == "True"
    assert lines[3]["objective"] == ""
    assert lines[3]["reason"] == "out of memory, twice"
    pd.testing.assert_series_equal(
        pd.read_csv(io.StringIO(leaderboard_csv(rows)))["accuracy"], leaderboard_frame(rows)["accuracy"]
    )


def test_a_leaderboard_without_rows_has_its_columns() -> None:
    assert leaderboard_csv([]).startswith("rank,number,kind,state,attempts,objective,")
    assert len(leaderboard_csv([]).splitlines()) == 1


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (99, "99 s"),
        (100, "2 min"),
        (5940, "99 min"),
        (6000, "1 h 40 min"),
        (11_100, "3 h 05 min"),
        (math.nan, "-"),
        (-1, "-"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -1.0])
def test_what_is_no_time_is_a_dash(seconds: float) -> None:
    assert duration(seconds) == "-"
