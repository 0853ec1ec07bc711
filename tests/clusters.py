"""A Ray cluster of a few nodes on this machine, for as long as a block lasts.

In: what its nodes have. Out: a cluster that this process has joined. Each node is a raylet of its own with workers of
its own, and may be killed alone; all share this machine's disk, unless they are given scratch folders of their own.
"""

import gc
import importlib.util
import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from fer_exp.execute.cluster.connect import Cluster, connect, disconnect, nodes, searches
from fer_exp.execute.ray_engine import RayEngine

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'fer-exp[ray]'"
)
STORE = 80 * 1024**2  # bytes of a node's object store: the least that Ray takes is 75 MB
SUPERVISOR, TRIAL = "ray::attempt", "multiprocessing.spawn"  # how an attempt's processes are called
SOON = 30.0  # seconds in which what is asked for happens
# Ray itself is quicker to take a node for dead than in production, where it waits for ten times as long.
HEALTH = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 3,
    "gcs_rpc_server_reconnect_timeout_s": 10,  # for a head that is gone; a minute else
}


class Nodes:
    """The nodes of a cluster for a test."""

    def __init__(self, cluster: Any, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        self._added = 0
        self._started = processes_of(cluster.head_node)

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def asked(self, workers: int | None = None, **resources: float) -> Cluster:
        """The cluster as an engine is given it."""
        return Cluster(self.address, workers, **resources)

    def add(self, *, own_disk: bool = False, env: dict[str, str] | None = None, **resources: Any) -> Any:
        """A node; its processes find `FER_EXP_SCRATCH` if it has a disk of its own."""
        self._added += 1
        variables = dict(env or {})
        if own_disk:
            variables["FER_EXP_SCRATCH"] = str(self._folder / f"node-{self._added}")
        chosen = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": STORE, "env_vars": variables, **resources}
        node = self._cluster.add_node(**chosen)
        self._started += processes_of(node)
        return node

    def kill_head(self) -> None:
        """Kills the head: what knows of nodes and tasks, and its own node."""
        for process in [*self._all_of(self._cluster.head_node), *processes_of(self._cluster.head_node)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def pause(self, node: Any) -> None:
        """Stops everything on a node where it stands, as a machine that swaps, or a link that is cut."""
        for process in self._all_of(node):
            process.suspend()

    def resume(self, node: Any) -> None:
        """Lets everything on a node go on."""
        for process in self._all_of(node):
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def _all_of(self, node: Any) -> list[psutil.Process]:
        raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
        return [raylet, *raylet.children(recursive=True)]

    def kill(self, node: Any) -> None:
        """Kills a node with all that runs on it, as a machine that loses power; Ray finds out by itself."""
        for process in self._all_of(node):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._cluster.remove_node(node, allow_graceful=False)

    def attempts(self, *names: str) -> list[psutil.Process]:
        """The processes that attempts consist of, on all nodes; those with one of `names`, if any are given."""
        found = []
        for started in self._started:
            with suppress(psutil.NoSuchProcess):
                for process in psutil.Process(started.pid).children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        command = " ".join(process.cmdline())
                        if any(name in command for name in names or (SUPERVISOR, TRIAL)):
                            found.append(process)
        return found

    def clear(self) -> None:
        """Takes all nodes but the head's away, and waits until searches that are over are forgotten.

        An engine that is still there, as in the traceback of a test that failed, is a search that counts in the next;
        one that no node fits never became a search.
        """
        for engine in [one for one in gc.get_objects() if type(one) is RayEngine and "_stopping" in vars(one)]:
            engine.kill()
            engine.close()
        for node in self._cluster.worker_nodes.copy():
            self._cluster.remove_node(node, allow_graceful=False)
        self.wait_for(1)
        deadline = time.monotonic() + SOON
        while searches():
            assert time.monotonic() < deadline, "a search is still counted"
            time.sleep(0.1)

    def reap(self) -> None:
        """Waits for the processes of all nodes, once they are asked to end; else Python warns of them."""
        for process in self._started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=SOON)

    def wait_for(self, number: int) -> None:
        """Waits until so many nodes are alive, the head's included."""
        deadline = time.monotonic() + SOON
        while len(nodes()) != number:
            assert time.monotonic() < deadline, nodes()
            time.sleep(0.1)


def still_there(some: Iterable[psutil.Process], seconds: float = 60.0) -> list[psutil.Process]:
    """Those that have not ended after so many seconds; one that nobody has waited for has."""
    deadline, left = time.monotonic() + seconds, list(some)
    while (left := [process for process in left if _works(process)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def _works(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def processes_of(node: Any) -> "list[subprocess.Popen[bytes]]":
    """The processes that a node consists of."""
    return [info.process for infos in node.all_processes.values() for info in infos]


@contextmanager
def cluster(folder: Path, *, join: bool = True, **settings: Any) -> Iterator[Nodes]:
    """A cluster whose head trains nothing and has no nodes yet; this process has joined it, unless told otherwise."""
    from ray.cluster_utils import Cluster as RayCluster

    before = dict(os.environ)
    made = RayCluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "num_gpus": 0,
            "object_store_memory": STORE,
            "include_dashboard": False,
            "_system_config": HEALTH | settings,
        },
    )
    nodes = Nodes(made, folder)
    try:
        if join:
            connect(str(made.address))
        yield nodes
    finally:
        if join:
            disconnect()
        made.shutdown()
        nodes.reap()
        os.environ.clear()
        os.environ.update(before)
