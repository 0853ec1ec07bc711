"""What is left of searches that were killed again and again, held against what undisturbed ones leave.

In: a home and a campaign in it. Out: assertions, and processes that outlived their search.
"""

import atexit
import contextlib
import functools
import json
import os
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from mlflow.entities import LoggedModelStatus

from fer_exp.campaign import Algorithm
from fer_exp.data.split.prepare import prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.records import State, title_of
from fer_exp.system.files import TEMPORARY
from fer_exp.system.home import Home
from tests.commands import trials, write_campaign
from tests.faults import Fault
from tests.nursery import TICK, Driver, Nursery
from tests.tracked import all_runs, client_of

SOON = 20.0  # seconds in which processes whose search was killed are gone

Board = list[tuple[int, float | None, int, str]]


@dataclass
class Figures:
    """What was done, to be copied into docs/reliability.md."""

    kills: int = 0
    amid: int = 0  # of them, while a trial was at work
    starts: int = 0
    began: float = field(default_factory=time.monotonic)

    def tell(self, what: str) -> None:
        """Prints them."""
        seconds = time.monotonic() - self.began
        sys.stdout.write(
            f"\n{what}: {self.kills} kills, {self.amid} amid trials, {self.starts} starts, {seconds:.0f} s\n"
        )


Point = tuple[str, str, str, int, str]  # process, operation, pattern of the name, how manieth time, before or after


def strike(drivers: Nursery, home: Home, point: Point, *command: object, figures: Figures) -> None:
    """Gives a command that dies at a named point, and sees that it was that point."""
    process, operation, name, nth, when = point
    marker = home.root.parent / f"happened-{figures.starts}"
    fault = Fault(
        process=process,
        under=str(home.root),
        marker=str(marker),
        operation=operation,
        file=name,
        nth=nth,
        when=when,
    )
    code, said = drivers.run(home, *command, fault=fault)
    figures.starts += 1
    assert (marker.exists(), code) == (True, -9), (fault, said)
    figures.kills += 1


def kill_at_random(driver: Driver, home: Home, chance: random.Random, longest: float, figures: Figures) -> bool:
    """Kills a search at some moment within `longest` seconds of a sign of life; whether it was still there.

    The sign is the lock or, twice as often, a trial that it starts. The group is killed alone or, as often, with all
    that left it: then no process has a moment to notice.
    """
    lock, mine = home.campaign("tiny") / "lock.json", f'"pid":{driver.pid},'
    before, wanted = attempts(home), chance.random() < 2 / 3
    while driver.ended() is None and not (lock.exists() and mine in lock.read_text()):
        time.sleep(TICK)
    while driver.ended() is None and wanted and attempts(home) == before:
        time.sleep(TICK)
    time.sleep(chance.uniform(0, longest))
    driver.kill(family=chance.random() < 0.5)
    killed = driver.wait() < 0
    figures.kills += killed
    figures.amid += killed and at_work(home)
    return killed


def attempts(home: Home, name: str = "tiny") -> int:
    """How many processes have begun to train."""
    return len(list((home.campaign(name) / "trials").glob("*/attempt-*.log")))


def at_work(home: Home, name: str = "tiny") -> bool:
    """Whether a trial has been started that has not ended."""
    return any(record.outcome() is None and any(record.path.glob("attempt-*.log")) for record in trials(home, name))


@functools.cache
def prepared() -> Path:
    """A cache with the data of `tests.commands.TINY`: OpenCV, which prepares them, may hang in a forked process."""
    cache = Path(tempfile.mkdtemp(prefix="fer-exp-"))
    atexit.register(shutil.rmtree, cache, ignore_errors=True)
    development = prepare("demo", protocol=Protocol.OFFICIAL, seed=1, limit=140, cache=cache)
    development.train(clahe=True)  # the equalised faces are made when they are first asked for
    development.validation(clahe=True)
    return cache


def campaign(folder: Path, algorithm: Algorithm, trials: int, epochs: int) -> tuple[Home, Path]:
    """A home whose cache holds the data, and a campaign file."""
    folder.mkdir(exist_ok=True)
    home = Home(folder / "mlruns")
    shutil.copytree(prepared(), home.cache)
    return home, write_campaign(folder, algorithm.value, trials, epochs)


def board(home: Home, name: str = "tiny") -> Board:
    """The leaderboard, as far as two runs of one campaign must agree; read from its file, as a person would."""
    stored = json.loads((home.campaign(name) / "leaderboard.json").read_bytes())
    return [(row["number"], row["objective"], row["epochs"], json.dumps(row["values"])) for row in stored["rows"]]


def assert_whole(home: Home, expected: Board, name: str = "tiny") -> None:
    """Every trial once, finished; epochs without gap or repetition; the same leaderboard; nothing left lying about."""
    records = trials(home, name)
    assert [record.spec().number for record in records] == list(range(len(records)))
    for record in records:
        assert record.state() is State.FINISHED, record.outcome()
        assert [epoch.epoch for epoch in record.history()] == list(range(1, record.spec().epochs + 1))
        assert record.scores()
    assert board(home, name) == expected
    assert [path for path in home.root.rglob(f"{TEMPORARY}*")] == []
    assert [path for path in home.campaign(name).rglob("checkpoint-*")] == []
    assert (home.campaign(name) / "lock.json").read_bytes() == b""


def assert_shown(home: Home, name: str = "tiny") -> None:
    """One run for every record and one for the campaign, all ended; each point once a step; one model for each kept."""
    client, runs = client_of(home), all_runs(home, name)
    titles = [title_of(spec.kind, spec.number, spec.seed) for spec in (record.spec() for record in trials(home, name))]
    assert sorted(run.info.run_name for run in runs) == sorted([name, *titles])
    assert {run.info.status for run in runs} == {"FINISHED"}
    epochs = {title: len(record.history()) for title, record in zip(titles, trials(home, name), strict=True)}
    for run in runs:
        for key in run.data.metrics:
            steps = [point.step for point in client.get_metric_history(run.info.run_id, key)]
            series = key.startswith(("epoch/", "fit/"))
            once = range(1, epochs[run.info.run_name] + 1) if series else steps[:1]
            once = sorted(set(steps)) if key.startswith("best/") else once  # a point each time the best changed
            assert steps == list(once), (run.info.run_name, key)
    models = client.search_logged_models([runs[0].info.experiment_id])
    assert {model.status for model in models} <= {LoggedModelStatus.READY}
    kept = [record for record in trials(home, name) if record.model.exists()]
    assert len(models) == len(kept)


def strays(drivers: Nursery) -> list[psutil.Process]:
    """Processes that came out of drivers which have ended, and do not end soon after them."""
    deadline = time.monotonic() + SOON
    while (left := _processes_of(drivers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _processes_of(drivers: Nursery) -> list[psutil.Process]:
    """Those at work in a session that a driver began; whoever a fork server forks stays in it."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) in drivers.started and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
