"""Results as text for a person: what came out, where to look, what to do next.

In: results. Out: text, and the exit code of the command that tells it. What to do next is said in the reader's words: a
command, or a call of Python.
"""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fer_exp.api.names import terminal_width
from fer_exp.campaign import CampaignSpec
from fer_exp.execute.loop import Ending
from fer_exp.leaderboard.rows import leaderboard, whole
from fer_exp.leaderboard.table import duration, leaderboard_table
from fer_exp.metrics.registry import shown
from fer_exp.records import Kind, State, records_in, title_of
from fer_exp.system.errors import ExitCode
from fer_exp.system.home import Home
from fer_exp.system.passwords import without_passwords
from fer_exp.system.words import counted
from fer_exp.tuning.values import Result, Retrained

if TYPE_CHECKING:
    from fer_exp.holdout.result import ExternalResult, TestResult
    from fer_exp.tracking import SyncReport
    from fer_exp.tuning.promote import Promotion


RECALLED = "From what the record stored then; its model is not here, and nothing was opened."


@dataclass(frozen=True)
class Steps:
    """What to do next, as commands, or as calls of Python."""

    python: bool = False

    def again(self) -> str:
        """What was called, once more."""
        return "call it again with the same arguments" if self.python else this_command()

    def retrain(self, name: str) -> str:
        """Trains the best recipe again."""
        return f"fer_exp.retrain_best({name!r}, seeds=3)" if self.python else f"fer-exp retrain-best {name} --seeds 3"

    def evaluate_record(self, name: str) -> str:
        """Opens the test part for the model of a record."""
        return f"fer_exp.evaluate({name!r})" if self.python else f"fer-exp evaluate --record {name}"

    def evaluate_folds(self, name: str) -> str:
        """Opens the test parts of all folds."""
        return f"fer_exp.evaluate_folds({name!r})" if self.python else f"fer-exp evaluate {name}"

    def evaluate_model(self, uri: str) -> str:
        """Opens the test part for a registered model."""
        return f"fer_exp.evaluate(model={uri!r})" if self.python else f"fer-exp evaluate --model {uri}"


COMMANDS, CALLS = Steps(), Steps(python=True)


def this_command() -> str:
    """The command being run, to give again; in words where Python was started otherwise, as by a notebook's kernel."""
    if Path(sys.argv[0]).name not in ("fer-exp", "__main__.py"):
        return "give the same command again"
    return shlex.join(["fer-exp", *sys.argv[1:]])


def after_search(
    name: str, home: Home, result: Result, *, tracking: bool, steps: Steps = COMMANDS
) -> tuple[str, ExitCode]:
    """The leaderboard, where to look and the next command; and the exit code."""
    spec = CampaignSpec.read(result.folder / "campaign.json")
    stopped = result.ending is Ending.STOPPED
    rows = result.rows
    if stopped:  # trials went on to the end of their epoch since the last look
        rows = tuple(leaderboard(whole(records_in(result.folder / "trials"))[0], spec.settings.objective))
    lines = [leaderboard_table(rows, spec.settings.objective, at_rest=True, width=terminal_width())]
    lines.append(f"Data: {spec.data.source}, protocol {spec.data.split_title}" + _leak(spec))
    lines.append(f"Records: {result.folder}")
    lines += _report(result.folder)
    lines += where_it_shows(home, result.behind, name, tracking=tracking)
    if stopped:
        lines.append(f"Stopped before its end. Go on: {steps.again()}")
    elif any(row.state is State.FINISHED for row in result.rows):
        searched = any(row.state is State.FINISHED and row.kind is Kind.TRIAL for row in result.rows)
        lines += _next(spec, searched, steps)
    else:
        lines.append(
            f"No training finished; why is told above, and in full in {result.folder / 'trials'}/*/attempt-*.log."
        )
        lines.append("Failed trainings are not tried again. Mend the campaign file, then search under another --name.")
        return "\n".join(lines), ExitCode.TRIALS_FAILED
    return "\n".join(lines), ExitCode.INTERRUPTED if stopped else ExitCode.OK


def _next(spec: CampaignSpec, searched: bool, steps: Steps) -> list[str]:
    """The next step; under folds it is said behind the last one, and a leaky test part is opened already."""
    if spec.data.fold is not None or (spec.data.protocol.leaky and not searched):
        return []
    return [f"Next:    {steps.retrain(spec.name) if searched else steps.evaluate_record(spec.name)}"]


def _leak(spec: CampaignSpec) -> str:
    return " (leaky: its validation part holds copies of training images)" if spec.data.protocol.leaky else ""


def _report(folder: Path) -> list[str]:
    """Where the campaign's page is."""
    return [f"Report:  {folder / 'report.html'}"] if (folder / "report.html").exists() else []


def where_it_shows(home: Home, behind: str | None, name: str, *, tracking: bool) -> list[str]:
    """Where MLflow shows the campaign, or why it does not yet."""
    if not tracking:
        return [f"MLflow:  not wanted; `fer-exp sync {name}` shows the records there at any time"]
    if behind is not None:
        return [f"MLflow:  behind the records ({behind}); nothing is lost: fer-exp sync {name}"]
    where = f"MLflow:  fer-exp ui, experiment {name!r} ({without_passwords(home.tracking_uri)})"
    return [where, f'         filter runs by tags.`fer_exp.campaign` = "{name}"']


def after_retrain(
    home: Home, spec: CampaignSpec, retrained: Retrained, steps: Steps = COMMANDS
) -> tuple[str, ExitCode]:
    """The seeds, the registered version, and the next command; and the exit code."""
    metric = spec.settings.objective.metric
    lines = []
    for row in retrained.result.rows:
        value = "failed" if row.objective is None else shown(metric, row.objective)
        lines.append(f"{title_of(row.kind, row.number, row.seed)}: {metric} {value} ({duration(row.seconds)})")
    if retrained.chosen is None:
        return "\n".join([*lines, f"Stopped before its end. Go on: {steps.again()}"]), ExitCode.INTERRUPTED
    lines += _verdict(retrained)
    if retrained.promotion is None:
        if retrained.result.behind is None:
            return "\n".join([*lines, "Not registered: MLflow was not wanted (--no-tracking)."]), ExitCode.OK
        lines.append(f"Not registered: MLflow is behind ({retrained.result.behind}). Then: {steps.again()}")
        return "\n".join(lines), ExitCode.TRACKING
    done = retrained.promotion
    lines.append(f"Registered: {done.name} version {done.version} (seed {retrained.chosen.spec().seed})")
    became = "champion" if done.is_champion else "not champion"
    lines.append(f"It is {became}: {done.reason}")
    lines += _how_to_load(home, spec, done)
    lines += _report(retrained.result.folder)
    which = f"models:/{done.name}@champion" if done.is_champion else f"models:/{done.name}/{done.version}"
    lines.append(f"Next:    {steps.evaluate_model(which)}")
    return "\n".join(lines), ExitCode.OK


def _how_to_load(home: Home, spec: CampaignSpec, done: "Promotion") -> list[str]:
    """The lines that load what was registered, the store's address included."""
    from fer_exp.model_card import how_to_load

    which = f"models:/{done.name}/{done.version}"
    lines = [f"export MLFLOW_TRACKING_URI={shlex.quote(without_passwords(home.tracking_uri))}", "python"]
    return ["Load it:", *(f"  {line}" for line in [*lines, *how_to_load(which, spec.data)])]


def _verdict(retrained: "Retrained") -> list[str]:
    """Whether the recipe is better than the baseline, or why that is not said."""
    if retrained.uncompared is not None:
        return [f"Not compared with the baseline: {retrained.uncompared}"]
    if retrained.comparison is None:
        return []
    from fer_exp.verdict import verdict_text

    return ["", verdict_text(retrained.comparison), ""]


def after_evaluation(title: str, report: str, result: "TestResult", folder: Path) -> str:
    """The report on the test part."""
    lines = [title, "", report.rstrip(), ""]
    if result.gap is not None:
        from fer_exp.holdout.gap import gap_table

        lines += [gap_table(result.gap), ""]
    without = result.scores_without_copies
    if without is not None:
        share = result.copies / result.scores.images
        lines.append(
            f"{result.copies} test images ({100 * share:.1f} %) are copies of training images. Without them: "
            f"accuracy {shown('accuracy', without.accuracy)}, macro-F1 {shown('macro_f1', without.macro_f1)}"
        )
    lines.append(f"This test part was {result.looks}.")
    if result.recalled:
        lines.append(RECALLED)
    elif not result.vouched:
        lines.append("The record, of an earlier version, holds no digest of its model: it was loaded as it is.")
    lines.append(f"Figures and report: {folder}")
    return "\n".join(lines)


def after_external(title: str, result: "ExternalResult", folder: Path) -> str:
    """What a model reached on another face set, and what of both was left out."""
    from fer_exp.metrics.scores import report_text

    scores = result.scores
    lines = [f"{title} on {result.source}: {len(scores.classes)} classes that both know", ""]
    lines += [report_text(scores).rstrip(), ""]
    source = "from the people, sequences or photos of the set" if result.error_by_group else "from the images alone"
    lines.append(
        f"Accuracy {100 * scores.accuracy:.2f} ± {100 * result.error:.2f} %, "
        f"macro-F1 {shown('macro_f1', scores.macro_f1)}, on {scores.images:,} images; ± is one standard error, "
        f"{source}."
    )
    for name, count in result.left_out.items():
        lines.append(f"Left out: {count:,} images of {name}, which the model does not know.")
    if result.unused:
        lines.append(f"The model could not answer {', '.join(result.unused)}: the set has no such class.")
    lines += [f"Note: {note}" for note in result.notes]
    lines.append(f"This set was {result.looks}.")
    if result.recalled:
        lines.append(RECALLED)
    lines.append(f"Figures and report: {folder}")
    return "\n".join(lines)


def after_sync(name: str, report: "SyncReport") -> str:
    """How many records MLflow is level with, what that took, and which records could not be read."""
    sent = {
        "runs made": report.runs_created,
        "points": report.points,
        "files": report.files,
        "models": report.models_logged,
        "models deleted": report.models_deleted,
        "runs ended": report.ended,
        "versions registered again": report.versions,
        "model cards": report.cards,
    }
    told = ", ".join(f"{count} {what}" for what, count in sent.items() if count) or "nothing to do"
    return "\n".join(
        [f"{name}: {counted(report.records, 'record')}, {told}", *(f"  left out: {line}" for line in report.skipped)]
    )
