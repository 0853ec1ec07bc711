"""What MLflow holds of a campaign, for a doctor to hold against the records; and the few mends that `sync` does not do.

In: a Home and a CampaignSpec. Out: a Inspection, or None where MLflow was never told of the campaign. Looking makes
nothing: no SQLite file, no experiment, no run.
"""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from mlflow.entities import FileInfo, LoggedModel, Run
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from fer_exp.campaign import CampaignSpec
from fer_exp.records import Record
from fer_exp.system.errors import TrackingFailed
from fer_exp.system.files import replacing, sha256_of
from fer_exp.system.home import Home
from fer_exp.tracking import mapping, models, runs
from fer_exp.tracking.store import Store, asking, connect, local_path
from fer_exp.tracking.uploads import record_files
from fer_exp.tracking.versions import outdated_cards


@dataclass(frozen=True)
class SeenRun:
    """A run that carries fer-exp's tag."""

    run_id: str
    name: str
    status: str
    registered: bool  # a version in the registry rests on it


@dataclass(frozen=True)
class SeenModel:
    """A logged model."""

    model_id: str
    sha256: str
    ready: bool
    registered: bool


@dataclass(frozen=True)
class Inspection:
    """What MLflow holds of one campaign; runs and models by the record's folder (`trials/0003`, or `campaign`)."""

    store: Store
    elsewhere: str | None  # where artifacts are kept, if that is not in this home
    runs: dict[str, list[SeenRun]]  # oldest first
    models: dict[str, list[SeenModel]]
    outdated_cards: tuple[int, ...]  # versions whose description says less than their record
    _found: dict[str, Run]

    def behind(self, record: Record) -> str | None:
        """What the run of `record` does not say although the record does; None where it says it all."""
        run, read = self._run_of(record), record.read()
        wanted = mapping.status_of(read.outcome, searching=False)
        if run.info.status not in (wanted, "RUNNING"):
            return f"the run is {run.info.status}, the record is {wanted}"
        unsaid = sorted({metric.key for metric in runs.unsaid(run, mapping.final_metrics(read))})
        return f"the run lacks {', '.join(unsaid)}" if unsaid else None

    def artifacts_missing(self, record: Record) -> list[str]:
        """The record's files that its run does not hold; a training's growing ones only once it has ended."""
        run = self._run_of(record)
        growing = record.outcome() is not None
        wanted = {f"{role}/{path.name}" for path, role in record_files(record, growing=growing)}
        with asking(self.store.uri):
            there = {path for role in {name.rpartition("/")[0] for name in wanted} for path in self._files(run, role)}
        return sorted(wanted - there)

    def copy_of(self, record: Record, sha256: str | None) -> Callable[[], None] | None:
        """What brings MLflow's copy of the record's model back; None where it has none of that digest."""
        for model in self.models.get(mapping.folder_of(record), []):
            if model.ready and sha256 is not None and model.sha256 == sha256:
                return lambda: _fetch(self.store, model.model_id, record.model, sha256)
        return None

    def trash(self, run: SeenRun) -> None:
        """Deletes a run the way MLflow's pages do: it can be restored."""
        with asking(self.store.uri):
            self.store.client.delete_run(run.run_id)

    def delete_model(self, model: SeenModel) -> None:
        """Deletes a logged model with its files, unless the registry rests on it."""
        with asking(self.store.uri):
            models.delete_model(self.store, self.store.client.get_logged_model(model.model_id))

    def _run_of(self, record: Record) -> Run:
        return self._found[self.runs[mapping.folder_of(record)][0].run_id]

    def _files(self, run: Run, role: str) -> list[str]:
        found: list[FileInfo] = self.store.client.list_artifacts(run.info.run_id, role)
        return [file.path for file in found if not file.is_dir]


def inspect_campaign(home: Home, spec: CampaignSpec) -> Inspection | None:
    """What MLflow holds of the campaign.

    Raises:
        TrackingFailed: MLflow did not answer or refused.
    """
    if not is_there(home):
        return None
    store = connect(home)
    with asking(store.uri):
        experiment = store.client.get_experiment_by_name(spec.name)
        if experiment is None:
            return None
        found = runs.runs_of_campaign(store, experiment.experiment_id, spec.identity)
        logged = _logged(store, experiment.experiment_id, spec.identity) if found else {}
        if not found:
            return None
        registered = _registered(store, spec.name)
        outdated = tuple(outdated_cards(store, spec, home.campaign(spec.name)))
    place = local_path(experiment.artifact_location) if store.own else None
    return Inspection(
        store=store,
        elsewhere=None if place in (None, (home.artifacts / spec.name).resolve()) else str(place),
        runs={
            _folder(key): [_seen(run, registered) for run in sorted(some, key=runs.age)] for key, some in found.items()
        },
        models={_folder(key): [_seen_model(one, registered) for one in some] for key, some in logged.items()},
        outdated_cards=outdated,
        _found={run.info.run_id: run for some in found.values() for run in some},
    )


def is_there(home: Home) -> bool:
    """Whether there is a store to look at: a server, or an SQLite file that exists."""
    path = _file(home)
    return path is None or path.exists()


def newer_schema(home: Home) -> str | None:
    """The schema of the home's SQLite file, where the installed MLflow does not know it; None where it does."""
    path = _file(home)
    if path is None or not path.exists():
        return None
    from alembic.script import ScriptDirectory
    from mlflow.store.db.utils import _get_alembic_config

    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            (schema,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.Error, TypeError):
        return None  # no store of MLflow's: connecting says so
    scripts = ScriptDirectory.from_config(_get_alembic_config(""))  # type: ignore[no-untyped-call]  # MLflow's own
    known = {script.revision for script in scripts.walk_revisions()}
    return None if schema in known else str(schema)


def _file(home: Home) -> Path | None:
    uri = home.tracking_uri
    return Path(unquote(uri.removeprefix("sqlite:///").partition("?")[0])) if uri.startswith("sqlite:///") else None


def _folder(key: str) -> str:
    return key.partition("/")[2]


def _seen(run: Run, registered: set[str]) -> SeenRun:
    return SeenRun(run.info.run_id, run.info.run_name, run.info.status, run.info.run_id in registered)


def _seen_model(model: LoggedModel, registered: set[str]) -> SeenModel:
    ready = model.status.value == "READY"
    return SeenModel(model.model_id, model.tags.get(models.SHA, ""), ready, model.model_id in registered)


def _logged(store: Store, experiment_id: str, identity: str) -> dict[str, list[LoggedModel]]:
    found: dict[str, list[LoggedModel]] = {}
    token: str | None = None
    while True:
        page = store.client.search_logged_models([experiment_id], max_results=50, page_token=token)
        for model in page:
            key = model.tags.get(mapping.RECORD, "")
            if key.startswith(f"{identity}/"):
                found.setdefault(key, []).append(model)
        token = page.token
        if not token:
            return found


def _registered(store: Store, name: str) -> set[str]:
    """The ids of runs and models that versions of the registered model rest on."""
    found: set[str] = set()
    for version in store.client.search_model_versions(f"name = '{name}'"):
        found |= {str(version.run_id), version.model_id or str(version.source).removeprefix("models:/")}
    return found


def _fetch(store: Store, model_id: str, target: Path, sha256: str) -> None:
    with asking(store.uri), replacing(target) as temporary:
        try:
            location = store.client.get_logged_model(model_id).artifact_location
            repository = get_artifact_repository(location, store.uri)
            got = repository.download_artifacts(models.MODEL_FILE)  # type: ignore[no-untyped-call]
        except MlflowException as error:
            raise OSError(str(error)) from error
        shutil.copyfile(got, temporary)
        received = sha256_of(temporary)
        if received != sha256:
            raise TrackingFailed(f"MLflow's copy of {target} is another model", "Nothing was put in its place.")
