"""Where trials run, as options: this machine or a cluster, how many at a time, and what each takes.

In: a command's function with a parameter `place`. Out: the same with the options in its place; what was said reaches it
as a `Place`, which says under which conditions a search works.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_exp.cli.in_place import Command, in_place_of
from fer_exp.system.errors import BadInput
from fer_exp.system.values import first_line

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
    """Where trials run, as the options say."""

    engine: EngineName
    address: str | None
    workers: int | None  # None: as there is room
    cpus: float | None
    gpus: float | None

    def settle(self, campaign: "Resources | None" = None) -> Settled:
        """What that means on this machine or cluster.

        Args:
            campaign: What the campaign's file says an attempt takes; options win.

        Raises:
            BadInput: There is no such cluster, or this machine has not what was asked for.
        """
        from fer_exp.campaign import Resources

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
            f"--gpus-per-trial {resources.gpus:g}: expected GPUs for {asked or 1} trial(s) at a time, found {devices}, "
            f"which have room for {room}",
            "Nothing was started. Ask for fewer workers or a smaller part of a GPU.",
        )
    return asked or room


def as_workers(text: str) -> int:
    """A number of workers; 0 stands for `auto`, as there is room."""
    if str(text).lower() == AUTO:
        return 0
    number = int(text) if str(text).isdigit() else 0
    if not 1 <= number <= MOST_WORKERS:
        raise typer.BadParameter(f"expected a number from 1 to {MOST_WORKERS}, or auto, received {text!r}")
    return number


def _option(kind: Any, name: str, told: str, **more: Any) -> Any:
    return Annotated[kind, typer.Option(name, help=told, **more)]


OPTIONS: dict[str, tuple[Any, Any]] = {
    "workers": (
        _option(
            int,
            "--workers",
            "Trials at the same time; auto: as the machine or the cluster has room.",
            metavar="<int>|auto",
            parser=as_workers,
        ),
        1,
    ),
    "engine": (_option(EngineName, "--engine", "Train here, or on a Ray cluster."), EngineName.LOCAL),
    "ray_address": (
        _option(
            str | None,
            "--ray-address",
            "The cluster: auto (one that this machine is part of), local (started for this command) or HOST:PORT.",
            metavar="auto|local|HOST:PORT",
        ),
        None,
    ),
    "cpus_per_trial": (
        _option(float | None, "--cpus-per-trial", "Processors of a trial. Default: an equal share, on a cluster 1."),
        None,
    ),
    "gpus_per_trial": (
        _option(float | None, "--gpus-per-trial", "GPUs of a trial, or a part of one, as 0.5. Default: one, if any."),
        None,
    ),
}


def takes_place(function: Command) -> Command:
    """Puts those options in the place of a function's parameter `place`."""
    return in_place_of("place", OPTIONS, _place)(function)


def _place(said: dict[str, Any]) -> Place:
    return Place(
        engine=said["engine"],
        address=said["ray_address"],
        workers=said["workers"] or None,
        cpus=said["cpus_per_trial"],
        gpus=said["gpus_per_trial"],
    )
