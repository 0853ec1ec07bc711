"""A search on a cluster whose workers and nodes are killed again and again, and whose parent is killed too.

Trials train nothing; the search, Ray, its nodes and the way of the records are real. `-s` prints figures.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
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
from tests.clusters import Nodes, cluster, needs_ray
from tests.fake_trials import SLOW_BATCH, train_fake
from tests.killing import board
from tests.killing import campaign as made_campaign
from tests.toy_search import campaign, leaderboard, records

pytestmark = [needs_ray, pytest.mark.slow, pytest.mark.timeout(1500)]

TRIALS, EPOCHS, NODES = 8, 8, 2
KILLS = 30
NODE_EVERY = 5  # every so manieth kill takes a whole node; the others take the process of one attempt
SUPERVISOR, TRIAL = "ray::attempt", "multiprocessing.spawn"  # how those processes are called


class Killing(Silence):
    """Kills something whenever an epoch has come in since the last time, while trials are left."""

    def __init__(self, nodes: Nodes, members: list[Any], home: Home) -> None:
        self._nodes, self._members, self._home = nodes, members, home
        self._chance = random.Random(1)
        self._epochs = -1
        self.kills: list[str] = []

    def show(self, snapshot: Snapshot) -> None:
        epochs = sum(len(record.history()) for record in records(self._home))
        if len(self.kills) >= KILLS or epochs == self._epochs or not snapshot.running:
            return
        victims = [("supervisor", one) for one in processes(SUPERVISOR)] + [("trial", one) for one in processes(TRIAL)]
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


def processes(name: str) -> list[psutil.Process]:
    """Those of this machine whose command line has a word."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or [])
        ours = str(os.getpid()) not in command and process.info["status"] != psutil.STATUS_ZOMBIE
        if name in command and ours and "tests.fake_trials" not in command:
            found.append(process)
    return found


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    with cluster(tmp_path) as made:
        yield made


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
    deadline = time.monotonic() + 60
    while (left := [*processes(SUPERVISOR), *processes(TRIAL)]) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []


PARENT = """
import sys
from tests.nursery import warm_up
from tests.fake_trials import train_fake
warm_up(entry=train_fake)
from fer_exp.cli import main
sys.argv = ["fer-exp", *sys.argv[1:]]
main()
"""


def test_a_parent_that_is_killed_goes_on_by_the_same_command(nodes: Nodes, tmp_path: Path) -> None:
    nodes.add(own_disk=True)
    home, file = made_campaign(tmp_path / "searched", Algorithm.RANDOM, 3, EPOCHS)
    command = ["search", file, "--no-tracking", "--engine", "ray", "--ray-address", nodes.address]
    first = start(home, command)
    wait_for(lambda: any(len(record.history()) for record in records(home, "tiny")), first)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    deadline = time.monotonic() + 60  # Ray ends what worked for it
    while (left := [*processes(SUPERVISOR), *processes(TRIAL)]) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []
    second = start(home, command)
    _, said = second.communicate(timeout=300)
    assert second.returncode == 0, said
    other, file = made_campaign(tmp_path / "local", Algorithm.RANDOM, 3, EPOCHS)
    third = start(other, ["search", file, "--no-tracking"])
    third.communicate(timeout=300)
    assert third.returncode == 0
    assert board(home) == board(other)


def test_a_head_that_is_killed_ends_the_search_which_goes_on_with_another(tmp_path: Path) -> None:
    home, file = made_campaign(tmp_path / "searched", Algorithm.RANDOM, 3, EPOCHS)
    with cluster(tmp_path, join=False) as made:
        made.add(own_disk=True)
        first = start(home, ["search", file, "--no-tracking", "--engine", "ray", "--ray-address", made.address])
        wait_for(lambda: any(len(record.history()) for record in records(home, "tiny")), first)
        made.kill_head()
        _, said = first.communicate(timeout=300)
    assert first.returncode != 0
    assert "Traceback" not in said
    assert State.FAILED not in {record.state() for record in records(home, "tiny")}
    with cluster(tmp_path, join=False) as made:
        made.add(own_disk=True)
        second = start(home, ["search", file, "--no-tracking", "--engine", "ray", "--ray-address", made.address])
        _, said = second.communicate(timeout=300)
    assert second.returncode == 0, said
    other, file = made_campaign(tmp_path / "local", Algorithm.RANDOM, 3, EPOCHS)
    third = start(other, ["search", file, "--no-tracking"])
    third.communicate(timeout=300)
    assert board(home) == board(other)


def start(home: Home, arguments: list[object]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, *map(str, arguments)],
        env={**os.environ, "FER_EXP_HOME": str(home.root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(done: Any, process: "subprocess.Popen[str]", seconds: float = 240.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
