"""A cluster: found, joined, and what its nodes have.

In: an address. Out: this process as a driver of the cluster, or one clear error. The driver has to run on one of the
cluster's own machines (`ray start` joins one, with `--num-cpus=0` if it is not to train).
"""

import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from fer_exp.campaign import Resources
from fer_exp.execute.cluster.fit import Facts, backend, facts, misfits, skew_misfit
from fer_exp.system.errors import BadInput, FerExpError, TrialsFailed
from fer_exp.system.stderr import stderr_to
from fer_exp.system.values import first_line

AUTO, LOCAL = "auto", "local"  # addresses: a cluster that runs here; one of this machine alone, for this command
PROBE_SECONDS = 120.0  # a node that does not answer by then is refused
PROBE_BYTES = 8 * 1024**2  # sent to a node to see that data reach it
CONNECT_SECONDS = 10.0  # a head that does not answer by then is not there
NAMESPACE = "fer-exp"
SEARCH = "search-"  # begins the name of an actor that every search has in that namespace while it lives
_JOIN = (
    "Nothing was started. `ray start --head` starts a cluster here, `ray start --address HOST:PORT` joins one; "
    f"--ray-address {LOCAL} makes one of this machine for this command. A cluster that was started with a token wants "
    "RAY_AUTH_MODE=token and that token here and on every node."
)


@dataclass(frozen=True)
class Cluster:
    """Where attempts run, how many at a time, and what each takes."""

    address: str = AUTO
    workers: int | None = None  # None: as many as the nodes have room for, now and as they come and go
    cpus: float = 1.0  # processors of an attempt
    gpus: float = 0.0  # graphics processors of an attempt, or a part of one

    @property
    def device_kind(self) -> str:
        """What attempts train on: "gpu" or "cpu"."""
        return "gpu" if self.gpus else "cpu"

    def room(self, some: "Sequence[Node]") -> int:
        """How many attempts nodes have room for when nothing else runs; at least one, which may have to wait."""
        return max(sum(node.fits(self.cpus, self.gpus) for node in some), 1)


def cluster_at(address: str, workers: int | None, resources: Resources) -> Cluster:
    """The cluster at an address, joined; an attempt takes one processor, and a graphics processor where there are any.

    Raises:
        BadInput: Ray is not installed, or no cluster answers there.
    """
    connect(address)
    cpus = 1.0 if resources.cpus is None else resources.cpus
    there = any(node.resources.get("GPU", 0.0) for node in nodes())
    gpus = (1.0 if there else 0.0) if resources.gpus is None else resources.gpus
    return Cluster(address, workers, cpus, gpus)


@dataclass(frozen=True)
class Node:
    """A machine of the cluster that is alive."""

    identifier: str
    host: str  # its address
    resources: Mapping[str, float]

    def fits(self, cpus: float, gpus: float) -> int:
        """How many attempts it has room for when nothing else runs."""
        rooms = [self.resources.get(name, 0.0) // each for name, each in (("CPU", cpus), ("GPU", gpus)) if each > 0]
        return int(min(rooms, default=0.0))


@dataclass(frozen=True)
class Checked:
    """A node that was asked what it is."""

    node: Node
    facts: Facts | None  # None where it did not answer
    skew: float  # seconds that its clock is ahead of the parent's, give or take `uncertain`
    uncertain: float
    megabytes_per_second: float  # at which data reached it
    reasons: tuple[str, ...]  # against it; nothing where it fits


def require_ray() -> None:
    """Raises BadInput where Ray is not installed."""
    if find_spec("ray") is None:
        raise BadInput(
            "--engine ray: expected the Python package 'ray', found none",
            "Nothing was started. Install it with `pip install 'fer-exp[ray]'`, here and on every node.",
        )


def connect(address: str) -> None:
    """Joins the cluster at `address`, if this process has not already.

    Raises:
        BadInput: Ray is not installed, or no cluster answers there.
    """
    require_ray()
    import ray

    if ray.is_initialized():
        return
    _refuse_silent(address)
    _keep_quiet()
    try:
        with _own_signals(), stderr_to():
            ray.init(
                address=address,
                namespace=NAMESPACE,
                log_to_driver=False,
                logging_level="ERROR",
                include_dashboard=False if address == LOCAL else None,
            )
    except (RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
        raise BadInput(
            f"--ray-address {address}: expected a Ray cluster of which this machine is a node, found none: "
            f"{first_line(error)}",
            _JOIN,
        ) from error


def _keep_quiet() -> None:
    """Keeps Ray's lines on dead workers and nodes off standard output, which is for results; faults are told anyway.

    Ray 2.60 prints them whatever `log_to_driver` says, and offers no other way to silence them.
    """
    from ray._private import worker

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None


def _refuse_silent(address: str) -> None:
    """Raises BadInput where nobody listens at HOST:PORT; Ray itself would try for two minutes."""
    host, colon, port = address.rpartition(":")
    if not colon:
        return
    try:
        with socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS):
            return
    except (OSError, ValueError, OverflowError) as error:
        raise BadInput(
            f"--ray-address {address}: expected a Ray cluster, found none: {first_line(error)}", _JOIN
        ) from error


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself when it starts; the search answers it."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def disconnect() -> None:
    """Leaves the cluster; what still runs for this process ends."""
    import ray

    with _own_signals():
        ray.shutdown()


def nodes() -> list[Node]:
    """The nodes that are alive.

    Raises:
        TrialsFailed: The cluster does not answer.
    """
    import ray

    try:
        listed = ray.nodes()
    except Exception as error:  # Ray raises what the layer below raised
        raise lost(error) from error
    return [
        Node(entry["NodeID"], entry["NodeManagerAddress"], entry.get("Resources", {}))
        for entry in listed
        if entry["Alive"]
    ]


def on_this_node() -> Any:
    """Where Ray is to run what must live as long as this process: any other node may be gone before it."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def searches() -> int:
    """How many searches the cluster works for now, this one included if it has begun."""
    from ray.util import list_named_actors

    return sum(name.startswith(SEARCH) for name in list_named_actors())


def lost(error: BaseException) -> FerExpError:
    """The error that the cluster itself is gone."""
    return TrialsFailed(
        f"the cluster does not answer: {first_line(error)}",
        "No trial was marked as failed, and every epoch that was brought here is kept. Start the cluster, then give "
        "the same command again.",
    )


def check(some: list[Node]) -> list[Checked]:
    """Asks nodes what they are, all at once; takes a second or a few."""
    import ray

    payload = ray.put(bytes(PROBE_BYTES))
    parent = facts()
    asked = [(node, _probe_on(node, payload)) for node in some]
    ray.wait([reference for _, reference in asked], num_returns=len(asked), timeout=PROBE_SECONDS)
    return [_checked(node, reference, parent) for node, reference in asked]


def _probe_on(node: Node, payload: Any) -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(probe).options(
        num_cpus=0,
        max_retries=0,
        scheduling_strategy=NodeAffinitySchedulingStrategy(node.identifier, soft=False),
    )
    return task.remote([payload], backend())


def probe(payload: list[Any], environment: dict[str, str]) -> tuple[Facts, float]:
    """What a node says of itself, and how many megabytes a second reach it; a task of Ray.

    Args:
        payload: A reference to bytes of the parent; in a list, else Ray would fetch them before it starts the clock.
        environment: What processes of attempts will find.
    """
    import os
    import time

    import ray

    os.environ |= environment
    began = time.perf_counter()
    received = len(ray.get(payload[0]))
    return facts(), received / 1e6 / max(time.perf_counter() - began, 1e-6)


def _checked(node: Node, reference: Any, parent: Facts) -> Checked:
    import ray

    try:
        found, speed = ray.get(reference, timeout=0)
    except Exception as error:  # whatever keeps a node from answering is the reason against it
        return Checked(node, None, 0.0, 0.0, 0.0, (f"it did not answer: {_cause(error)}",))
    skew, uncertain = _skew(node)
    return Checked(node, found, skew, uncertain, speed, (*misfits(parent, found), *skew_misfit(skew)))


def _cause(error: Exception) -> str:
    inner = getattr(error, "cause", None) or error
    return f"{type(inner).__name__}: {first_line(inner)}"


def clock() -> float:
    """Seconds since 1970 on a node's clock; a task of Ray."""
    import time

    return time.time()


def _skew(node: Node) -> tuple[float, float]:
    """By how much a node's clock is ahead, and half of the time that asking took."""
    import time

    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    strategy = NodeAffinitySchedulingStrategy(node.identifier, soft=False)
    task = ray.remote(clock).options(num_cpus=0, max_retries=0, scheduling_strategy=strategy)
    before = time.time()
    try:
        theirs = ray.get(task.remote(), timeout=PROBE_SECONDS)
    except Exception:  # it has just gone; training on it will say so
        return 0.0, 0.0
    after = time.time()
    return theirs - (before + after) / 2, (after - before) / 2
