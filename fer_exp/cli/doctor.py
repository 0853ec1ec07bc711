"""doctor."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from fer_exp.cli import options
from fer_exp.cli.app import Verbose, app, command
from fer_exp.system.errors import ExitCode
from fer_exp.system.home import Home
from fer_exp.system.words import counted

if TYPE_CHECKING:
    from fer_exp.doctor import Finding, Report


@command(app, "doctor")
def doctor(
    campaign: options.AnyCampaign = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended safely; no record is deleted.")] = False,
    as_json: options.AsJson = False,
    install: Annotated[
        bool, typer.Option("--install", help="Say instead whether this machine has all that fer-exp needs.")
    ] = False,
    no_tracking: Annotated[bool, typer.Option("--no-tracking", help="Leave MLflow out.")] = False,
    verbose: Verbose = 0,
) -> None:
    """Hold state, records and MLflow against one another; say what is wrong. Exits with 8 where findings are left."""
    if install:
        _tell_missing()
        return
    home = Home.from_environment()
    typer.echo(f"Looking at the campaigns in {home.campaigns}.", err=True)
    from fer_exp.doctor import campaigns_in, examine, mend

    there = campaigns_in(home)
    if campaign is not None and campaign not in there:
        raise home.unknown(campaign, there)
    names = None if campaign is None else [campaign]
    report = (mend if fix else examine)(home, names, tracking=not no_tracking)
    typer.echo(_as_json(report) if as_json else _as_text(report))
    if report.left:
        raise typer.Exit(int(ExitCode.FINDINGS))


def _tell_missing() -> None:
    from fer_exp.doctor.install import missing

    typer.echo("Loading everything once.", err=True)
    lines = missing()
    typer.echo("\n".join(lines) or "All that fer-exp needs is here.")
    if lines:
        raise typer.Exit(int(ExitCode.FINDINGS))


def _as_text(report: "Report") -> str:
    lines = [f"mended: {finding.line}" for finding in report.mended]
    lines += [finding.line for finding in report.left]
    if not lines:
        return f"Nothing wrong: {_counts(report)}"
    left, mendable = len(report.left), sum(finding.mend is not None for finding in report.left)
    told = [f"{len(report.mended)} mended"] if report.mended else []
    told += (
        [f"{left} left" + (f", {mendable} of which `fer-exp doctor --fix` mends" if mendable else "")] if left else []
    )
    return "\n".join([*lines, f"{'; '.join(told)}: {_counts(report)}"])


def _counts(report: "Report") -> str:
    runs = "MLflow not looked at" if report.runs is None else counted(report.runs, "run")
    return f"{counted(report.campaigns, 'campaign')}, {counted(report.records, 'record')}, {runs}"


def _as_json(report: "Report") -> str:
    document = {
        "campaigns": report.campaigns,
        "records": report.records,
        "runs": report.runs,
        "mended": [_finding(finding) for finding in report.mended],
        "left": [_finding(finding) for finding in report.left],
    }
    return json.dumps(document, indent=1)


def _finding(finding: "Finding") -> dict[str, object]:
    return {
        "code": finding.code,
        "where": finding.where,
        "what": finding.what,
        "advice": finding.advice,
        "mendable": finding.mend is not None,
    }
