"""reproduce: a record trained again, and whether it comes out equal.

In: a record's name or an MLflow run id. Out: what differs from when it was trained, and the verdict.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from fer_exp.api.comparing import record_of
from fer_exp.api.names import known_campaign
from fer_exp.cli import complete, options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.system.errors import BadInput, ExitCode
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.records import Record
    from fer_exp.tuning.reproduce import Difference, Reproduction


@command(app, "reproduce")
def reproduce(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RECORD",
            help="CAMPAIGN/trials/0003, CAMPAIGN/retrains/..., or an MLflow run id.",
            autocompletion=complete.records,
        ),
    ],
    data: options.Data = None,
    max_hours: options.MaxHours = None,
    fail_if_not_equal: Annotated[
        bool, typer.Option("--fail-if-not-equal", help="Exit with 3 unless it comes out equal to the last bit.")
    ] = False,
    no_tracking: options.NoTracking = False,
    verbose: Verbose = 0,
) -> None:
    """Train a record again beside itself, say what differs from when it was trained, and whether it comes out equal."""
    home = Home.from_environment()
    record = _the_record(home, what)
    spec = known_campaign(home, record.path.parents[1].name)
    from fer_exp.data.find import find_recorded
    from fer_exp.tuning.reproduce import differences, finished_record, run_reproduction
    from fer_exp.tuning.values import DataChoice

    finished_record(record)
    info = record.data(spec.data)
    choice = DataChoice(find_recorded(data, info.path), info.reading_again)
    typer.echo(_differences(differences(record)))
    typer.echo(f"Data: digest {info.data_digest}, split {info.split_digest}; others are refused.")
    from fer_exp.api.view import View
    from fer_exp.tuning.run import Conditions

    with View() as view:
        conditions = Conditions(home, view, tracking=not no_tracking, max_hours=max_hours)
        result, done = run_reproduction(spec, record, choice, conditions)
    if done is None:
        from fer_exp.api.texts import this_command

        typer.echo(f"Stopped before its end. Go on: {this_command()}")
        raise typer.Exit(int(ExitCode.INTERRUPTED))
    typer.echo(_verdict(done))
    if result.behind is not None:
        typer.echo(f"MLflow is behind the records ({result.behind}): fer-exp sync {result.folder.name}")
    if fail_if_not_equal and not done.equal:
        raise typer.Exit(int(ExitCode.NOT_BETTER))


def _the_record(home: Home, what: str) -> "Record":
    """The one record that is meant.

    Raises:
        BadInput: A name means a campaign, or several records.
        NotFound: There is none.
    """
    from fer_exp.verdict import find_groups

    name = record_of(home, what)
    records = find_groups(home, name)[0].records
    within = records[0].path.relative_to(home.campaigns).as_posix()
    if len(records) > 1 or "/" not in name.strip("/"):
        raise BadInput(
            f"reproduce: expected one record, received {what!r}",
            f"Nothing was trained. Name one, such as {within}.",
        )
    return records[0]


def _differences(found: "list[Difference]") -> str:
    if not found:
        return "Code, versions and kind of device are as they were when it was trained."
    lines = [f"  {one.what}: {one.then} then, {one.now} now" for one in found]
    return "\n".join(["What differs from when it was trained:", *lines])


def _verdict(done: "Reproduction") -> str:
    lines = [f"Trained again: {done.again.path}"]
    if done.equal:
        lines.append(
            f"Equal: all numbers of {done.epochs} epochs and all {done.images:,} predictions are the same to the last "
            "bit."
        )
        return "\n".join(lines)
    epochs = (
        f"all {done.epochs} epochs are equal"
        if done.first_other_epoch is None
        else f"epochs differ from number {done.first_other_epoch} on"
    )
    lines.append(
        f"Not equal: {epochs}; {done.labels_changed:,} of {done.images:,} predictions name another class, and a "
        f"probability differs by up to {done.largest_gap:.2g}."
    )
    if done.comparison is None:
        return "\n".join([*lines, f"Not compared: {done.uncompared}"])
    from fer_exp.verdict import sentence

    return "\n".join([*lines, f"A is the new training, B the recorded one. {sentence(done.comparison)}"])
