"""Searches killed again and again, at random moments and at named points: every trial once, the same leaderboard.

Trials are fake; everything else is what a person runs. Figures are printed (`-s`). Kills are counted where they hit, so
a machine that is too fast for some makes a test longer, never empty. test_killed_real.py is about real trainings.
"""

import errno
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_exp.campaign import Algorithm
from fer_exp.system.errors import ExitCode
from fer_exp.system.home import Home
from tests.faults import Fault
from tests.killing import Board, Figures, assert_shown, assert_whole, board, campaign, kill_at_random, strays, strike
from tests.nursery import Nursery, nursery

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]  # hundreds of starts; a busy machine needs long

ALGORITHMS = list(Algorithm)
TRIALS, EPOCHS = 8, 8
TOLD = [Algorithm.RANDOM, Algorithm.HYPERBAND]  # MLflow is told otherwise only where trials go on from others
KILLS = 24  # of each algorithm at random moments; then the search may end. Those at named points come on top
LONGEST = 0.5  # seconds from a sign of life to a kill

# Which process dies, at what it does to which file, the how manieth time, before or after it. The search dies with it.
POINTS = [
    ("driver", "rename", "campaign.json", 1, "before"),
    ("driver", "rename", "state.json", 1, "before"),
    ("driver", "rename", "trial.json", 1, "after"),  # the baseline's record is there, and no state names it
    ("driver", "fsync", ".partial-*-state.json", 3, "before"),  # written, and perhaps not on disk
    ("driver", "rename", "asked.json", 2, "after"),
    ("driver", "rename", "trial.json", 3, "after"),  # a trial's record is there, and no state names it
    ("driver", "rename", "state.json", 5, "before"),  # a trial has ended, and the state does not know
    ("driver", "rename", "state.json", 5, "after"),
    ("trial", "rename", "scores.json", 1, "after"),
    ("trial", "write", "history.jsonl", 3, "before"),  # the checkpoint is there, and its epoch is not
    ("trial", "fsync", "history.jsonl", 4, "before"),
    ("trial", "rename", "outcome.json", 1, "before"),
    ("trial", "rename", "outcome.json", 1, "after"),  # the trial has ended, and nobody has heard of it
    ("driver", "rename", "leaderboard.json", 1, "before"),
]

SHOWING = [  # the same for what tells MLflow, and for its calls
    ("call", "create_experiment", 1, "after"),
    ("call", "create_run", 1, "before"),
    ("call", "create_run", 1, "after"),  # the campaign's run is there, and nobody remembers it
    ("call", "create_run", 1, "after"),  # now a record's
    ("rename", "tracking.json", 1, "before"),  # MLflow has been told everything, and our note does not say so
    ("rename", "tracking.json", 1, "after"),
    ("call", "log_batch", 2, "after"),
    ("call", "create_logged_model", 1, "after"),
    ("call", "log_artifact", 3, "before"),
    ("call", "finalize_logged_model", 1, "before"),
    ("call", "set_terminated", 1, "before"),
    ("call", "set_terminated", 1, "after"),
]


@pytest.fixture(scope="module")
def drivers() -> Iterator[Nursery]:
    with nursery() as ready:
        yield ready


def tiny(folder: Path, algorithm: Algorithm) -> tuple[Home, Path]:
    folder.mkdir(exist_ok=True)
    return campaign(folder, algorithm, TRIALS, EPOCHS)


@pytest.fixture(scope="module")
def through(drivers: Nursery, tmp_path_factory: pytest.TempPathFactory) -> dict[Algorithm, Board]:
    """The leaderboards of uninterrupted searches."""
    boards = {}
    for algorithm in ALGORITHMS:
        home, file = tiny(tmp_path_factory.mktemp(algorithm.value), algorithm)
        code, said = drivers.run(home, "search", file, "--no-tracking")
        assert code == 0, said
        boards[algorithm] = board(home)
        assert_whole(home, boards[algorithm])
    return boards


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_searches_killed_at_random_moments_end_as_if_they_had_not_been(
    algorithm: Algorithm, drivers: Nursery, through: dict[Algorithm, Board], tmp_path: Path
) -> None:
    figures, chance = Figures(), random.Random(algorithm.value)
    while figures.kills < KILLS:
        home, file = tiny(tmp_path / str(figures.starts), algorithm)
        killed = True
        while killed:
            driver = drivers.start(home, "search", file, "--no-tracking")
            figures.starts += 1
            killed = figures.kills < KILLS and kill_at_random(driver, home, chance, LONGEST, figures)
        assert driver.wait() == 0, driver.said
        assert_whole(home, through[algorithm])
        assert strays(drivers) == []
    figures.tell(f"{algorithm}, at random moments")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_searches_killed_at_named_points_end_as_if_they_had_not_been(
    algorithm: Algorithm, drivers: Nursery, through: dict[Algorithm, Board], tmp_path: Path
) -> None:
    """One campaign, killed at one point after the other as it goes on."""
    figures = Figures()
    for start in (0, 1):
        folder = tmp_path / str(start)
        home, file = tiny(folder, algorithm)
        for point in POINTS[start::2]:
            strike(drivers, home, point, "search", file, "--no-tracking", figures=figures)
        code, said = drivers.run(home, "search", file, "--no-tracking")
        assert code == 0, said
        assert_whole(home, through[algorithm])
        assert strays(drivers) == []
    figures.tell(f"{algorithm}, at named points")


@pytest.mark.parametrize("algorithm", TOLD)
def test_searches_killed_while_they_tell_mlflow_show_every_trial_once(
    algorithm: Algorithm, drivers: Nursery, through: dict[Algorithm, Board], tmp_path: Path, mlflow_db: Path
) -> None:
    """One campaign, killed at one point after the other, then at random moments, as far as it goes."""
    figures, chance = Figures(), random.Random(algorithm.value)
    home, file = tiny(tmp_path, algorithm)
    shutil.copyfile(mlflow_db, home.root / "mlflow.db")
    for point in SHOWING:
        strike(drivers, home, ("tracker", *point), "search", file, figures=figures)
    killed = True
    while killed:
        driver = drivers.start(home, "search", file)
        figures.starts += 1
        killed = figures.starts <= 2 * len(SHOWING) and kill_at_random(driver, home, chance, LONGEST, figures)
    assert driver.wait() == 0, driver.said
    assert drivers.run(home, "sync", "tiny")[0] == 0
    assert_whole(home, through[algorithm])
    assert_shown(home)
    assert strays(drivers) == []
    figures.tell(f"{algorithm}, telling MLflow")


def test_a_sync_killed_at_every_call_shows_every_trial_once(
    drivers: Nursery, through: dict[Algorithm, Board], tmp_path: Path, mlflow_db: Path
) -> None:
    figures = Figures()
    home, file = tiny(tmp_path, Algorithm.RANDOM)
    shutil.copyfile(mlflow_db, home.root / "mlflow.db")
    assert drivers.run(home, "search", file, "--no-tracking")[0] == 0
    for point in SHOWING:
        strike(drivers, home, ("driver", *point), "sync", "tiny", figures=figures)
    assert drivers.run(home, "sync", "tiny")[0] == 0
    assert_whole(home, through[Algorithm.RANDOM])
    assert_shown(home)
    figures.tell("sync, at named points")


def test_these_kills_are_two_hundred() -> None:
    """Each test above counts those that hit; together they are what docs/reliability.md promises of a run of CI."""
    assert len(ALGORITHMS) * (KILLS + len(POINTS)) + (len(TOLD) + 1) * len(SHOWING) >= 200


FAILURES = [  # as POINTS, and the error that the operation fails with once, and the exit code of the search
    ("driver", "fsync", ".partial-*-state.json", 3, errno.ENOSPC, ExitCode.NO_SPACE),
    ("driver", "open", ".partial-*-trial.json", 2, errno.EDQUOT, ExitCode.NO_SPACE),
    ("trial", "write", "history.jsonl", 3, errno.EIO, ExitCode.OK),  # no word on the recipe: tried once more
]


@pytest.mark.parametrize(("process", "operation", "name", "nth", "error", "expected"), FAILURES)
def test_an_operation_that_fails_once_loses_nothing(
    process: str,
    operation: str,
    name: str,
    nth: int,
    error: int,
    expected: ExitCode,
    drivers: Nursery,
    through: dict[Algorithm, Board],
    tmp_path: Path,
) -> None:
    home, file = tiny(tmp_path, Algorithm.RANDOM)
    marker = tmp_path / "happened"
    fault = Fault(
        process=process, under=str(home.root), marker=str(marker), operation=operation, file=name, nth=nth, error=error
    )
    code, said = drivers.run(home, "search", file, "--no-tracking", fault=fault)
    assert marker.exists()
    assert code == expected, said
    code, said = drivers.run(home, "search", file, "--no-tracking")
    assert code == 0, said
    assert_whole(home, through[Algorithm.RANDOM])
