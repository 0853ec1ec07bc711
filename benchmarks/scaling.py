"""What a search costs its parent as slots grow, on this machine and on a Ray cluster, by trials that sleep.

A trial sleeps for some seconds in two epochs and leaves the record of a real one. Overhead a trial is the wall time of
its slot besides sleeping: starting its process, sending and bringing its record, waiting for the parent. The parent's
share of a core is the CPU time of its process, Ray's threads in it included, by wall time. Searches of thousands of
trials (with `--long`) show whether memory and the cost of a trial grow. `state` does the parent's work of a search in
one process and compares what its last trials cost with its first. Standard error says what is measured now. By hand:
`python -m benchmarks.scaling ray 16 64 20`, `python -m benchmarks.scaling state 10000`.
"""

import importlib.util
import json
import math
import os
import resource
import statistics
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

ENGINES = ("local", "ray")
SLOTS = (1, 4, 16, 64)
ROUNDS = 2  # trials of a slot
SECONDS = 30.0  # that a trial sleeps; real ones take minutes to hours
# Engine, slots, trials, seconds of sleep. An attempt on a cluster costs a second of a processor besides, so that 64
# that sleep for less than a minute would have two cores start processes all the time.
LONG = (("local", 64, 2_000, 30.0), ("ray", 64, 2_000, 75.0), ("local", 64, 10_000, 6.0))
STATE = 10_000  # trials
SLEEP = "FER_BENCH_SLEEP"
CORE = 5.0  # per cent of a core that the parent may take
FLAT = 10.0  # MiB by which the parent may grow in a thousand trials; a row of the leaderboard takes some hundred bytes
STORE = 200 * 1024**2  # bytes of the object store


def rows(setting: Setting) -> Iterator[Row | str]:
    """Overhead a trial and the parent's share, by slots; long searches; the cost of a trial's state."""
    for engine in ENGINES:
        if _is_absent(engine):
            yield f"scaling on {engine}: it is not installed"
            continue
        slots = (1, 2) if setting.tiny else SLOTS
        seconds = 2.0 if setting.tiny else SECONDS
        yield from _by_slots(engine, [_measured(engine, number, ROUNDS * number, seconds) for number in slots])
    long: tuple[tuple[str, int, int, float], ...] = LONG if setting.long else ()
    if setting.tiny:
        long = (("local", 2, 8, 0.5), ("ray", 2, 4, 0.5))
    for engine, number, trials, seconds in long:
        if not _is_absent(engine):
            yield from _of_long(_measured(engine, number, trials, seconds))
    state = _measured("state", setting.pick(STATE, 200))
    first, last = (Side(name, (state[name],), "ms") for name in ("first", "last"))
    note = f"of {state['trials']} trials, state {state['state_bytes']:,} bytes; medians of a twentieth of the trials"
    yield row(
        "scaling: a trial's work in the parent", [last, first], last.median / first.median, Goal(high=2, unit="x"), note
    )


def _by_slots(engine: str, found: list[dict[str, Any]]) -> Iterator[Row]:
    def sides(name: str, unit: str = "s") -> list[Side]:
        return [Side(f"{one['slots']} slots", (one[name],), unit) for one in found]

    load = f"load {', '.join(str(one['load']) for one in found)}"
    last = found[-1]
    over, share, memory = (f"scaling: {what}, {engine}" for what in ("overhead a trial", "parent's core", "memory"))
    yield row(over, sides("overhead_seconds"), last["overhead_seconds"], Goal(unit=" s"), load)
    yield row(share, sides("parent_percent", "%"), last["parent_percent"], Goal(high=CORE, unit=" %"), load)
    yield row(memory, sides("parent_mib", "MiB"), last["parent_mib"], Goal(unit=" MiB"), load)


def _of_long(found: dict[str, Any]) -> Iterator[Row]:
    name = f"scaling: {found['trials']:,} trials, {found['slots']} slots, {found['engine']}"
    note = f"{found['wall_seconds']:.0f} s in all, trials that sleep {found['sleep_seconds']:g} s, load {found['load']}"
    memory = [Side(when, (found[f"parent_mib_{when}"],), "MiB") for when in ("late", "early")]
    grown = 1000 * (memory[0].median - memory[1].median) / (0.87 * found["trials"])  # between a tenth and the last ones
    yield row(f"{name}: growth a thousand", memory, grown, Goal(high=FLAT, unit=" MiB"), note)
    last, first = (Side(when, (found[f"parent_ms_{when}"],), "ms") for when in ("late", "early"))
    yield row(f"{name}: a trial", [last, first], last.median / max(first.median, 0.1), Goal(high=2, unit="x"), note)
    core, over = found["parent_percent"], found["overhead_seconds"]
    goal = Goal(high=CORE if found["sleep_seconds"] >= SECONDS else None, unit=" %")
    yield row(f"{name}: parent's core", [Side("parent", (core,), "%")], core, goal, note)
    yield row(f"{name}: overhead a trial", [Side("trial", (over,))], over, Goal(unit=" s"), note)


def _is_absent(engine: str) -> bool:
    return engine == "ray" and importlib.util.find_spec("ray") is None


def _measured(*words: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.scaling", *map(str, words)]
    print(f"scaling: {' '.join(map(str, words))}", file=sys.stderr, flush=True)
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
    """Notes how much memory and time the parent uses, a few times a second while trials run."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.seen: list[float] = []
        self._costs: list[tuple[int, float]] = []  # trials that have ended, and seconds of processors by then
        self._began = self._ended = (0.0, 0.0)

    @property
    def used(self) -> tuple[float, float]:
        """Seconds by the clock and of processors between the first look and the last: without loading and summary."""
        return self._ended[0] - self._began[0], self._ended[1] - self._began[1]

    def show(self, snapshot: Snapshot) -> None:
        self._ended = time.perf_counter(), time.process_time()
        if not self.seen:
            self._began = self._ended
        self.seen.append(self._process.memory_info().rss / 2**20)
        self._costs.append((snapshot.ended, self._ended[1]))

    def around(self, share: float) -> float:
        """The median of a twentieth of what was seen, around a share of the search."""
        middle, half = int(share * len(self.seen)), len(self.seen) // 40
        return statistics.median(self.seen[max(middle - half, 0) : middle + half + 1])

    def cost(self, begin: float, end: float) -> float:
        """Milliseconds of processors a trial, between two shares of the trials."""
        trials = self._costs[-1][0]
        first, last = (next(one for one in self._costs if one[0] >= share * trials) for share in (begin, end))
        return 1000 * (last[1] - first[1]) / max(last[0] - first[0], 1)


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
        run_search(toy, toy.settings, "fake.py", "mark", DataChoice("demo"), conditions)
        wall, cpu = watcher.used
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
        "parent_mib_early": round(watcher.around(0.1), 1),
        "parent_mib_late": round(watcher.around(0.97), 1),
        "parent_ms_early": round(watcher.cost(0.05, 0.15), 1),
        "parent_ms_late": round(watcher.cost(0.85, 0.95), 1),
        "load": round(os.getloadavg()[0], 1),
    }


def state(trials: int) -> dict[str, Any]:
    """What a trial costs the parent's own work, at the beginning and at the end of a search of so many."""
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
