"""Nodes that are slow, cut off, or late: nothing is lost, nothing is told twice, nobody else waits."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fer_exp.execute import ray_engine
from fer_exp.execute.cluster.connect import clock
from fer_exp.execute.engine import End, Ended
from fer_exp.execute.fault import FaultKind
from fer_exp.execute.ray_engine import RayAttempt, RayEngine
from fer_exp.recipe import baseline_recipe
from fer_exp.records import Record
from tests.asked_records import new_record
from tests.clusters import STORE, Nodes, cluster, needs_ray, still_there
from tests.fake_trials import SLOW_BATCH
from tests.node_trials import FAKE

pytestmark = [needs_ray, pytest.mark.slow]

EPOCHS = 4
PAUSE = 2.0  # seconds in which a node does nothing, and is not taken for dead yet
MISSED = 6  # answers in a row that a node owes before it is: six to nine seconds
PATIENCE = 180.0


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with cluster(tmp_path_factory.mktemp("cluster"), health_check_failure_threshold=MISSED) as made:
        yield made


@pytest.fixture
def nodes(head: Nodes) -> Iterator[Nodes]:
    yield head
    head.clear()


@pytest.fixture
def development(tmp_path: Path) -> Path:
    folder = tmp_path / "development"
    folder.mkdir()
    (folder / "info.json").write_text("{}")
    return folder


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Of a trial whose epochs take half a second."""
    return new_record(tmp_path / "trials" / "0001", baseline_recipe().but(batch_size=SLOW_BATCH), epochs=EPOCHS)


def until(engine: RayEngine, done: Callable[[], bool]) -> list[Ended]:
    """What ended before something is so."""
    deadline, ends = time.monotonic() + PATIENCE, []
    while not done():
        assert time.monotonic() < deadline, [vars(attempt) for attempt in engine.attempts]
        ends += engine.wait(0.1)
    return ends


def all_ends(engine: RayEngine) -> list[Ended]:
    return until(engine, lambda: not engine.attempts)


def epochs_of(record: Record) -> list[int]:
    return [row.epoch for row in record.history()]


def test_a_slow_node_is_waited_for(nodes: Nodes, development: Path, record: Record) -> None:
    node = nodes.add(own_disk=True)
    engine = RayEngine(nodes.asked(1), development, entry=FAKE, shared=False)
    engine.start(record)
    until(engine, lambda: bool(record.history()))
    nodes.pause(node)
    until_then = time.monotonic() + PAUSE
    while time.monotonic() < until_then:
        assert engine.wait(0.1) == []
    nodes.resume(node)
    (ended,) = all_ends(engine)
    assert (ended.end, ended.attempt, epochs_of(record)) == (End.FINISHED, 1, [1, 2, 3, 4])


def test_a_node_that_comes_back_late_brings_nothing_and_ends(nodes: Nodes, development: Path, record: Record) -> None:
    cut_off = nodes.add(own_disk=True)
    engine = RayEngine(nodes.asked(1), development, entry=FAKE, shared=False)
    engine.start(record)
    until(engine, lambda: bool(record.history()))
    late = nodes.attempts()
    nodes.pause(cut_off)
    (ended,) = all_ends(engine)
    assert (ended.end, ended.fault and ended.fault.kind) == (End.MACHINE_FAILED, FaultKind.NODE)
    before = record.history()
    log = record.attempt_log(1).read_bytes()
    nodes.add(own_disk=True)
    engine.start(record)
    until(engine, lambda: not engine.attempts or engine.attempts[0].inbox is not None)
    nodes.resume(cut_off)  # its attempt trains on, and says so
    (ended,) = all_ends(engine)
    assert (ended.end, ended.attempt) == (End.FINISHED, 2)
    outcome = record.outcome()
    assert outcome is not None
    assert outcome.attempts == 2
    assert epochs_of(record) == [1, 2, 3, 4]
    assert record.history()[: len(before)] == before
    assert record.attempt_log(1).read_bytes() == log
    assert late
    assert still_there(late) == []


def test_an_attempt_that_another_one_has_replaced_is_ended(nodes: Nodes, development: Path, record: Record) -> None:
    nodes.add(own_disk=True)
    engine = RayEngine(nodes.asked(1), development, entry=FAKE, shared=False)
    engine.start(record)
    until(engine, lambda: bool(record.history()))
    record.attempt_log(2).touch()  # as another search would that has the same record
    before = record.history()
    working = nodes.attempts()
    (ended,) = all_ends(engine)
    assert (ended.end, ended.attempt, ended.fault and ended.fault.kind) == (End.MACHINE_FAILED, 1, FaultKind.NODE)
    assert record.history() == before
    assert still_there(working) == []
    engine.start(record)
    (ended,) = all_ends(engine)
    assert (ended.end, ended.attempt, epochs_of(record)) == (End.FINISHED, 3, [1, 2, 3, 4])


def test_the_wish_to_stop_outlives_every_other_node(nodes: Nodes, development: Path, record: Record) -> None:
    """What passes it on lives on the parent's machine: anywhere else it could be gone before the attempts."""
    first = [nodes.add(own_disk=True, num_cpus=2) for _ in range(2)]
    engine = RayEngine(nodes.asked(1), development, entry=FAKE, shared=False)
    for node in first:
        nodes.kill(node)
    nodes.wait_for(1)
    nodes.add(own_disk=True)
    engine.start(record)
    until(engine, lambda: bool(record.history()))
    engine.ask_to_stop()
    (ended,) = all_ends(engine)
    assert (ended.end, ended.fault) == (End.STOPPED, None)
    assert len(record.history()) < EPOCHS


def test_a_message_that_does_not_arrive_delays_nobody_and_ends_its_attempt(
    nodes: Nodes, development: Path, record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    nodes.add(own_disk=True)
    engine = RayEngine(nodes.asked(2), development, entry=FAKE, shared=False)
    never = ray.remote(resources={"what no node has": 1})(clock).remote()
    stuck = RayAttempt(record, record.spec(), 1, stream=iter([never]), host="10.0.0.7")
    engine._attempts.append(stuck)
    assert engine._hear(stuck) is None
    quick = new_record(tmp_path / "trials" / "0002", baseline_recipe(), epochs=EPOCHS, number=2)
    engine.start(quick)
    ends = until(engine, lambda: quick.outcome() is not None and len(engine.attempts) == 1)
    assert [(ended.record.path, ended.end) for ended in ends] == [(quick.path, End.FINISHED)]
    monkeypatch.setattr(ray_engine, "FETCH_SECONDS", 0.0)
    (ended,) = all_ends(engine)
    assert (ended.end, ended.fault and ended.fault.kind) == (End.MACHINE_FAILED, FaultKind.NODE)
    assert ended.fault is not None
    assert "did not arrive" in ended.fault.cause
    ray.cancel(never)


def test_data_larger_than_the_object_store_reach_a_node(nodes: Nodes, development: Path, record: Record) -> None:
    large = development / "train-images.npy"
    with large.open("wb") as opened:
        for _ in range(2):
            opened.write(os.urandom(STORE))
    nodes.add(own_disk=True)
    engine = RayEngine(nodes.asked(1), development, entry=FAKE, shared=False)
    engine.start(record)
    (ended,) = all_ends(engine)
    assert ended.end is End.FINISHED
