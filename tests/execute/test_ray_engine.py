"""Trials on the nodes of a cluster: data, devices, refusals, deaths, and what a search makes of them."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import fer_exp
from fer_exp.execute.engine import End, Ended
from fer_exp.execute.fault import FaultKind
from fer_exp.execute.ray_engine import RayEngine
from fer_exp.recipe import baseline_recipe
from fer_exp.records import Record, State
from fer_exp.system.errors import FerExpError
from tests.asked_records import new_record
from tests.clusters import Nodes, cluster, needs_ray
from tests.commands import call, done
from tests.fake_trials import SLOW_BATCH
from tests.node_trials import FAKE, FULL, SEEING

pytestmark = [needs_ray, pytest.mark.slow]

EPOCHS = 4


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture
def nodes(head: Nodes) -> Iterator[Nodes]:
    """The cluster without a node that trains; a test's own nodes are gone after it."""
    yield head
    head.clear()


@pytest.fixture
def development(tmp_path: Path) -> Path:
    folder = tmp_path / "development"
    folder.mkdir()
    (folder / "info.json").write_text("{}")
    (folder / "train-images.npy").write_bytes(os.urandom(1000))
    (folder / "train-clahe.npy").write_bytes(b"made from the images")
    return folder


def asked(folder: Path, number: int, **changes: float) -> Record:
    return new_record(folder / f"{number:04d}", baseline_recipe().but(**changes), epochs=EPOCHS, number=number)


def until(engine: RayEngine, done: Callable[[], bool], seconds: float = 180.0) -> list[Ended]:
    """What ended before something is so."""
    deadline, ends = time.monotonic() + seconds, []
    while not done():
        assert time.monotonic() < deadline, [vars(attempt) for attempt in engine.attempts]
        ends += engine.wait(0.1)
    return ends


def all_ends(engine: RayEngine) -> list[Ended]:
    return until(engine, lambda: not engine.attempts)


def seen(record: Record) -> list[str]:
    return (record.path / "report.txt").read_text().splitlines()


def test_data_are_fetched_once_by_each_node_and_not_at_all_where_they_can_be_read(
    nodes: Nodes, development: Path, tmp_path: Path
) -> None:
    nodes.add(own_disk=True)
    nodes.add(own_disk=True)
    engine = RayEngine(nodes.asked(2), development, entry=SEEING, shared=False)
    records = [asked(tmp_path / "trials", number) for number in range(1, 5)]
    for pair in (records[:2], records[2:]):
        for record in pair:
            engine.start(record)
        assert {ended.end for ended in all_ends(engine)} == {End.FINISHED}
    folders = {seen(record)[0] for record in records}
    assert len(folders) == 2  # one a node
    assert all("/data/" in folder for folder in folders)
    assert {seen(record)[1] for record in records} == {"info.json,train-images.npy"}
    for folder in folders:
        assert (Path(folder) / "train-images.npy").read_bytes() == (development / "train-images.npy").read_bytes()
    altered = Path(sorted(folders)[0]) / "train-images.npy"
    written = {folder: (Path(folder) / "train-images.npy").stat().st_mtime_ns for folder in folders}
    altered.write_bytes(b"other data")
    for number in (5, 6):
        engine.start(asked(tmp_path / "trials", number))
    assert {ended.end for ended in all_ends(engine)} == {End.FINISHED}
    assert altered.read_bytes() == (development / "train-images.npy").read_bytes()
    others = {
        folder: (Path(folder) / "train-images.npy").stat().st_mtime_ns
        for folder in folders
        if folder != str(altered.parent)
    }
    assert others.items() <= written.items()
    reading = RayEngine(nodes.asked(1), development, entry=SEEING)
    reading.start(asked(tmp_path / "trials", 7))
    all_ends(reading)
    folder, _, devices, backend, _ = seen(Record(tmp_path / "trials" / "0007"))
    assert (folder, devices, backend) == (str(development), "CUDA_VISIBLE_DEVICES=", "KERAS_BACKEND=tensorflow")


def deal_whole_gpus(nodes: Nodes, development: Path, tmp_path: Path) -> None:
    """A search of its own: as long as its engine is there, another one gets half of the devices."""
    whole = RayEngine(nodes.asked(None, gpus=1.0), development, entry=SEEING)
    assert whole.capacity == 2
    records = [asked(tmp_path / "whole", number, batch_size=SLOW_BATCH) for number in (1, 2, 3)]
    for record in records[:2]:
        whole.start(record)
    until(whole, lambda: all(attempt.epoch for attempt in whole.attempts))
    whole.start(records[2])  # there is no third: it waits, and says for what
    until(whole, lambda: any(attempt.waits for attempt in whole.attempts) or len(whole.attempts) < 3)
    all_ends(whole)
    assert sorted(seen(record)[2] for record in records[:2]) == ["CUDA_VISIBLE_DEVICES=0", "CUDA_VISIBLE_DEVICES=1"]


def test_gpus_are_dealt_whole_or_in_parts(nodes: Nodes, development: Path, tmp_path: Path) -> None:
    nodes.add(num_cpus=4, num_gpus=2)
    deal_whole_gpus(nodes, development, tmp_path)
    parts = RayEngine(nodes.asked(None, gpus=0.5), development, entry=SEEING)
    assert parts.capacity == 4
    records = [asked(tmp_path / "parts", number, batch_size=SLOW_BATCH) for number in (1, 2, 3, 4)]
    for record in records:
        parts.start(record)
    all_ends(parts)
    told = sorted(seen(record)[2] for record in records)
    assert told == [f"CUDA_VISIBLE_DEVICES={device}" for device in (0, 0, 1, 1)]
    assert {seen(record)[4] for record in records} == {"TF_FORCE_GPU_ALLOW_GROWTH=true"}


def test_a_trial_whose_node_is_killed_goes_on_on_another(nodes: Nodes, development: Path, tmp_path: Path) -> None:
    first = nodes.add(own_disk=True)
    engine = RayEngine(nodes.asked(1), development, entry=FAKE, shared=False)
    record = asked(tmp_path / "trials", 1, batch_size=SLOW_BATCH)
    engine.start(record)
    until(engine, lambda: len(record.history()) >= 2)
    nodes.kill(first)
    (ended,) = all_ends(engine)
    assert (ended.end, record.outcome()) == (End.MACHINE_FAILED, None)
    assert ended.fault is not None
    assert ended.fault.kind is FaultKind.NODE
    before = record.history()
    engine.start(record)  # no node is left: it waits, which is no error
    until(engine, lambda: "a node with 1 CPU, of which the cluster has none now" in engine.attempts[0].waits)
    nodes.add(own_disk=True)
    (ended,) = all_ends(engine)
    assert (ended.end, ended.attempt) == (End.FINISHED, 2)
    assert record.history()[: len(before)] == before
    assert [row.epoch for row in record.history()] == [1, 2, 3, 4]


def test_a_node_with_a_full_disk_gets_no_further_trial(nodes: Nodes, development: Path, tmp_path: Path) -> None:
    nodes.add()
    said: list[str] = []
    engine = RayEngine(nodes.asked(1), development, entry=FULL, say=said.append)
    record = asked(tmp_path / "trials", 1)
    engine.start(record)
    (ended,) = all_ends(engine)
    assert (ended.end, ended.fault and ended.fault.kind) == (End.MACHINE_FAILED, FaultKind.NODE)
    assert "no space is left on its disk. It gets no trial." in said[0]
    with pytest.raises(FerExpError, match=r"no node of the cluster can train: .*no space"):
        engine.start(record)
    nodes.add()
    nodes.wait_for(3)
    engine.start(record)
    (ended,) = all_ends(engine)
    assert (ended.end, record.state()) == (End.FINISHED, State.FINISHED)


def test_a_node_with_another_fer_exp_is_refused_before_it_trains(
    nodes: Nodes, development: Path, tmp_path: Path
) -> None:
    checkout = Path(__file__).resolve().parents[2]
    other = tmp_path / "other"
    shutil.copytree(checkout / "fer_exp", other / "fer_exp", ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "fer_exp" / "recipe.py").open("a") as source:
        source.write("# another commit\n")
    # Ray puts the driver's folders first, as if the node shared its disk: the node has imported its own before.
    (other / "sitecustomize.py").write_text(f"import sys; sys.path.insert(0, {str(other)!r}); import fer_exp\n")
    said: list[str] = []
    nodes.add(env={"PYTHONPATH": str(other)})
    with pytest.raises(FerExpError, match=r"no node .*with other source") as raised:
        RayEngine(nodes.asked(1), development, entry=FAKE, say=said.append)
    assert "fer-exp cluster check" in raised.value.remedy
    nodes.add()
    nodes.wait_for(3)
    engine = RayEngine(nodes.asked(2), development, entry=FAKE, say=said.append)
    assert any("with other source" in line for line in said)
    records = [asked(tmp_path / "trials", number) for number in (1, 2)]
    for record in records:
        engine.start(record)
    assert {ended.end for ended in all_ends(engine)} == {End.FINISHED}


def test_a_check_tells_what_each_node_is_and_searches_share_the_cluster(nodes: Nodes, development: Path) -> None:
    nodes.add(num_cpus=4)
    shown = call("cluster", "check", nodes.address)
    assert shown.exit_code == 0, shown.output
    assert "fits: 4 CPU, 0 GPU" in shown.stdout
    assert f"fer_exp {fer_exp.__version__}" in shown.stdout
    assert "1 of 1 nodes fit." in shown.stdout
    (row,) = json.loads(done("cluster", "check", nodes.address, "--json"))
    assert (row["fits"], row["reasons"]) == (True, [])
    assert abs(row["skew_seconds"]) < 5
    assert row["megabytes_per_second"] > 0
    said: list[str] = []
    first = RayEngine(nodes.asked(None), development, entry=FAKE, say=said.append)
    assert first.capacity == 4
    second = RayEngine(nodes.asked(3), development, entry=FAKE)
    assert second.capacity == 2
    until(first, lambda: first.capacity == 2)
    assert said == ["2 searches share the cluster; 2 trials at a time here from now on."]
    second.close()
    until(first, lambda: first.capacity == 4)
