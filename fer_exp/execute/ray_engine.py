"""The engine of many machines: an attempt is a task of Ray, and Ray finds it a node.

In: records to train. Out: attempts that are over. Ray places attempts by what they need, isolates them, moves bytes and
notices deaths; it repeats nothing by itself, because what a death means is decided where it is for one machine. What an
attempt writes comes back epoch by epoch and is entered into the parent's record here, so a trial whose node has died
goes on elsewhere behind its last epoch. An attempt that was replaced is not listened to any more.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fer_exp.execute.cluster.attempt import Order, StopRequest, attempt, new_name
from fer_exp.execute.cluster.connect import Cluster, connect, lost, on_this_node
from fer_exp.execute.cluster.faults import NODE_LOST, fault_of_ray
from fer_exp.execute.cluster.fit import backend, facts
from fer_exp.execute.cluster.messages import Begun, Files, Message, Moved, Over, Refused
from fer_exp.execute.cluster.parcels import Inbox, Superseded, newest_attempt, parcel_of
from fer_exp.execute.cluster.roster import Roster
from fer_exp.execute.cluster.shipping import ship
from fer_exp.execute.devices import SHARED_MEMORY, VISIBLE
from fer_exp.execute.engine import End, Ended
from fer_exp.execute.fault import Fault, FaultKind, fault_of_exit
from fer_exp.records import Record, State, TrialSpec

ENTRY = "fer_exp.execute.entry:train_record"
WAITS_FROM = 5.0  # seconds after which an attempt that has not begun is shown as waiting
MESSAGES = 64  # of one attempt that are taken in before the next one's
PROGRESS = 16.0  # messages on progress a second, of all attempts together
FETCH_SECONDS = 120.0  # for one message; its node is taken for lost then


@dataclass(eq=False)
class RayAttempt:
    """An attempt at work, or waiting for a node. Changes as messages come in; only the engine changes it."""

    record: Record
    spec: TrialSpec
    number: int  # which attempt this is, from 1
    stream: Any  # of its messages
    asked: float = field(default_factory=time.monotonic)
    coming: Any = None  # a reference to the message that is on its way here
    coming_since: float = 0.0
    inbox: Inbox | None = None  # once it has begun
    node: str = ""
    host: str = ""
    epoch: int = 0
    step: int = 0
    steps: int = 0
    peak_memory_mib: float = 0.0
    waits: str = ""  # for what, where it waits


class RayEngine:
    """Attempts on the nodes of a cluster.

    Args:
        cluster: Where, how many at a time, and what each attempt takes.
        development: Folder of the development part that attempts train on.
        keep_checkpoints: Later trials may go on from the last epoch of an earlier one.
        entry: What an attempt's process runs, as "module:function".
        say: Told what the user should know of the cluster.
        shared: Nodes that can read the development folder may use it.

    Raises:
        BadInput: There is no such cluster.
        TrialsFailed: None of its nodes fits.
    """

    def __init__(
        self,
        cluster: Cluster,
        development: Path,
        *,
        keep_checkpoints: bool = False,
        entry: str = ENTRY,
        say: Callable[[str], None] = lambda _: None,
        shared: bool = True,
    ) -> None:
        connect(cluster.address)
        import ray

        self._entry = entry
        self._keep_checkpoints = keep_checkpoints
        self._cpus, self._gpus = cluster.cpus, cluster.gpus
        self._parent = facts()
        self._roster = Roster(cluster, say)
        self._roster.check()
        self._shipment = ship(development, shared=shared)
        here = {"num_cpus": 0, "max_concurrency": 100_000, "scheduling_strategy": on_this_node()}
        self._stop = ray.remote(StopRequest).options(name=new_name(), **here).remote()
        ray.get(self._stop.ready.remote())  # from now on other searches count this one
        self._roster.look()
        self._task = ray.remote(  # a process for each, and no repetition by Ray
            num_cpus=self._cpus, num_gpus=self._gpus, max_calls=1, max_retries=0, num_returns="streaming"
        )(attempt)
        self._attempts: list[RayAttempt] = []
        self._stopping = False

    @property
    def capacity(self) -> int:
        """Attempts that are asked for at a time; those that no node has room for wait.

        Where other searches work on the same cluster, each asks for its share of the room: what it has at work ends
        undisturbed, and room that becomes free goes to those that have less.
        """
        return self._roster.share()

    @property
    def attempts(self) -> tuple[RayAttempt, ...]:
        """The attempts at work, and those that wait for a node."""
        return tuple(self._attempts)

    def start(self, record: Record) -> None:
        """Asks for the next attempt at `record`.

        Raises:
            TrialsFailed: Every node was refused.
        """
        self._roster.refuse_hopeless()
        number = newest_attempt(record) + 1
        self._attempts.append(RayAttempt(record, record.spec(), number, self._ask(record, number)))

    def _ask(self, record: Record, number: int) -> Any:
        order = Order(
            entry=self._entry,
            number=number,
            parcel=parcel_of(record),
            shipment=self._shipment,
            keep_checkpoints=self._keep_checkpoints,
            threads=int(self._cpus) if self._cpus >= 1 else 1,
            environment=self._environment(),
            parent=self._parent,
            report_every=max(1.0, self.capacity / PROGRESS),
        )
        return self._task.options(label_selector=self._roster.selector()).remote(order, self._stop)

    def _environment(self) -> dict[str, str]:
        devices = {VISIBLE: ""} if not self._gpus else (SHARED_MEMORY if self._gpus < 1 else {})
        return backend() | devices

    # -- hearing

    def wait(self, seconds: float) -> list[Ended]:
        """Waits until something happens, at most `seconds`; returns the attempts that are over, each once.

        Raises:
            TrialsFailed: The cluster is gone.
        """
        import ray

        anew = self._roster.look_now_and_then()
        if not self._attempts:
            time.sleep(seconds)
            return []
        streams = {attempt.coming or attempt.stream: attempt for attempt in self._attempts}
        try:
            ray.wait(list(streams), num_returns=1, timeout=seconds)
            ready, _ = ray.wait(list(streams), num_returns=len(streams), timeout=0)
        except Exception as error:  # Ray raises what the layer below raised
            raise lost(error) from error
        overdue = [one for one in self._attempts if self._is_overdue(one) and one.coming not in ready]
        ends = [self._hear(one) for one in [*(streams[stream] for stream in ready), *overdue]]
        self._show_waiting(anew)
        return [ended for ended in ends if ended is not None] + self._of_lost_nodes()

    def _of_lost_nodes(self) -> list[Ended]:
        """Ends attempts on nodes that are gone; Ray tells of them only when a connection breaks, minutes later."""
        lost_ones = [one for one in self._attempts if self._roster.is_gone(one.node)]
        return [self._drop(one, Fault(FaultKind.NODE, f"{NODE_LOST} ({one.host})")) for one in lost_ones]

    def _hear(self, attempt: RayAttempt) -> Ended | None:
        """Takes in what an attempt has said; how it ended, if it has."""
        import ray

        for _ in range(MESSAGES):
            try:
                message = self._next(attempt)
                ended = None if message is None else self._take(attempt, message)
            except StopIteration:
                return self._end(attempt, Fault(FaultKind.NODE, "its supervisor ended without a word"))
            except ray.exceptions.TaskCancelledError:
                return self._end(attempt, None)
            except ray.exceptions.RayError as error:
                return self._drop(attempt, fault_of_ray(error, attempt.host))
            except Superseded as error:
                return self._drop(attempt, Fault(FaultKind.NODE, f"it was replaced: {error}"))
            if message is None or ended is not None:
                return ended
            if not ray.wait([attempt.stream], timeout=0)[0]:
                return None
        return None

    def _next(self, attempt: RayAttempt) -> Message | None:
        """The next message, or None while it is on its way: a slow node delays no other attempt.

        Raises:
            StopIteration: There was none.
            ray.exceptions.RayError: The attempt broke off, or its message has been on its way for too long.
        """
        import ray

        if attempt.coming is None:
            attempt.coming, attempt.coming_since = next(attempt.stream), time.monotonic()
        if not ray.wait([attempt.coming], timeout=0)[0]:
            if not self._is_overdue(attempt):
                return None
            raise ray.exceptions.GetTimeoutError(f"a message did not arrive within {FETCH_SECONDS:.0f} s")
        coming, attempt.coming = attempt.coming, None
        message: Message = ray.get(coming)
        return message

    def _is_overdue(self, attempt: RayAttempt) -> bool:
        return attempt.coming is not None and time.monotonic() - attempt.coming_since >= FETCH_SECONDS

    def _drop(self, attempt: RayAttempt, fault: Fault) -> Ended:
        """Ends an attempt that is not listened to any more; on a node that is only slow it would go on for nobody."""
        self._cancel(attempt)
        return self._end(attempt, fault)

    def _cancel(self, attempt: RayAttempt) -> None:
        import ray

        with contextlib.suppress(Exception):  # of a cluster that is gone
            ray.cancel(attempt.stream, force=True)

    def _take(self, attempt: RayAttempt, message: Message) -> Ended | None:
        if isinstance(message, Begun):
            attempt.inbox = Inbox(attempt.record, attempt.number)
            attempt.node, attempt.host, attempt.waits = message.node, message.host, ""
        elif isinstance(message, Moved):
            attempt.epoch, attempt.step, attempt.steps = message.epoch, message.step, message.steps
            attempt.peak_memory_mib = message.peak_memory_mib
        elif isinstance(message, Files):
            if attempt.inbox is not None:
                attempt.inbox.take(message)
        elif isinstance(message, Refused):
            self._roster.refuse(message.node, message.host, message.reasons)
            self._roster.refuse_hopeless()
            attempt.stream = self._ask(attempt.record, attempt.number)
        else:
            return self._over(attempt, message)
        return None

    def _over(self, attempt: RayAttempt, over: Over) -> Ended:
        attempt.peak_memory_mib = max(attempt.peak_memory_mib, over.peak_memory_mib)
        if attempt.inbox is not None:
            attempt.inbox.close(over)
        fault = over.fault or (fault_of_exit(over.code) if over.code else None)
        if fault is not None and fault.kind is FaultKind.FULL_DISK:
            cause = "no space is left on its disk"
            self._roster.refuse(attempt.node, attempt.host, (cause,))
            fault = Fault(FaultKind.NODE, f"{cause} ({attempt.host})")
        stopped = self._stopping and over.fault is None
        return self._end(attempt, None if stopped else fault)

    def _end(self, attempt: RayAttempt, fault: Fault | None) -> Ended:
        """Takes an attempt off the list, and says how it ended."""
        self._attempts.remove(attempt)
        if (outcome := attempt.record.outcome()) is not None:
            end, fault = (End.FINISHED if outcome.state is State.FINISHED else End.RECIPE_FAILED), None
        else:
            end = End.STOPPED if fault is None else End.MACHINE_FAILED
        return Ended(attempt.record, attempt.number, end, fault, attempt.peak_memory_mib)

    def _show_waiting(self, anew: bool) -> None:
        since = time.monotonic() - WAITS_FROM
        late = [one for one in self._attempts if one.inbox is None and one.asked < since]
        needed = self._roster.needed() if late and (anew or not all(one.waits for one in late)) else ""
        for one in late:
            one.waits = needed or one.waits

    # -- ends

    def ask_to_stop(self) -> None:
        """Asks every attempt to end after its epoch; those that wait for a node end at once."""
        import ray

        self._stopping = True
        self._stop.wish.remote()
        for one in self._attempts:
            if one.inbox is None:
                ray.cancel(one.stream)

    def kill(self) -> None:
        """Ends every attempt now; their records go on from the last epoch that was brought here."""
        self._stopping = True
        for one in self._attempts:
            self._cancel(one)
        self._attempts.clear()

    def close(self) -> None:
        """Gives the room on the cluster to other searches; nothing is at work."""
        import ray

        with contextlib.suppress(Exception):  # of a cluster that is gone
            ray.kill(self._stop)
