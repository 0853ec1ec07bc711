"""Searches with real trainings, killed in epochs, at checkpoints and between trials: the same leaderboard, to the bit.

Keras is loaded once, in the nursery; tests/test_end_to_end.py pays for starts as a person does. `-s` prints figures.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_exp.campaign import Algorithm
from fer_exp.system.home import Home
from tests.killing import Board, Figures, assert_whole, board, campaign, kill_at_random, strays, strike
from tests.nursery import Nursery, Trials, nursery

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]  # some thirty trainings; a busy machine needs long

# One that trains every trial from its start, and the two that go on from another's checkpoint: in a trial's process the
# others do what the first does, and tests/promises/test_killed.py kills all of them.
ALGORITHMS = [Algorithm.RANDOM, Algorithm.HYPERBAND, Algorithm.ADAPTIVE]
TRIALS = 2
POINTS = [  # which process dies, at what it does to which file or by which name, the how manieth time, before or after
    ("trial", "call", "progress", 2, "before"),  # inside the first epoch, a batch later
    ("trial", "fsync", ".partial-*-checkpoint-*", 1, "before"),  # weights are written, and have no name
    ("trial", "rename", "checkpoint-*", 1, "after"),  # they have, and their epoch is in no history
    ("trial", "call", "progress", 6, "before"),  # inside the second epoch
    ("trial", "rename", "model.keras", 1, "before"),  # all epochs are there, and no end
    ("driver", "rename", "trial.json", 1, "after"),  # between the baseline and the first trial
    ("trial", "rename", "outcome.json", 1, "after"),  # the first trial has ended, and its checkpoints still lie there
]
KILLS = 1  # more of each algorithm, at random moments
LONGEST = 4.0  # seconds from a sign of life to one of those


@pytest.fixture(scope="module")
def drivers() -> Iterator[Nursery]:
    with nursery(Trials.REAL) as ready:
        yield ready


@pytest.fixture
def through(algorithm: Algorithm, drivers: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Board:
    """The leaderboard of an uninterrupted search."""
    home, file = tiny(tmp_path_factory.mktemp(algorithm.value), algorithm)
    code, said = drivers.run(home, "search", file, "--no-tracking")
    assert code == 0, said
    assert_whole(home, board(home))
    return board(home)


def tiny(folder: Path, algorithm: Algorithm) -> tuple[Home, Path]:
    """Two epochs; three where Hyperband is to promote."""
    return campaign(folder, algorithm, TRIALS, 3 if algorithm is Algorithm.HYPERBAND else 2)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_real_searches_killed_in_epochs_and_between_trials_end_as_if_they_had_not_been(
    algorithm: Algorithm, drivers: Nursery, through: Board, tmp_path: Path
) -> None:
    figures, chance = Figures(), random.Random(algorithm.value)
    home, file = tiny(tmp_path, algorithm)
    for point in POINTS:
        strike(drivers, home, point, "search", file, "--no-tracking", figures=figures)
    killed = True
    while killed:
        driver = drivers.start(home, "search", file, "--no-tracking")
        figures.starts += 1
        killed = figures.kills < len(POINTS) + KILLS and kill_at_random(driver, home, chance, LONGEST, figures)
    assert driver.wait() == 0, driver.said
    assert_whole(home, through)
    assert strays(drivers) == []
    figures.tell(f"{algorithm}, real trainings")


def test_these_kills_are_twenty() -> None:
    """Each test above counts those that hit; at random moments a search may have ended before."""
    assert len(ALGORITHMS) * len(POINTS) >= 20
