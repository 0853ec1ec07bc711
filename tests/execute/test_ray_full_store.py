"""Object stores with no disk behind them: what they do not hold is told, and is never charged to a recipe."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fer_exp.execute.cluster.faults import STORE_FULL
from fer_exp.execute.cluster.shipping import ship
from fer_exp.execute.engine import End, Ended
from fer_exp.execute.fault import FaultKind
from fer_exp.execute.ray_engine import RayEngine
from fer_exp.recipe import baseline_recipe
from fer_exp.records import Record
from fer_exp.system.errors import ExitCode, NoSpace
from tests.asked_records import new_record
from tests.clusters import STORE, Nodes, cluster, needs_ray
from tests.node_trials import HEAVY

pytestmark = [needs_ray, pytest.mark.slow]

EPOCHS = 2
# Ray takes the disk for full where more than this share of it is used, and then neither spills nor maps files.
NO_DISK: dict[str, Any] = {"automatic_object_spilling_enabled": False, "local_fs_capacity_threshold": 0.0001}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with cluster(tmp_path_factory.mktemp("cluster"), **NO_DISK) as made:
        made.add(own_disk=True)
        yield made


@pytest.fixture
def development(tmp_path: Path) -> Path:
    folder = tmp_path / "development"
    folder.mkdir()
    (folder / "info.json").write_text("{}")
    return folder


def end_of(engine: RayEngine, record: Record) -> Ended:
    """How the next attempt at a record ends."""
    engine.start(record)
    deadline, ends = time.monotonic() + 180, []
    while engine.attempts:
        assert time.monotonic() < deadline
        ends += engine.wait(0.1)
    (ended,) = ends
    return ended


def test_results_that_a_nodes_store_does_not_hold_are_the_nodes_fault(
    nodes: Nodes, development: Path, tmp_path: Path
) -> None:
    engine = RayEngine(nodes.asked(1), development, entry=HEAVY, shared=False)
    record = new_record(tmp_path / "trials" / "0001", baseline_recipe(), epochs=EPOCHS)
    first = end_of(engine, record)
    assert (first.end, record.outcome()) == (End.MACHINE_FAILED, None)
    assert first.fault is not None
    assert first.fault.kind is FaultKind.NODE
    assert STORE_FULL in first.fault.cause
    before = record.history()
    assert before  # what had been brought is kept
    second = end_of(engine, record)
    assert (second.end, second.attempt) == (End.FINISHED, 2)
    assert record.history()[: len(before)] == before
    assert [row.epoch for row in record.history()] == [1, 2]


def test_data_that_the_parents_store_does_not_hold_stop_the_search_before_it_begins(
    nodes: Nodes, development: Path
) -> None:
    with (development / "train-images.npy").open("wb") as opened:
        opened.truncate(2 * STORE)
    with pytest.raises(
        NoSpace, match=r"expected room in Ray's object store here, received: Local disk is full"
    ) as told:
        ship(development)
    assert told.value.exit_code is ExitCode.NO_SPACE
    assert "no trial was marked as failed" in told.value.remedy
    assert nodes
