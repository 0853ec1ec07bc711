"""A search on a cluster whose workers and nodes are killed again and again, and whose parent is killed too.

Trials train nothing; the search, Ray, its nodes and the way of the records are real. `-s` prints figures.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from fer_exp.campaign import Algorithm
from fer_exp.execute.progress import Silence, Snapshot
from fer_exp.records import State
from fer_exp.system.home import Home
from fer_exp.tuning.run import Conditions, run_search
from fer_exp.tuning.values import DataChoice
from tests.clusters import SUPERVISOR, TRIAL, Nodes, cluster, needs_ray, still_there
from tests.fake_trials import SLOW_BATCH, train_fake
from tests.killing import Board, board
from tests.killing import campaign as made_campaign
from tests.nursery import Driver, Nursery, nursery
from tests.toy_search import campaign, leaderboard, records

pytestmark = [needs_ray, pytest.mark.slow, pytest.mark.timeout(1500)]

TRIALS, EPOCHS, NODES = 8, 8, 2
FEW = 4  # epochs where the parent or the head is killed, once
KILLS = 30
NODE_EVERY = 5  # every so manieth kill takes a whole node; the others take the process of one attempt


class Killing(Silence):
    """Kills something whenever an epoch has come in since the last time, while trials are left."""

    def __init__(self, nodes: Nodes, members: list[Any], home: Home) -> None:
        self._nodes, self._members, self._home = nodes, members, home
        self._chance = random.Random(1)
        self._epochs = -1
        self.kills: list[str] = []
        self.seen: set[psutil.Process] = set()  # of all attempts

    def show(self, snapshot: Snapshot) -> None:
        epochs = sum(len(record.history()) for record in records(self._home))
        if epochs == self._epochs or not snapshot.running:
            return
        self.seen |= set(self._nodes.attempts())
        if len(self.kills) >= KILLS:
            return
        victims = [("supervisor", one) for one in self._nodes.attempts(SUPERVISOR)]
        victims += [("trial", one) for one in self._nodes.attempts(TRIAL)]
        if len(self.kills) % NODE_EVERY == NODE_EVERY - 1:
            node = self._members.pop(0)
            self._nodes.kill(node)
            self._members.append(self._nodes.add(own_disk=True))
            self.kills.append("node")
        elif victims:
            what, victim = self._chance.choice(victims)
            with suppress(psutil.NoSuchProcess):
                victim.kill()
                self.kills.append(what)
        self._epochs = epochs


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    with cluster(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def drivers() -> Iterator[Nursery]:
    with nursery() as ready:
        yield ready


@pytest.fixture(scope="module")
def undisturbed(drivers: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Board:
    """The leaderboard of the same search on the local engine."""
    home, file = made_campaign(tmp_path_factory.mktemp("local"), Algorithm.RANDOM, 3, FEW)
    code, said = drivers.run(home, "search", file, "--no-tracking")
    assert code == 0, said
    return board(home)


def test_every_trial_once_and_no_epoch_twice_whatever_is_killed(nodes: Nodes, home: Home) -> None:
    quick = campaign(max_trials=TRIALS, epochs=EPOCHS)
    undisturbed = Conditions(Home(home.root.parent / "local"), Silence(), tracking=False, entry=train_fake)
    expected = run_search(quick, quick.settings, "toy.py", "fingerprint", DataChoice("demo"), undisturbed)
    # The same but for its time: there is enough of it to kill in.
    toy = replace(
        quick,
        space=lambda hp: quick.space(hp).but(batch_size=SLOW_BATCH),
        baseline=quick.baseline.but(batch_size=SLOW_BATCH),
    )
    members = [nodes.add(own_disk=True) for _ in range(NODES)]
    killing, began = Killing(nodes, members, home), time.monotonic()
    there = Conditions(home, killing, tracking=False, entry=train_fake, cluster=nodes.asked(1))
    result = run_search(toy, toy.settings, "toy.py", "fingerprint", DataChoice("demo"), there)
    seconds = time.monotonic() - began
    counts = {what: killing.kills.count(what) for what in ("trial", "supervisor", "node")}
    attempts = sum(len(list(record.path.glob("attempt-*.log"))) for record in records(home))
    sys.stdout.write(f"\n{len(killing.kills)} kills ({counts}), {attempts} attempts, {seconds:.0f} s\n")
    assert len(killing.kills) >= KILLS
    assert leaderboard(result) == leaderboard(expected)
    assert {row.state for row in result.rows} == {State.FINISHED}
    for record in records(home):
        assert [epoch.epoch for epoch in record.history()] == list(range(1, EPOCHS + 1))
    assert len(killing.seen) > KILLS
    assert still_there(killing.seen) == []


def test_a_parent_that_is_killed_goes_on_by_the_same_command(
    drivers: Nursery, undisturbed: Board, tmp_path: Path
) -> None:
    home, file = slow_campaign(tmp_path / "searched")
    with cluster(tmp_path, join=False) as made:
        made.add(own_disk=True)
        first = search(drivers, home, file, made)
        until(lambda: any(record.history() for record in records(home, "tiny")), first)
        working = made.attempts()
        first.kill()
        assert working
        assert still_there(working) == []  # Ray ends what worked for it
        assert made.attempts() == []
        second = search(drivers, home, file, made)
        assert second.wait() == 0, second.said
    assert board(home) == undisturbed


def test_a_head_that_is_killed_ends_the_search_which_goes_on_with_another(
    drivers: Nursery, undisturbed: Board, tmp_path: Path
) -> None:
    home, file = slow_campaign(tmp_path / "searched")
    with cluster(tmp_path, join=False) as made:
        made.add(own_disk=True)
        first = search(drivers, home, file, made)
        until(lambda: any(record.history() for record in records(home, "tiny")), first)
        made.kill_head()
        assert first.wait() != 0
    assert "Traceback" not in first.said
    assert State.FAILED not in {record.state() for record in records(home, "tiny")}
    with cluster(tmp_path, join=False) as made:
        made.add(own_disk=True)
        second = search(drivers, home, file, made)
        assert second.wait() == 0, second.said
    assert board(home) == undisturbed


def slow_campaign(folder: Path) -> tuple[Home, Path]:
    """The undisturbed campaign but for its time: there is enough of it to kill in."""
    home, file = made_campaign(folder, Algorithm.RANDOM, 3, FEW)
    quick = file.read_text()
    slow = quick.replace("learning_rate=1e-2)", f"learning_rate=1e-2, batch_size={SLOW_BATCH})", 1)
    assert slow != quick
    file.write_text(slow)
    return home, file


def search(drivers: Nursery, home: Home, file: Path, there: Nodes) -> Driver:
    """Gives the command, in a process of its own."""
    return drivers.start(home, "search", file, "--no-tracking", "--engine", "ray", "--ray-address", there.address)


def until(done: Callable[[], bool], driver: Driver, seconds: float = 240.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        assert driver.ended() is None, driver.said
        time.sleep(0.05)
