"""From what MLflow shows back to the record it shows, and the model's file where the record does not keep it any more.

In: a run id or a model URI. Out: a RunRef. Only runs that carry fer-exp's tag count.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from fer_exp.campaign import CampaignSpec
from fer_exp.records import Kind, Record
from fer_exp.system.errors import NotFound
from fer_exp.system.files import TEMPORARY, is_abandoned, replacing, temporary_name
from fer_exp.system.home import Home
from fer_exp.tracking import mapping, models, runs
from fer_exp.tracking.store import Store, asking, connect

_MODEL_URI = re.compile(r"models:/(?:(?P<id>m-[0-9a-f]{32})|(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+)))")
_REMEDY = "Nothing was changed. Give one of those, or set MLFLOW_TRACKING_URI to the store that holds it."


@dataclass(frozen=True)
class RunRef:
    """A run and the record it shows."""

    run_id: str
    campaign: str
    kind: Kind
    record: Path  # relative to the home: campaigns/demo/trials/0003, or campaigns/demo for the parent run


def find_run(home: Home, run_id: str) -> RunRef:
    """The record that the run `run_id` shows.

    Raises:
        NotFound: MLflow has no such run, or it is not fer-exp's.
        TrackingFailed: MLflow did not answer.
    """
    return _run_ref(connect(home), run_id)


def find_model(home: Home, uri: str) -> RunRef:
    """The record behind `models:/NAME@champion`, `models:/NAME/3` or `models:/m-...`.

    Raises:
        NotFound: There is no such model, or the URI has another form.
        TrackingFailed: MLflow did not answer.
    """
    store = connect(home)
    return _run_ref(store, _run_id_of_model(store, _model_id(store, uri)))


def run_id_of(home: Home, campaign: str, record: Record) -> str | None:
    """The run that shows `record`, or None where MLflow has none yet.

    Raises:
        TrackingFailed: MLflow did not answer.
    """
    store = connect(home)
    spec = CampaignSpec.read(home.campaign(campaign) / "campaign.json")
    with asking(store.uri):
        experiment = store.client.get_experiment_by_name(campaign)
        if experiment is None:
            return None
        found = runs.runs_with_key(store, experiment.experiment_id, mapping.key_of(spec, record))
    return min(found, key=runs.age).info.run_id if found else None


def download_model(home: Home, what: str, target: Path) -> Path:
    """Copies the model file behind a run id or model URI into a folder of its own below `target`; where it is now.

    The file of one model never takes the place of another's, and has its name only once it is whole.

    Raises:
        NotFound: There is no such run or model, or the run has none.
        TrackingFailed: MLflow did not answer.
    """
    store = connect(home)
    model_id = _model_id(store, what) if what.startswith("models:/") else model_of_run(store, what)
    folder_of_model = target / model_id
    folder_of_model.mkdir(parents=True, exist_ok=True)
    for left in folder_of_model.glob(f"{TEMPORARY}*"):
        if is_abandoned(left):
            shutil.rmtree(left, ignore_errors=True)
    folder = folder_of_model / temporary_name("download")
    folder.mkdir()
    try:
        with asking(store.uri):
            location = store.client.get_logged_model(model_id).artifact_location
            repository = get_artifact_repository(location, store.uri)
            got = repository.download_artifacts(models.MODEL_FILE, str(folder))  # type: ignore[no-untyped-call]
        with replacing(folder_of_model / "model.keras") as temporary:
            Path(got).replace(temporary)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return folder_of_model / "model.keras"


def model_of_run(store: Store, run_id: str) -> str:
    """The id of the latest model that the run put out and that still exists.

    Raises:
        NotFound: There is none.
    """
    run = _get_run(store, run_id)
    for output in reversed(run.outputs.model_outputs if run.outputs else []):
        try:
            model = store.client.get_logged_model(output.model_id)
        except MlflowException:  # deleted: the trial is not among the kept any more
            continue
        if model.status.value == "READY":
            return output.model_id
    raise NotFound(
        f"run {run_id} ({run.info.run_name}) has no model in MLflow: its training has none, or its campaign keeps only "
        "the best (keep_models)",
        "Nothing was changed. Choose a trial whose model is kept, or train this one again.",
    )


def _get_run(store: Store, run_id: str) -> Run:
    with asking(store.uri):
        try:
            run = store.client.get_run(run_id)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            raise NotFound(f"MLflow has no run {run_id!r}; {_what_exists(store)}", _REMEDY) from error
    if mapping.RECORD not in run.data.tags:
        raise NotFound(f"run {run_id} was not made by fer-exp; {_what_exists(store)}", _REMEDY)
    return run


def _run_ref(store: Store, run_id: str) -> RunRef:
    tags = _get_run(store, run_id).data.tags
    campaign = tags["fer_exp.campaign"]
    identity, _, within = tags[mapping.RECORD].partition("/")
    refuse_namesake(store.home, campaign, identity, f"run {run_id}")
    folder = Path("campaigns", campaign)
    return RunRef(
        run_id, campaign, Kind(tags["fer_exp.kind"]), folder if within == mapping.CAMPAIGN_RUN else folder / within
    )


def refuse_namesake(home: Home, campaign: str, identity: str, what: str) -> None:
    """Lets pass what MLflow shows of the campaign recorded here, or of one that is not here at all.

    Args:
        home: Where records are.
        campaign: The name that MLflow gives.
        identity: Of the campaign that MLflow shows.
        what: The run or version, for the message.

    Raises:
        NotFound: Another campaign of that name is recorded here.
        BadRecord: The campaign's file is damaged.
    """
    file = home.campaign(campaign) / "campaign.json"
    if not file.exists():
        return
    present = CampaignSpec.read(file).identity
    if present != identity:
        raise NotFound(
            f"{what} shows an earlier campaign called {campaign!r} (identity {identity}), which is not recorded here "
            f"any more: the one that is has identity {present}",
            "Nothing was changed. Choose a run of the present campaign, or set FER_EXP_HOME to the home that holds the "
            "earlier one.",
        )


def _run_id_of_model(store: Store, model_id: str) -> str:
    with asking(store.uri):
        try:
            return str(store.client.get_logged_model(model_id).source_run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise NotFound(f"MLflow has no model {model_id}; {_what_exists(store)}", _REMEDY) from error


def _model_id(store: Store, uri: str) -> str:
    parts = _MODEL_URI.fullmatch(uri)
    if parts is None:
        raise NotFound(
            f"model: expected models:/NAME@champion, models:/NAME/3 or models:/m-..., received {uri!r}", _REMEDY
        )
    return parts["id"] or model_of_version(_version(store, uri, parts["name"], parts["alias"], parts["version"]))


def _version(store: Store, uri: str, name: str, alias: str | None, version: str | None) -> ModelVersion:
    with asking(store.uri):
        try:
            if alias is not None:
                return store.client.get_model_version_by_alias(name, alias)
            return store.client.get_model_version(name, str(version))
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            raise NotFound(f"MLflow has no model {uri}; {_what_is_registered(store, name)}", _REMEDY) from error


def model_of_version(version: ModelVersion) -> str:
    """The id of the logged model that a version of the registry rests on."""
    return version.model_id or str(version.source).removeprefix("models:/")


def _what_exists(store: Store) -> str:
    names = sorted(found.name for found in store.client.search_experiments() if found.name != "Default")
    return f"it holds runs of: {', '.join(names) or 'nothing'}"


def _what_is_registered(store: Store, name: str) -> str:
    for model in store.client.search_registered_models():
        if model.name == name:
            aliases = ", ".join(f"{alias} = version {number}" for alias, number in model.aliases.items())
            newest = max((int(found.version) for found in model.latest_versions or []), default=0)
            return f"of {name} it holds versions up to {newest}, aliases: {aliases or 'none'}"
    names = sorted(model.name for model in store.client.search_registered_models())
    return f"registered: {', '.join(names) or 'nothing'}"
