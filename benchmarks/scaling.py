"""What a search costs its parent as slots grow, on this machine and on a Ray cluster, by trials that sleep.

A trial sleeps for some seconds in two epochs and leaves the record of a real one. Overhead a trial is the wall time of
its slot besides sleeping: starting its process, sending and bringing its record, waiting for the parent. The parent's
share of a core is the CPU time of its process, Ray's threads in it included, by wall time. `state` does the parent's
work of a search in one process and compares what its last trials cost with its first. By hand:
`python -m benchmarks.scaling ray 16 64 20`, `python -m benchmarks.scaling state 10000`.
"""

import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from benchmarks.fakes import fake_campaign, finish
from benchmarks.setting import CHECKOUT, Setting
from benchmarks.sides import Goal, Row, Side, row
from fer_exp.campaign import Algorithm
from fer_exp.execute.parent_watch import end_with_parents
from fer_exp.execute.progress import Silence, Snapshot
from fer_exp.execute.task import Task
from fer_exp.records import Record
from fer_exp.system.home import Home
from fer_exp.tuning.run import Conditions, run_search
from fer_exp.tuning.values import DataChoice

SLOTS = {"local": (1, 4, 16, 64), "ray": (1, 4, 16, 64)}
ROUNDS = 2  # trials of a slot
SECONDS = 30.0  # that a trial sleeps; real ones take minutes to hours
SLEEP = "FER_BENCH_SLEEP"
CORE = 5.0  # per cent of a core that the parent may take
STORE = 200 * 1024**2  # bytes of the object store


def rows(setting: Setting) -> Iterator[Row | str]:
    """Overhead a trial and the parent's share, by slots; then the cost of a trial's state."""
    import importlib.util

    for engine in ("local", "ray"):
        if importlib.util.find_spec("ray") is None and engine == "ray":
            yield "scaling on a cluster: Ray is not installed"
            continue
        slots = (1, 2) if setting.tiny else SLOTS[engine]
        found = [_measured(engine, number, ROUNDS * number, 2.0 if setting.tiny else SECONDS) for number in slots]
        over = [Side(f"{one['slots']} slots", (one["overhead_seconds"],)) for one in found]
        share = [Side(f"{one['slots']} slots", (one["parent_percent"],), "%") for one in found]
        memory = [Side(f"{one['slots']} slots", (one["parent_mib"],), "MiB") for one in found]
        yield row(f"scaling: overhead a trial, {engine}", over, over[-1].median, Goal(unit=" s"), "")
        yield row(
            f"scaling: parent's share of a core, {engine}", share, share[-1].median, Goal(high=CORE, unit=" %"), ""
        )
        yield row(f"scaling: parent's memory, {engine}", memory, memory[-1].median, Goal(unit=" MiB"), "")
    state = _measured("state", 200 if setting.tiny else 10_000)
    first, last = (Side(name, (state[name],), "ms") for name in ("first", "last"))
    note = f"of {state['trials']} trials; medians of a twentieth of them"
    yield row(
        "scaling: a trial's work in the parent", [last, first], last.median / first.median, Goal(high=2, unit="x"), note
    )


def _measured(*words: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.scaling", *map(str, words)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def sleep(task: Task, parent: Connection) -> None:
    """Entry of an attempt's process."""
    end_with_parents()
    record, seconds = Record(task.record), float(os.environ[SLEEP])
    record.attempt_log(task.attempt).write_text("a line\n")
    for epoch in (1, 2):
        parent.send((epoch, 1, 1))
        time.sleep(seconds / 2)
    finish(record, keep_checkpoints=task.keep_checkpoints)


class _Memory(Silence):
    """Notes how much memory the parent uses, at first and at most."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.seen: list[float] = []

    def show(self, snapshot: Snapshot) -> None:
        self.seen.append(self._process.memory_info().rss / 2**20)


def search(engine: str, slots: int, trials: int, seconds: float) -> dict[str, Any]:
    """One search of sleeping trials."""
    os.environ[SLEEP] = str(seconds)
    toy = fake_campaign(Algorithm.RANDOM, trials - 1, epochs=2)
    watcher = _Memory()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = None
        if engine == "ray":
            from ray.cluster_utils import Cluster as RayCluster

            from fer_exp.execute.cluster.connect import Cluster, connect, disconnect

            made = RayCluster(
                initialize_head=True,
                head_node_args={"num_cpus": slots, "include_dashboard": False, "object_store_memory": STORE},
            )
            stack.callback(made.shutdown)
            connect(str(made.address))
            stack.callback(disconnect)
            cluster = Cluster(str(made.address), slots)
        conditions = Conditions(
            Home(folder / "home"),
            watcher,
            slots,
            tracking=False,
            entry=sleep,
            loads="benchmarks.scaling",
            cluster=cluster,
        )
        began, used = time.perf_counter(), time.process_time()
        run_search(toy, toy.settings, "fake.py", "mark", DataChoice("demo"), conditions)
        wall, cpu = time.perf_counter() - began, time.process_time() - used
    rounds = math.ceil(trials / slots)
    return {
        "engine": engine,
        "slots": slots,
        "trials": trials,
        "sleep_seconds": seconds,
        "wall_seconds": round(wall, 1),
        "overhead_seconds": round(wall / rounds - seconds, 2),
        "parent_percent": round(100 * cpu / wall, 2),
        "parent_mib": round(watcher.seen[-1]),
        "parent_mib_at_first": round(watcher.seen[0]),
        "load": os.getloadavg()[0],
    }


def state(trials: int) -> dict[str, Any]:
    """What a trial costs the parent's own work, at the beginning and at the end of a search of so many."""
    import statistics

    from fer_exp.data.split.prepare import prepare
    from fer_exp.data.split.protocol import Protocol
    from fer_exp.tuning.keras_tuner_proposer import KerasTunerProposer
    from fer_exp.tuning.search_request import SearchRequest
    from fer_exp.tuning.trials import SearchWork

    toy = fake_campaign(Algorithm.RANDOM, trials)
    costs: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        development = prepare("demo", protocol=Protocol.OFFICIAL, seed=1, limit=70, cache=Path(folder) / "cache")
        asked = SearchRequest(toy, toy.settings, "fake.py", "mark", development, KerasTunerProposer)
        work = SearchWork(Path(folder) / "fake", asked)
        while True:
            began = time.process_time()
            record = work.next()
            asking = time.process_time() - began
            if not isinstance(record, Record):
                break
            finish(record)
            began = time.process_time()
            work.ended(record)
            costs.append(1000 * (asking + time.process_time() - began))
        size = (Path(folder) / "fake" / "state.json").stat().st_size
    part = max(len(costs) // 20, 1)
    return {
        "trials": len(costs),
        "first": statistics.median(costs[part : 2 * part]),
        "last": statistics.median(costs[-part:]),
        "state_bytes": size,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    """One measurement, as JSON."""
    if sys.argv[1] == "state":
        print(json.dumps(state(int(sys.argv[2]))))
        return
    engine, slots, trials, seconds = sys.argv[1:]
    print(json.dumps(search(engine, int(slots), int(trials), float(seconds))))


if __name__ == "__main__":
    from benchmarks import scaling  # by its own name, so that processes find what they are to run

    scaling.main()
