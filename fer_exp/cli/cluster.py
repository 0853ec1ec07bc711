"""cluster check."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from fer_exp.cli import options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.system.errors import ExitCode

if TYPE_CHECKING:
    from fer_exp.execute.cluster.connect import Checked

cluster = typer.Typer(no_args_is_help=True, help="Look at a Ray cluster before it trains.", rich_markup_mode=None)
app.add_typer(cluster, name="cluster")


@command(cluster, "check", about="cluster check")
def check(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="auto (a cluster that this machine is part of), or HOST:PORT.")
    ] = "auto",
    as_json: options.AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Ask every node for its versions, devices, disk and clock, and send it data; exits with 8 where one does not fit.

    A search asks the same before it begins, and gives no trial to a node that does not fit.
    """
    from fer_exp.execute.cluster.connect import check as ask
    from fer_exp.execute.cluster.connect import connect, nodes

    connect(address)
    typer.echo("Asking the nodes; Python starts on each.", err=True)
    checked = ask([node for node in nodes() if node.resources.get("CPU", 0.0) or node.resources.get("GPU", 0.0)])
    typer.echo(json.dumps([_row(one) for one in checked], indent=1) if as_json else _text(checked))
    if not checked or any(one.reasons for one in checked):
        raise typer.Exit(int(ExitCode.FINDINGS))


def _text(checked: "list[Checked]") -> str:
    if not checked:
        return "No node has a processor for trials: `ray start --address HOST:PORT` on a machine adds one."
    lines = [line for one in checked for line in _node(one)]
    fitting = sum(not one.reasons for one in checked)
    return "\n".join([*lines, f"{fitting} of {len(checked)} nodes fit."])


def _node(one: "Checked") -> list[str]:
    resources = one.node.resources
    lines = [
        f"{one.node.host}  {'fits' if not one.reasons else 'does not fit'}: {resources.get('CPU', 0):g} CPU, "
        f"{resources.get('GPU', 0):g} GPU, {resources.get('memory', 0) / 1e9:.1f} GB memory"
    ]
    if (found := one.facts) is not None:
        lines += [
            f"    Python {found.python}, fer_exp {found.fer_exp}, {found.trained_with}",
            f"    devices {', '.join(found.devices) or 'none'}; {found.free / 1e9:.1f} GB free in {found.scratch}",
            f"    clock {one.skew:+.2f} s (give or take {one.uncertain:.2f}); "
            f"data at {one.megabytes_per_second:.0f} MB/s",
        ]
    return [*lines, *(f"    refused: {reason}" for reason in one.reasons)]


def _row(one: "Checked") -> dict[str, object]:
    found = one.facts
    return {
        "node": one.node.identifier,
        "host": one.node.host,
        "fits": not one.reasons,
        "reasons": list(one.reasons),
        "resources": dict(one.node.resources),
        "skew_seconds": one.skew,
        "megabytes_per_second": one.megabytes_per_second,
        "python": found.python if found else None,
        "fer_exp": found.fer_exp if found else None,
        "trained_with": found.trained_with if found else None,
        "devices": list(found.devices) if found else [],
        "free_bytes": found.free if found else None,
    }
