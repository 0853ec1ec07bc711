"""A record as MLflow's values: tags, parameters, metrics, times.

In: a Record and its CampaignSpec. Out: plain values; nothing is sent and nothing written here. Every value is a
function of the record alone, timestamps included, so telling MLflow twice says the same thing twice and leaves one
point.
"""

import json
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mlflow.entities import Metric

from fer_exp.campaign import CampaignSpec
from fer_exp.campaign.space import Scalar
from fer_exp.leaderboard.rows import Row
from fer_exp.metrics.registry import shown
from fer_exp.recipe import Recipe
from fer_exp.records import Epoch, Kind, Outcome, Record, RecordContents, State, TrialSpec, best_epoch, title_of
from fer_exp.system.files import read_file

RECORD = "fer_exp.record"  # the tag a run is found by: <campaign identity>/trials/0003
CREATED = "fer_exp.created_ms"  # when the run was made; of two runs for one record the older stays
CAMPAIGN_RUN = "campaign"  # stands for the record's folder in the parent run's tag
# MLflow orders charts by name: what validation says stands before how it was fitted.
SERIES = {
    "epoch/val/accuracy": "val_accuracy",
    "epoch/val/loss": "val_loss",
    "fit/train_accuracy": "train_accuracy",
    "fit/train_loss": "train_loss",
    "fit/learning_rate": "learning_rate",
    "fit/seconds": "seconds",
    "fit/images_per_second": "images_per_second",
}
TRAINED = "epoch/val/loss"  # the series that tells whether a run is of this training
NOTE = "mlflow.note.content"  # a run's description
_TAG_LENGTH = 5_000  # MLflow's limit is 8,000 on some stores and 5,000 on others


def key_of(campaign: CampaignSpec, record: Record | None) -> str:
    """The tag by which the run of `record`, or the parent run for None, is found in any store."""
    return f"{campaign.identity}/{CAMPAIGN_RUN if record is None else folder_of(record)}"


def folder_of(record: Record) -> str:
    """The record's folder within its campaign: `trials/0003`."""
    return f"{record.path.parent.name}/{record.path.name}"


def tags_of(contents: RecordContents, campaign: CampaignSpec, parent_id: str) -> dict[str, str]:
    """Everything a run can be filtered by, except its state while that may change with the campaign's."""
    record, spec, outcome = contents.record, contents.spec, contents.outcome
    tags = {
        RECORD: key_of(campaign, record),
        "mlflow.parentRunId": parent_id,
        "mlflow.runName": title_of(spec.kind, spec.number, spec.seed),
        "fer_exp.campaign": spec.campaign,
        "fer_exp.kind": spec.kind.value,
        "fer_exp.trial": str(spec.number),
        "fer_exp.attempt": str(outcome.attempts if outcome else max(1, contents.attempts)),
        "fer_exp.seed": str(spec.seed),
        "fer_exp.data": spec.data_digest,
        "fer_exp.split": spec.split_digest,
        "fer_exp.protocol": spec.protocol,
        "fer_exp.leaky": str(campaign.data.protocol.leaky).lower(),
        "fer_exp.state": contents.state.value,
    }
    if outcome and outcome.reason:
        tags["fer_exp.reason"] = outcome.reason
    if outcome and outcome.answered_by:
        tags["fer_exp.answered_by"] = outcome.answered_by
    if outcome and outcome.same_as is not None:
        tags["fer_exp.same_as"] = str(outcome.same_as)
    if spec.continues is not None:
        tags["fer_exp.continues"] = str(spec.continues)
    commit = provenance_of(record).get("git_commit") or provenance_of(record).get("commit")
    tags |= {"mlflow.source.git.commit": _printable(commit)} if commit else {}
    tags[NOTE] = _description(contents, campaign)
    return {name: value[:_TAG_LENGTH] for name, value in tags.items()}


def _description(contents: RecordContents, campaign: CampaignSpec) -> str:
    """What came out and what was changed, in words."""
    spec, outcome, objective = contents.spec, contents.outcome, campaign.settings.objective.metric
    lines = []
    if outcome is not None and outcome.state is State.FAILED:
        lines.append(f"Failed: {outcome.reason}")
    elif outcome is not None:
        epochs = f"epoch {outcome.best_epoch} of {len(contents.history)}, up to {spec.epochs} asked for"
        lines.append(f"**{objective} {shown(objective, contents.scores.get(objective))}** at {epochs}.")
    baseline, recipe = campaign.baseline.flat(), spec.recipe.flat()
    changed = [f"`{name}` {baseline[name]} -> {recipe[name]}" for name in baseline if baseline[name] != recipe[name]]
    lines.append(f"Changed against the baseline: {', '.join(changed)}." if changed else "The baseline's recipe.")
    if outcome is not None and outcome.answered_by:
        lines.append(f"Not trained again: `{outcome.answered_by}` had trained the same.")
    lines.append("Classes in the order of the model's answer: " + ", ".join(campaign.data.classes.titles) + ".")
    return "\n\n".join(lines)


def provenance_of(record: Record) -> dict[str, object]:
    """What `provenance.json` says, a free form; empty while it is absent or unreadable."""
    path = record.path / "provenance.json"
    try:
        stored = json.loads(read_file(path))
    except (OSError, ValueError, RecursionError):
        return {}  # shown only; the scores do not rest on it
    return stored if isinstance(stored, dict) else {}


def _printable(value: object) -> str:
    """As text that every store takes: JSON can name halves of characters, and NUL."""
    return str(value).encode(errors="replace").decode().replace("\0", "?")


def campaign_tags(campaign: CampaignSpec, state: str) -> dict[str, str]:
    """Tags of the parent run. Settings are tags: budgets may be raised, and MLflow's parameters never change."""
    settings = campaign.settings.model_dump(mode="json")
    objective = campaign.settings.objective
    tags = {
        RECORD: key_of(campaign, None),
        "mlflow.runName": campaign.name,
        "fer_exp.campaign": campaign.name,
        "fer_exp.kind": Kind.CAMPAIGN.value,
        "fer_exp.data": campaign.data.data_digest,
        "fer_exp.split": campaign.data.split_digest,
        "fer_exp.protocol": campaign.data.protocol.value,
        "fer_exp.leaky": str(campaign.data.protocol.leaky).lower(),
        "fer_exp.seed": str(campaign.settings.seed),
        "fer_exp.fingerprint": campaign.fingerprint,
        "fer_exp.file": campaign.file,
        "fer_exp.state": state,
        "fer_exp.objective": f"{objective.metric} {objective.direction.value}",
    }
    settings["cleaning"] = str(campaign.settings.cleaning)
    tags |= {f"fer_exp.settings.{name}": str(value) for name, value in settings.items() if name != "objective"}
    return {name: value[:_TAG_LENGTH] for name, value in tags.items()}


def params_of(spec: TrialSpec, campaign: CampaignSpec) -> dict[str, str]:
    """The recipe field by field, the budget, and under `hp/` the hyperparameters that are no field of a recipe."""
    recipe = spec.recipe.flat()
    params = {name: str(value) for name, value in recipe.items()}
    params |= {"epochs": str(spec.epochs), "horizon": str(spec.horizon)}
    values = spec.values or _values_of_baseline(spec, campaign)
    return params | {_own_name(name): str(value) for name, value in values.items() if recipe.get(name) != value}


def parameter_name(name: str, baseline: Recipe) -> str:
    """Where the parameters of a run say what a hyperparameter was."""
    return name if name in baseline.flat() else _own_name(name)


def _own_name(name: str) -> str:
    return f"hp/{_name(name)}"


def _values_of_baseline(spec: TrialSpec, campaign: CampaignSpec) -> Mapping[str, Scalar]:
    """The point of the space that is the baseline, where it is one; so that a comparison can draw it."""
    if spec.recipe != campaign.baseline:
        return {}
    return next((sample.values for sample in campaign.samples if sample.changes == {}), {})


def campaign_results(
    campaign: CampaignSpec, rows: Sequence[Row], handed_over: Sequence[str]
) -> tuple[str, dict[str, float]]:
    """The description of the parent run, and its metrics under `best/`, which rank among no trials.

    Args:
        campaign: Whose run it is.
        rows: Its leaderboard.
        handed_over: A line for each model that was registered.
    """
    objective = campaign.settings.objective.metric
    ended = [row for row in rows if row.objective is not None]
    lines, metrics = [campaign.question], {}
    if ended:
        best = ended[0]
        metrics = {f"best/{objective}": float(best.objective or 0.0), "best/trial": float(best.number)}
        title = title_of(best.kind, best.number, best.seed)
        lines.append(f"Best so far: **{title}**, {objective} {shown(objective, best.objective)}.")
    baseline = next((row for row in ended if row.kind is Kind.BASELINE), None)
    if baseline is not None:
        lines.append(f"Baseline: {objective} {shown(objective, baseline.objective)}.")
    return "\n\n".join([*lines, *handed_over])[:_TAG_LENGTH], metrics


def _name(name: str) -> str:
    """`name` in the characters MLflow allows."""
    allowed = re.sub(r"[^\w\-. :/]", "_", name, flags=re.ASCII)
    is_path = posixpath.normpath(allowed) == allowed and not allowed.startswith(("/", ".."))
    return allowed if is_path else re.sub(r"^\.+|/", "_", allowed)


def epoch_metrics(history: Iterable[Epoch]) -> list[Metric]:
    """The points of every epoch, at the time the epoch ended."""
    return [
        Metric(name, float(getattr(epoch, field)), epoch.time_ms, epoch.epoch)
        for epoch in history
        for name, field in SERIES.items()
    ]


def final_metrics(contents: RecordContents, model_id: str | None = None) -> list[Metric]:
    """Final values of a finished training at its best epoch; none of a failed one, so that no list ranks it."""
    record, outcome, history = contents.record, contents.outcome, contents.history
    if outcome is None or outcome.state is not State.FINISHED:
        return []
    at = outcome.best_epoch or best_epoch(history)
    values = {}
    if 0 < at <= len(history):
        best = history[at - 1]
        values = {"train/loss": best.train_loss, "train/accuracy": best.train_accuracy, "val/loss": best.val_loss}
    metrics = [
        Metric(name, value, time_ms, at, model_id=model_id)
        for found, time_ms in (
            (values | contents.scores, max(outcome.ended_ms, _mtime_ms(record.path / "scores.json"))),
            (contents.test_scores, _mtime_ms(record.path / "test" / "scores.json")),
            (record.external_scores(), _mtime_ms(record.path / "external")),
        )
        for name, value in found.items()
    ]
    return metrics


def started_ms(contents: RecordContents) -> int:
    """When the training began: not when it was asked for, which a queue may lie between."""
    outcome, history = contents.outcome, contents.history
    if outcome is not None and outcome.answered_by:
        return outcome.ended_ms  # nothing was trained
    if history:
        return history[0].time_ms - round(1000 * history[0].seconds)
    logs = [_mtime_ms(log) for log in contents.record.path.glob("attempt-*.log")]
    return min(logs, default=_mtime_ms(contents.record.path / "trial.json"))


def ended_ms(contents: RecordContents) -> int:
    """When the training ended; of one that was interrupted, when it was last heard of."""
    outcome, history = contents.outcome, contents.history
    last = history[-1].time_ms if history else _mtime_ms(contents.record.path / "trial.json")
    return outcome.ended_ms if outcome and outcome.ended_ms else last


def status_of(outcome: Outcome | None, *, searching: bool) -> str:
    """MLflow's word for how far a training has come. One that nobody works on is KILLED until it goes on."""
    if outcome is None:
        return "RUNNING" if searching else "KILLED"
    return "FINISHED" if outcome.state is State.FINISHED else "FAILED"


def _mtime_ms(path: Path) -> int:
    return path.stat().st_mtime_ns // 1_000_000 if path.exists() else 0
