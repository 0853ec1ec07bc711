"""Account: what it cost, where it comes from, and how it is made again.

In: Contents. Out: blocks of these sections.
"""

import shlex
from datetime import UTC, datetime

from fer_exp.leaderboard.table import duration
from fer_exp.metrics.registry import shown
from fer_exp.records.handovers import Handover
from fer_exp.report.blocks import Block, Code, Facts, Missing, Table, Text
from fer_exp.report.contents import Contents
from fer_exp.report.cost import Cost, cost_of, cost_to, provenance
from fer_exp.report.flops import forward_flops, told

JOULES = 3.6e6  # a kilowatt hour
PACKAGES = ("tensorflow", "jax", "torch", "keras", "keras-tuner", "mlflow", "numpy", "opencv-python-headless")


def cost(contents: Contents) -> tuple[Block, ...]:
    """Hours, images, operations and energy, of the search and of the retrains."""
    form = contents.spec.data.form
    costs = [
        (name, cost_of(contents.spec, some))
        for name, some in (("search", contents.trials), ("retrains", contents.retrains), ("together", contents.records))
        if some
    ]
    if not costs or not costs[-1][1].trainings:
        return (Missing("the cost: nothing was trained."),)
    networks = [
        (f"one look of the {name} at a face", told(forward_flops(side.group.specs[0].recipe, form)))
        for name, side in (("winner", contents.winner), ("baseline", contents.baseline))
        if side is not None
    ]
    return (
        Table(
            "",
            ("Part", "Trainings", "Trained", "Start to end", "Epochs", "Images", "Operations", "Energy"),
            tuple((name, *_line(one)) for name, one in costs),
        ),
        Facts(tuple(networks)),
        *_levels(contents),
        Text(
            "Hours are those of epochs, added up over workers. Operations count a multiplication and an addition as "
            "two, over convolutions and dense layers; a training image costs three looks (forward, and two products "
            "backward), a validation image one. Energy is known only where every record states it. Processor hours are "
            "hours times the machine's processors, whether all of them worked for the training or not.",
            "note",
        ),
    )


def _levels(contents: Contents) -> tuple[Block, ...]:
    """What an accuracy on validation took, of the winner and of the baseline."""
    rows = [
        (
            side.title,
            f"{one.level} %",
            f"{one.epoch:.3g}",
            duration(one.seconds),
            "-" if one.processor_seconds is None else f"{one.processor_seconds / 3600:.2g}",
            told(one.flops),
            f"{one.seeds} of {one.of}",
        )
        for side in contents.sides
        for one in cost_to(contents.spec, side.trainings)
    ]
    columns = ("Recipe", "Accuracy on validation", "Epoch", "Trained", "Processor hours", "Operations", "Trainings")
    return (
        (Table("What it took to reach an accuracy, mean of the trainings that did", columns, tuple(rows)),)
        if rows
        else ()
    )


def _line(one: Cost) -> tuple[str, ...]:
    energy = "unknown" if one.joules is None else f"{one.joules / JOULES:.3g} kWh"
    trained = f"{one.trainings}" + (f" (+ {one.answered} answered)" if one.answered else "")
    return (
        trained,
        duration(one.seconds),
        duration(one.span_seconds),
        f"{one.epochs:,}",
        f"{one.images:,}",
        told(one.flops),
        energy,
    )


def origin(contents: Contents) -> tuple[Block, ...]:
    """Code, versions, machine and digests."""
    spec = contents.spec
    facts = [
        ("Campaign file", f"{spec.file}, fingerprint {spec.fingerprint}"),
        ("Begun", datetime.fromtimestamp(spec.created_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")),
        (
            "Search",
            f"{spec.settings.algorithm.value}, seed {spec.settings.seed}, {spec.settings.epochs} epochs a trial",
        ),
        ("Data", f"digest {spec.data.data_digest}, split {spec.data.split_digest}"),
    ]
    facts += [("Handed over", _without_verdict(one)) for one in contents.handovers]
    training = None if contents.winner is None else contents.winner.trainings[0]
    found = {} if training is None else provenance(training)
    if not found:
        return (Facts(tuple(facts)), Missing("versions and machine: no record of the winner holds its provenance."))
    commit = found.get("git_commit")
    if commit:
        facts.append(
            ("Code", f"commit {commit}{', with changes that were not committed' if found.get('git_dirty') else ''}")
        )
    outcome = None if training is None else training.outcome
    facts += [
        ("fer-exp", str(found.get("fer_exp", "unknown"))),
        ("Python", str(found.get("python", "unknown"))),
        (
            "Packages",
            ", ".join(f"{name} {found[f'version.{name}']}" for name in PACKAGES if f"version.{name}" in found),
        ),
        (
            "Machine",
            f"{found.get('processor', 'unknown')}, {found.get('cores', '?')} cores, {found.get('platform', 'unknown')}",
        ),
        (
            "Trained on",
            f"{found.get('backend', 'unknown')}, {found.get('device', 'unknown')}, {found.get('dtype', 'unknown')}",
        ),
        (
            "Parameters",
            f"{found.get('parameters', 'unknown'):,}" if isinstance(found.get("parameters"), int) else "unknown",
        ),
        ("Model", f"SHA-256 {outcome.model_sha256}" if outcome and outcome.model_sha256 else "no model is kept"),
    ]
    versions = {str(provenance(one).get("version.keras", "?")) for one in contents.records if provenance(one)}
    mixed = (
        (Text(f"The records were made with several versions of Keras: {', '.join(sorted(versions))}."),)
        if len(versions) > 1
        else ()
    )
    return (Facts(tuple(facts)), *mixed)


def _without_verdict(one: Handover) -> str:
    became = "champion" if one.champion else "not champion"
    return (
        f"version {one.version} is {one.record}, {one.metric} {shown(one.metric, one.value)}: {became} ({one.reason})"
    )


def again(contents: Contents) -> tuple[Block, ...]:
    """The commands that make it again."""
    spec = contents.spec
    data = "" if spec.data.kind == "demo" else f" --data {shlex.quote(spec.data.path)}"
    lines = (
        [f"fer-exp search {shlex.quote(spec.file)}{data} --name {spec.name}-again"] if spec.file.endswith(".py") else []
    )
    if contents.winner is not None:
        folder = contents.winner.trainings[0].record.path
        lines.append(f"fer-exp reproduce {spec.name}/{folder.parent.name}/{folder.name}{data}")
    lines.append(f"fer-exp report {spec.name}")
    return (
        Text(
            "Train a record again beside the one that is here, and be told whether it came out equal: `reproduce`. The "
            "same search from nothing: `search` under another name. This page anew: `report`."
        ),
        Code("\n".join(lines)),
        Text(
            "The same seed gives the same numbers to the last bit on the same machine with the same versions; on "
            "another, the differences are told.",
            "note",
        ),
    )
