"""Records as trial processes leave them, step by step, for the tests of tracking.

In: a home. Out: a campaign's folder with records in any state, made through the interfaces of `fer_exp.records`.
"""

import json
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import DatasetInput, Run

from fer_exp.recipe import baseline_recipe
from fer_exp.records import Kind, Outcome, Record, State, TrialSpec, best_epoch
from fer_exp.system.files import write_atomically
from fer_exp.system.home import Home
from tests.made_records import made_campaign_spec, made_history, made_predictions, made_scores

NAME = "made"
IDS = ("mlflow.parentRunId", "fer_exp.created_ms")  # tags that differ between two runs of one record
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def begin_campaign(home: Home, name: str = NAME) -> Path:
    """A campaign that has just been started."""
    folder = home.campaign(name)
    write_atomically(folder / "campaign.json", made_campaign_spec(name).to_json())
    return folder


def begin(home: Home, number: int, *, kind: Kind = Kind.TRIAL, seed: int = 1, name: str = NAME) -> Record:
    """A record that was asked for and not trained yet."""
    campaign = made_campaign_spec(name)
    rate = 1e-3 * (number + 1)
    spec = TrialSpec(
        campaign=name,
        kind=kind,
        number=number,
        seed=seed,
        recipe=baseline_recipe().but(learning_rate=rate),
        epochs=12,
        horizon=12,
        data_digest=campaign.data.data_digest,
        split_digest=campaign.data.split_digest,
        protocol=campaign.data.protocol.value,
        values={} if kind is Kind.BASELINE else {"learning_rate": rate},
    )
    folder = "retrains" if kind is Kind.RETRAIN else "trials"
    return Record.create(home.campaign(name) / folder / f"{number:04d}", spec)


def train(record: Record, upto: int) -> None:
    """Trains until epoch `upto`."""
    for epoch in made_history(upto, seed=record.spec().number)[len(record.history()) :]:
        record.append(epoch)


def finish(record: Record, accuracy: float = 0.66, model: bytes | None = b"a model", epochs: int = 12) -> Record:
    """Ends a training well, with everything a record holds."""
    train(record, epochs)
    facts = {"git_commit": COMMIT, "backend": "tensorflow", "cores": 2, "train_counts_after": [6144] * 7}
    write_atomically(record.path / "provenance.json", json.dumps(facts))
    record.write_predictions(made_predictions(50))
    record.write_scores(made_scores(accuracy))
    write_atomically(record.path / "report.txt", "a report")
    write_atomically(record.figures / "confusion.png", b"a figure")
    write_atomically(record.attempt_log(1), "a log")
    if model is not None:
        write_atomically(record.model, model)
    record.end(Outcome(state=State.FINISHED, best_epoch=best_epoch(record.history()), seconds=700.0))
    return record


def fail(record: Record, reason: str = "out of memory") -> Record:
    """Ends a training badly after two epochs."""
    train(record, 2)
    write_atomically(record.attempt_log(1), "a log")
    record.end(Outcome(state=State.FAILED, reason=reason, attempts=3))
    return record


def client_of(home: Home) -> MlflowClient:
    """A client of the home's own store."""
    return MlflowClient(home.tracking_uri)


def run_of(home: Home, title: str, name: str = NAME) -> Run:
    """The only run of that name."""
    (run,) = [run for run in all_runs(home, name) if run.info.run_name == title]
    return run


def all_runs(home: Home, name: str = NAME) -> list[Run]:
    """All runs that are not deleted."""
    client = client_of(home)
    experiment = client.get_experiment_by_name(name)
    return list(client.search_runs([experiment.experiment_id])) if experiment else []


def datasets_of(run: Run) -> list[DatasetInput]:
    """The datasets a run was given."""
    return list(run.inputs.dataset_inputs) if run.inputs else []


def artifacts_of(home: Home, run: Run) -> set[str]:
    """The paths of all artifacts of a run."""
    client = client_of(home)

    def below(path: str | None) -> set[str]:
        found = client.list_artifacts(run.info.run_id, path)
        return {part for file in found for part in (below(file.path) if file.is_dir else {file.path})}

    return below(None)


def everything(home: Home, name: str = NAME) -> dict[str, object]:
    """All that MLflow shows of a campaign, in a form that can be compared."""
    client = client_of(home)
    shown: dict[str, object] = {}
    for run in all_runs(home, name):
        shown[run.info.run_name] = (*told_by(client, run), artifacts_of(home, run))
    return shown


def told_by(client: MlflowClient, run: Run) -> tuple[object, ...]:
    """All that a run says, its artifacts left out."""
    points = {
        key: sorted((point.step, point.timestamp, point.value) for point in history)
        for key in run.data.metrics
        if (history := client.get_metric_history(run.info.run_id, key))
    }
    inputs = sorted(given.dataset.name for given in datasets_of(run))
    outputs = len(run.outputs.model_outputs) if run.outputs else 0
    tags = {key: value for key, value in run.data.tags.items() if key not in IDS}
    return points, run.data.params, tags, inputs, outputs, (run.info.status, run.info.end_time)


def begin_one_of_each(home: Home) -> None:
    """A finished baseline, a failed trial and one in training."""
    begin_campaign(home)
    finish(begin(home, 0, kind=Kind.BASELINE))
    fail(begin(home, 1))
    train(begin(home, 2), 3)


def points(home: Home, title: str, key: str) -> list[tuple[int, float]]:
    """A series of a run, as (step, value)."""
    history = client_of(home).get_metric_history(run_of(home, title).info.run_id, key)
    return sorted((point.step, point.value) for point in history)


def models_in(home: Home, name: str = NAME) -> list[str]:
    """The ids of the models that MLflow has of a campaign."""
    client = client_of(home)
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    return [model.model_id for model in client.search_logged_models([experiment.experiment_id])]
