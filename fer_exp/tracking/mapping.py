"""A record as MLflow's values: tags, parameters, metrics, times.

In: a Record and its CampaignSpec. Out: plain values; nothing is sent and nothing written here. Every value is a
function of the record alone, timestamps included, so telling MLflow twice says the same thing twice and leaves one
point.
"""

import json
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path

from mlflow.entities import Metric

from fer_exp.campaign import CampaignSpec
from fer_exp.records import Epoch, Kind, Outcome, Record, RecordContents, State, TrialSpec, best_epoch, title_of
from fer_exp.system.files import read_file

RECORD = "fer_exp.record"  # the tag a run is found by: <campaign identity>/trials/0003
CREATED = "fer_exp.created_ms"  # when the run was made; of two runs for one record the older stays
CAMPAIGN_RUN = "campaign"  # stands for the record's folder in the parent run's tag
SERIES = {
    "epoch/train/loss": "train_loss",
    "epoch/train/accuracy": "train_accuracy",
    "epoch/val/loss": "val_loss",
    "epoch/val/accuracy": "val_accuracy",
    "epoch/learning_rate": "learning_rate",
    "epoch/seconds": "seconds",
    "epoch/images_per_second": "images_per_second",
}
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
    return {name: value[:_TAG_LENGTH] for name, value in (tags | _provenance_tags(record)).items()}


def provenance_of(record: Record) -> dict[str, object]:
    """What `provenance.json` says, a free form; empty while it is absent or unreadable."""
    path = record.path / "provenance.json"
    try:
        stored = json.loads(read_file(path))
    except (OSError, ValueError, RecursionError):
        return {}  # shown only; the scores do not rest on it
    return stored if isinstance(stored, dict) else {}


def _provenance_tags(record: Record) -> dict[str, str]:
    stored = provenance_of(record)
    tags = {
        f"fer_exp.provenance.{_name(key)}": _printable(value)
        for key, value in stored.items()
        if isinstance(value, str | int | float | bool)
    }
    commit = stored.get("git_commit") or stored.get("commit")
    return tags | ({"mlflow.source.git.commit": _printable(commit)} if commit else {})


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
        "mlflow.note.content": campaign.question,
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


def params_of(spec: TrialSpec) -> dict[str, str]:
    """The recipe field by field, the budget, and the hyperparameters as proposed under `hp/`."""
    params = {name: str(value) for name, value in spec.recipe.flat().items()}
    params |= {"epochs": str(spec.epochs), "horizon": str(spec.horizon)}
    return params | {f"hp/{_name(name)}": str(value) for name, value in spec.values.items()}


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
        )
        for name, value in found.items()
    ]
    return metrics


def started_ms(contents: RecordContents) -> int:
    """When the training was asked for, as far as files tell: a copied record has younger files than epochs."""
    asked = _mtime_ms(contents.record.path / "trial.json")
    history = contents.history
    return min(asked, history[0].time_ms - round(1000 * history[0].seconds)) if history else asked


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
