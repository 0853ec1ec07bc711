"""Where trials run, as options.

In: a command's function with a parameter `place`. Out: the same with the options in its place; what was said reaches it
as a `Place`, which says under which conditions a search works.
"""

from typing import Annotated, Any

import typer

from fer_exp.api.place import EngineName, Place, workers_of
from fer_exp.cli.in_place import Command, in_place_of
from fer_exp.system.errors import BadInput


def as_workers(text: str) -> int:
    """A number of workers, as an option says it; 0 stands for `auto`, as there is room."""
    try:
        return workers_of(text) or 0
    except BadInput as error:
        raise typer.BadParameter(error.problem.removeprefix("workers: ")) from error


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
