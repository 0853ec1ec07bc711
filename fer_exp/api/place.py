"""Where trials run: this machine or a cluster, how many at a time, and what each takes.

In: what parameters or options say. Out: a `Place`, and from it `Settled`: the conditions under which a search works,
after a look at what there is.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from fer_exp.system.errors import BadInput
from fer_exp.system.words import counted

if TYPE_CHECKING:
    from fer_exp.campaign import Resources
    from fer_exp.execute.cluster.connect import Cluster

MOST_WORKERS = 4096
AUTOMATIC = 4  # workers at most that a machine without GPUs gets unasked: each loads TensorFlow
AUTO = "auto"


class EngineName(StrEnum):
    """What runs trials."""

    LOCAL = "local"  # processes of this machine
    RAY = "ray"  # the machines of a Ray cluster


@dataclass(frozen=True)
class Settled:
    """Where trials run, after a look at what there is."""

    workers: int  # at a time; on a cluster, as many as it has room for now
    resources: "Resources"  # of an attempt on this machine
    cluster: "Cluster | None" = None


@dataclass(frozen=True)
class Place:
    """Where trials run, as it was said."""

    engine: EngineName
    address: str | None
    workers: int | None  # None: as there is room
    cpus: float | None
    gpus: float | None

    @classmethod
    def of(
        cls,
        workers: int | Literal["auto"] = 1,
        engine: EngineName | Literal["local", "ray"] = EngineName.LOCAL,
        address: str | None = None,
        cpus: float | None = None,
        gpus: float | None = None,
    ) -> "Place":
        """As parameters of `search` and `retrain_best` say it; nothing is looked at yet.

        Raises:
            BadInput: There is no such engine, or no such number of workers.
        """
        if engine not in tuple(EngineName):
            raise BadInput(
                f"engine: expected {' or '.join(EngineName)}, received {engine!r:.60}",
                "Nothing was started. local is the default.",
            )
        return cls(EngineName(engine), address, workers_of(workers), cpus, gpus)

    @property
    def said(self) -> dict[str, Any]:
        """The parameters of `search` and `retrain_best` that say the same."""
        return {
            "workers": AUTO if self.workers is None else self.workers,
            "engine": self.engine,
            "ray_address": self.address,
            "cpus_per_trial": self.cpus,
            "gpus_per_trial": self.gpus,
        }

    def settle(self, campaign: "Resources | None" = None) -> Settled:
        """What that means on this machine or cluster.

        Args:
            campaign: What the campaign's file says an attempt takes; parameters and options win.

        Raises:
            BadInput: There is no such cluster, or this machine has not what was asked for.
        """
        from fer_exp.campaign import Resources
        from fer_exp.system.values import first_line

        try:
            resources = Resources(cpus=self.cpus, gpus=self.gpus).over(campaign or Resources())
        except ValueError as error:
            told = first_line(error).removeprefix("Value error, ")
            raise BadInput(
                f"--cpus-per-trial, --gpus-per-trial: {told}", "Nothing was started. Change them."
            ) from error
        if self.engine is EngineName.RAY:
            return self._on_cluster(resources)
        if self.address is not None:
            raise BadInput(
                "--ray-address: expected --engine ray beside it, received an address alone",
                "Nothing was started. Add --engine ray, or leave the address out.",
            )
        return Settled(workers_here(self.workers, resources), resources)

    def _on_cluster(self, resources: "Resources") -> Settled:
        from fer_exp.execute.cluster.connect import AUTO as RUNNING
        from fer_exp.execute.cluster.connect import cluster_at, nodes

        cluster = cluster_at(self.address or RUNNING, self.workers, resources)
        return Settled(self.workers or cluster.room(nodes()), resources, cluster)


def workers_here(asked: int | None, resources: "Resources") -> int:
    """How many trials this machine trains at a time.

    Args:
        asked: None: one for each share of a GPU, else one for each processor, up to four.
        resources: What each takes.

    Raises:
        BadInput: The GPUs have not so much room.
    """
    from fer_exp.execute.devices import slots_on, visible_devices
    from fer_exp.system.provenance import cores

    devices = len(visible_devices()) if resources.gpus != 0 else 0
    if not resources.gpus:
        if asked is not None:
            return asked
        alone = int(cores() // resources.cpus) if resources.cpus else min(cores(), AUTOMATIC)
        return devices or max(alone, 1)
    room = slots_on(devices, resources.gpus)
    if room < (asked or 1):
        raise BadInput(
            f"--gpus-per-trial {resources.gpus:g}: expected GPUs for {counted(asked or 1, 'trial')} at a time, "
            f"found {devices}, which have room for {room}",
            "Nothing was started. Ask for fewer workers or a smaller part of a GPU.",
        )
    return asked or room


def workers_of(given: int | str) -> int | None:
    """A number of workers; None for `auto`, as there is room.

    Raises:
        BadInput: It is neither.
    """
    text = str(given)
    if text.lower() == AUTO:
        return None
    number = int(text) if text.isdecimal() else 0
    if not 1 <= number <= MOST_WORKERS:
        raise BadInput(
            f"workers: expected a number from 1 to {MOST_WORKERS}, or auto, received {text!r}",
            "Nothing was started. 1 is the default.",
        )
    return number
