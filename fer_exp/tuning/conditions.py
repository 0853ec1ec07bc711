"""Conditions: where and how a search or a retrain works; nothing here changes a result.

In: a home, a watcher, choices. Out: the engine that runs attempts, of this machine or of a cluster, and the report at
the end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import TYPE_CHECKING

from fer_exp.campaign import Resources
from fer_exp.execute.engine import Engine
from fer_exp.execute.entry import LIGHT, TRAINING, train_record
from fer_exp.execute.local import Entry, LocalEngine
from fer_exp.execute.progress import Watcher
from fer_exp.system.home import Home
from fer_exp.system.values import named

if TYPE_CHECKING:
    from fer_exp.execute.cluster.connect import Cluster
    from fer_exp.tuning.search_request import MakeProposer

MakeEngine = Callable[[Path, bool], Engine]  # folder of the development part, whether checkpoints are kept


@dataclass(frozen=True)
class Conditions:
    """Where and how to work; nothing here changes a result."""

    home: Home
    watcher: Watcher
    workers: int = 1
    tracking: bool = True
    max_hours: float | None = None
    entry: Entry = train_record  # what an attempt's process runs; tests put something quick here
    loads: str = TRAINING  # the module that it needs, loaded once for all attempts
    engine: MakeEngine | None = None  # what runs attempts; None: processes of this machine, or a cluster's
    cluster: "Cluster | None" = None  # where attempts run; None: here
    resources: Resources = Resources()  # what an attempt takes of this machine
    propose: "MakeProposer | None" = None  # what proposes trials; None: Keras Tuner
    # Writes the report of a campaign by its name; None: none. Given from above, because a report shows the ledger and
    # the test results, which nothing that searches may reach.
    report: Callable[[Home, str], None] | None = None

    def engine_on(self, development: Path, context: ForkServerContext, *, keep_checkpoints: bool = False) -> Engine:
        """The engine for attempts that train on the development part in a folder."""
        if self.engine is not None:
            return self.engine(development, keep_checkpoints)
        if self.cluster is not None:
            from fer_exp.execute.ray_engine import RayEngine

            return RayEngine(
                self.cluster,
                development,
                keep_checkpoints=keep_checkpoints,
                entry=f"{self.entry.__module__}:{self.entry.__name__}",
                say=self.watcher.say,
            )
        return LocalEngine(
            context,
            self.workers,
            development,
            keep_checkpoints=keep_checkpoints,
            entry=self.entry,
            resources=self.resources,
        )

    @property
    def to_load(self) -> str:
        """What the fork server loads: what attempts of this machine need, and nothing where they run on a cluster."""
        return self.loads if self.cluster is None else LIGHT

    @property
    def device_kind(self) -> str | None:
        """What attempts will train on, where that is not what this machine has."""
        if self.cluster is not None:
            return self.cluster.device_kind
        return "cpu" if self.resources.gpus == 0 else None

    @property
    def shows_here(self) -> bool:
        """Whether MLflow's copy of everything comes to lie in this home too."""
        return self.tracking and self.home.tracking_uri == self.home.own_tracking_uri

    def write_report(self, name: str, saying: str = "Writing the report.") -> None:
        """Writes the campaign's report, where one is wanted; that it cannot be made is told, and harms nothing."""
        if self.report is None:
            return
        self.watcher.say(saying)
        try:
            self.report(self.home, name)
        except Exception as error:  # records and leaderboard are written already, and the page follows from them
            self.watcher.say(f"No report this time ({named(error)}); `fer-exp report {name}` makes it at any time.")
