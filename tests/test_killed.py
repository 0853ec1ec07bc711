"""Searches killed again and again, at random moments and at named points: every trial once, the same leaderboard.

Trials are fake; everything else is what a person runs. Figures are printed (`-s`).
"""

import errno
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fer_exp.campaign import Algorithm
from fer_exp.errors import ExitCode
from fer_exp.home import Home
from tests.commands import write_campaign
from tests.faults import Fault
from tests.killing import Board, Driver, Nursery, assert_whole, board, nursery, prepared, strays

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]  # a hundred starts; a busy machine needs long

ALGORITHMS = list(Algorithm)
TRIALS, EPOCHS = 8, 8
KILLS = 10  # of each algorithm at random moments; then the search may end. Those at named points come on top
LONGEST = 3.0  # seconds from a sign of life to a kill; with fewer a busy machine gets nowhere between two

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


@dataclass
class Figures:
    """What was done, to be copied into docs/reliability.md."""

    kills: int = 0
    starts: int = 0
    began: float = field(default_factory=time.monotonic)

    def tell(self, what: str) -> None:
        print(f"\n{what}: {self.kills} kills, {self.starts} starts, {time.monotonic() - self.began:.0f} s")  # noqa: T201  # figures for the documentation


@pytest.fixture(scope="module")
def drivers() -> Iterator[Nursery]:
    with nursery() as ready:
        yield ready


@pytest.fixture(scope="module")
def through(drivers: Nursery, tmp_path_factory: pytest.TempPathFactory) -> dict[Algorithm, Board]:
    """The leaderboards of uninterrupted searches."""
    boards = {}
    for algorithm in ALGORITHMS:
        home, file = campaign(tmp_path_factory.mktemp(algorithm.value), algorithm)
        code, said = drivers.run(home, "search", file, "--no-tracking")
        assert code == 0, said
        boards[algorithm] = board(home)
        assert_whole(home, boards[algorithm])
    return boards


def campaign(folder: Path, algorithm: Algorithm) -> tuple[Home, Path]:
    home = Home(folder / "mlruns")
    shutil.copytree(prepared(), home.cache)
    return home, write_campaign(folder, algorithm.value, TRIALS, EPOCHS)


def kill_at_random(driver: Driver, home: Home, chance: random.Random) -> bool:
    """Kills the search at some moment after it has begun to write; whether it was still there."""
    lock, mine = home.campaign("tiny") / "lock.json", f'"pid":{driver.pid},'
    while driver.ended() is None and not (lock.exists() and mine in lock.read_text()):
        time.sleep(0.002)
    time.sleep(chance.uniform(0, LONGEST))
    driver.kill()
    return driver.wait() < 0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_searches_killed_at_random_moments_end_as_if_they_had_not_been(
    algorithm: Algorithm, drivers: Nursery, through: dict[Algorithm, Board], tmp_path: Path
) -> None:
    figures, chance = Figures(), random.Random(algorithm.value)
    while figures.kills < KILLS:
        folder = tmp_path / str(figures.starts)
        folder.mkdir()
        home, file = campaign(folder, algorithm)
        killed = True
        while killed:
            driver = drivers.start(home, "search", file, "--no-tracking")
            figures.starts += 1
            killed = figures.kills < KILLS and kill_at_random(driver, home, chance)
            figures.kills += killed
        assert driver.wait() == 0, driver.said
        assert_whole(home, through[algorithm])
        assert strays(home) == []
    figures.tell(f"{algorithm}, at random moments")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_searches_killed_at_named_points_end_as_if_they_had_not_been(
    algorithm: Algorithm, drivers: Nursery, through: dict[Algorithm, Board], tmp_path: Path
) -> None:
    """One campaign, killed at one point after the other as it goes on."""
    figures = Figures()
    for start in (0, 1):
        folder = tmp_path / str(start)
        folder.mkdir()
        home, file = campaign(folder, algorithm)
        for number, (process, operation, name, nth, when) in enumerate(POINTS[start::2]):
            marker = folder / f"happened-{number}"
            fault = Fault(
                process=process,
                under=str(home.root),
                marker=str(marker),
                operation=operation,
                file=name,
                nth=nth,
                when=when,
            )
            code, said = drivers.run(home, "search", file, "--no-tracking", fault=fault)
            figures.starts += 1
            assert marker.exists(), (fault, code, said)
            assert code == -9, said
            figures.kills += 1
        code, said = drivers.run(home, "search", file, "--no-tracking")
        assert code == 0, said
        assert_whole(home, through[algorithm])
        assert strays(home) == []
    figures.tell(f"{algorithm}, at named points")


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
    home, file = campaign(tmp_path, Algorithm.RANDOM)
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
