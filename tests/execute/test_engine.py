"""What every engine keeps to, and the search on each: the local one with processes, and one in this very process."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fer_exp.execute.engine import End, Ended, Engine
from fer_exp.execute.fault import FaultKind
from fer_exp.execute.local import LocalEngine, start_fork_server
from fer_exp.execute.progress import Silence
from fer_exp.execute.ray_engine import RayEngine
from fer_exp.recipe import baseline_recipe
from fer_exp.records import Record, State
from fer_exp.system.home import Home
from fer_exp.tuning.run import Conditions, run_search
from fer_exp.tuning.values import DataChoice
from tests.asked_records import new_record
from tests.clusters import Nodes, cluster, needs_ray
from tests.engines import InProcessEngine
from tests.fake_trials import SLOW_BATCH, train_fake
from tests.toy_search import campaign, leaderboard, misbehaving

EPOCHS = 4
FAKE = "tests.fake_trials:train_fake"
PATIENCE = 60.0  # seconds

MakeAny = Callable[[int], Engine]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """A cluster of two nodes, one attempt each."""
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        made.add(own_disk=True)
        made.add(own_disk=True)
        yield made


@pytest.fixture(params=["local", "in process", pytest.param("ray", marks=needs_ray)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeAny:
    """Makes engines with so many slots."""
    if request.param == "in process":
        return InProcessEngine
    if request.param == "ray":
        ray: Nodes = request.getfixturevalue("nodes")
        return lambda slots: RayEngine(ray.asked(slots), tmp_path, entry=FAKE, shared=False)
    context = start_fork_server(tmp_path / "server.log", "tests.fake_trials")
    return lambda slots: LocalEngine(context, slots, tmp_path, entry=train_fake, devices=[])


def asked(folder: Path, number: int = 1, **changes: float) -> Record:
    recipe = baseline_recipe().but(**changes)
    return new_record(folder / f"{number:04d}", recipe, epochs=EPOCHS, number=number)


def all_ends(engine: Engine) -> list[Ended]:
    """Waits until nothing is at work."""
    ends: list[Ended] = []
    deadline = time.monotonic() + PATIENCE
    while engine.attempts:
        assert time.monotonic() < deadline
        ends += engine.wait(0.05)
    return ends


def test_an_attempt_that_comes_to_its_end_is_told_once(make: MakeAny, tmp_path: Path) -> None:
    engine, record = make(1), asked(tmp_path)
    engine.start(record)
    assert [attempt.record.path for attempt in engine.attempts] == [record.path]
    (ended,) = all_ends(engine)
    assert (ended.record.path, ended.attempt, ended.end, ended.fault) == (record.path, 1, End.FINISHED, None)
    assert (record.state(), len(record.history())) == (State.FINISHED, EPOCHS)
    assert engine.wait(0) == []


def test_as_many_attempts_as_slots_run_and_each_is_told(make: MakeAny, tmp_path: Path) -> None:
    engine = make(2)
    assert engine.capacity == 2
    records = [asked(tmp_path, number) for number in (1, 2)]
    for record in records:
        engine.start(record)
    assert len(engine.attempts) == 2
    assert {ended.record.path for ended in all_ends(engine)} == {record.path for record in records}


def test_a_recipe_that_does_not_train_is_its_own_failure(make: MakeAny, tmp_path: Path) -> None:
    engine, record = make(1), asked(tmp_path, label_smoothing=0.5)
    engine.start(record)
    (ended,) = all_ends(engine)
    assert (ended.end, ended.fault, record.state()) == (End.RECIPE_FAILED, None, State.FAILED)


def test_an_attempt_that_is_killed_leaves_its_record_open_and_the_next_goes_on(make: MakeAny, tmp_path: Path) -> None:
    engine, record = make(1), asked(tmp_path, ema=0.8)
    engine.start(record)
    (killed,) = all_ends(engine)
    assert (killed.end, killed.attempt, record.outcome()) == (End.MACHINE_FAILED, 1, None)
    assert killed.fault is not None
    assert (killed.fault.kind, killed.fault.cause) == (FaultKind.MEMORY, "killed by SIGKILL")
    engine.start(record)
    (ended,) = all_ends(engine)
    assert (ended.end, ended.attempt) == (End.FINISHED, 2)


def let_begin(engine: Engine) -> None:
    """Waits until every attempt is in an epoch; one that trains in this process has nothing to wait for."""
    deadline = time.monotonic() + PATIENCE
    while not isinstance(engine, InProcessEngine) and not all(attempt.epoch for attempt in engine.attempts):
        assert time.monotonic() < deadline
        assert engine.wait(0.05) == []


def test_asked_to_stop_an_attempt_ends_after_its_epoch(make: MakeAny, tmp_path: Path) -> None:
    engine, record = make(1), asked(tmp_path, batch_size=SLOW_BATCH)
    engine.start(record)
    let_begin(engine)
    engine.ask_to_stop()
    (ended,) = all_ends(engine)
    assert (ended.end, record.outcome()) == (End.STOPPED, None)
    assert 1 <= len(record.history()) < EPOCHS
    later = make(1)
    later.start(record)
    assert [ended.end for ended in all_ends(later)] == [End.FINISHED]


def test_what_was_killed_goes_on_with_the_next_engine(make: MakeAny, tmp_path: Path) -> None:
    engine, record = make(1), asked(tmp_path)
    engine.start(record)
    engine.kill()
    assert list(engine.attempts) == []
    assert record.outcome() is None
    later = make(1)
    later.start(record)
    assert [ended.end for ended in all_ends(later)] == [End.FINISHED]
    assert [row.epoch for row in record.history()] == list(range(1, EPOCHS + 1))


@needs_ray
def test_a_search_on_a_cluster_ends_as_one_on_this_machine(home: Home, nodes: Nodes) -> None:
    toy = campaign()
    local = Conditions(home, Silence(), tracking=False, entry=train_fake)
    there = Conditions(
        Home(home.root.parent / "cluster"), Silence(), tracking=False, entry=train_fake, cluster=nodes.asked(1)
    )
    boards = [
        leaderboard(run_search(toy, toy.settings, "toy.py", "fingerprint", DataChoice("demo"), conditions))
        for conditions in (local, there)
    ]
    assert len(boards[0]) == 6
    assert boards[0] == boards[1]


def test_a_search_ends_alike_on_every_engine(home: Home) -> None:
    toy = campaign()

    def searched(conditions: Conditions) -> list[tuple[int, float | None, int]]:
        return leaderboard(run_search(toy, toy.settings, "toy.py", "fingerprint", DataChoice("demo"), conditions))

    here = Conditions(home, Silence(), tracking=False, engine=InProcessEngine.make)
    local = Conditions(Home(home.root.parent / "local"), Silence(), tracking=False, entry=train_fake)
    found = searched(here)
    assert len(found) == 6
    assert found == searched(local)


def test_a_search_without_processes_gives_a_trial_up_as_one_with_them(home: Home) -> None:
    toy = misbehaving("ema", 0.9)
    conditions = Conditions(home, Silence(), tracking=False, engine=InProcessEngine.make)
    rows = run_search(toy, toy.settings, "toy.py", "fingerprint", DataChoice("demo"), conditions).rows
    assert [(row.number, row.attempts) for row in rows if row.state is State.FAILED] == [(2, 2)]
