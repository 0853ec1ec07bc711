"""The nodes that a search may use, and its share of them.

In: a cluster. Out: how many attempts to ask for, which nodes get none and why, and what a waiting attempt waits for.
Nodes may come and go while the search runs, and other searches too.
"""

import math
import time
from collections.abc import Callable

from fer_exp.execute.cluster.connect import Cluster, Node, check, nodes, searches
from fer_exp.system.errors import TrialsFailed
from fer_exp.system.words import counted

LOOK_EVERY = 5.0  # seconds between looks at what nodes and searches there are


class Roster:
    """The nodes of a cluster, as one search sees them.

    Args:
        cluster: Where, how many attempts at a time, and what each takes.
        say: Told of nodes that get no trial, and of other searches.
    """

    def __init__(self, cluster: Cluster, say: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._say = say
        self._nodes = nodes()
        self._searches = 1
        self._looked = time.monotonic()
        self._refused: dict[str, str] = {}  # nodes, and why
        self._gone: set[str] = set()  # nodes that were there once

    def check(self) -> None:
        """Asks the nodes that could train what they are, and refuses those that do not fit.

        Raises:
            TrialsFailed: None fits.
        """
        for one in check([node for node in self._nodes if self._may_train(node)]):
            if one.reasons:
                self.refuse(one.node.identifier, one.node.host, one.reasons)
        self.refuse_hopeless()

    def look_now_and_then(self) -> bool:
        """Looks again where the last look is long ago; says whether it did."""
        late = time.monotonic() - self._looked >= LOOK_EVERY
        if late:
            self.look()
        return late

    def look(self) -> None:
        """Sees what nodes and searches there are now."""
        self._looked = time.monotonic()
        seen = {node.identifier for node in self._nodes}
        before, self._nodes, self._searches = self._searches, nodes(), max(searches(), 1)
        self._gone |= seen - {node.identifier for node in self._nodes}
        if self._searches != before:
            told = f"{self._searches} searches share" if self._searches > 1 else "This search alone has"
            self._say(f"{told} the cluster; {counted(self.share(), 'trial')} at a time here from now on.")

    def share(self) -> int:
        """How many attempts to ask for at a time: what was asked for, or all there is room for, or a share of that.

        A share is never less than one, which may have to wait.
        """
        room = self._cluster.room([node for node in self._nodes if node.identifier not in self._refused])
        if self._searches > 1:
            room = math.ceil(room / self._searches)
        elif self._cluster.workers is not None:
            return self._cluster.workers
        return room if self._cluster.workers is None else min(room, self._cluster.workers)

    def refuse(self, node: str, host: str, reasons: tuple[str, ...]) -> None:
        """Gives a node no trial from now on."""
        if node and node not in self._refused:
            self._refused[node] = f"{host}: {'; '.join(reasons)}"
            self._say(f"Node {self._refused[node]}. It gets no trial.")

    def is_gone(self, node: str) -> bool:
        """Whether the cluster has given up a node that was part of it; such a node never comes back under its name."""
        return node in self._gone

    def refuse_hopeless(self) -> None:
        """Raises TrialsFailed where all nodes that could train were refused."""
        able = [node for node in self._nodes if self._may_train(node)]
        if able and all(node.identifier in self._refused for node in able):
            self.look()  # another may have come since
            able = [node for node in self._nodes if self._may_train(node)]
            if not all(node.identifier in self._refused for node in able):
                return
            reasons = " | ".join(self._refused.values())
            raise TrialsFailed(
                f"no node of the cluster can train: {reasons}",
                "No trial was marked as failed. Make a node fit (`fer-exp cluster check` asks them all), then give the "
                "same command again.",
            )

    def selector(self) -> dict[str, str]:
        """Which nodes may be chosen for an attempt, as Ray is told."""
        return {"ray.io/node-id": f"!in({','.join(self._refused)})"} if self._refused else {}

    def needed(self) -> str:
        """What an attempt that has not begun waits for."""
        import ray

        cpus, gpus = self._cluster.cpus, self._cluster.gpus
        wants = " and ".join(f"{each:g} {name}" for name, each in (("CPU", cpus), ("GPU", gpus)) if each)
        if not any(self._may_train(node) and node.identifier not in self._refused for node in self._nodes):
            return f"a node with {wants}, of which the cluster has none now"
        free = ray.available_resources()
        told = ", ".join(f"{free.get(name, 0.0):g} {name}" for name in ("CPU", *(("GPU",) if gpus else ())))
        others = f"; {counted(self._searches - 1, 'other search', 'other searches')} here" if self._searches > 1 else ""
        return f"{wants} on one node; free on all: {told}{others}"

    def _may_train(self, node: Node) -> bool:
        return node.fits(self._cluster.cpus, self._cluster.gpus) > 0
