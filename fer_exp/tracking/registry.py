"""The registry: versions of a campaign's model, and which of them is the champion.

In: a record whose model is logged. Out: a version of the registered model that bears the campaign's name, and the alias
`champion`. What decides who becomes champion is not here; the tags carry what that decision needs.
"""

from dataclasses import dataclass
from pathlib import Path

from mlflow.exceptions import MlflowException

from fer_exp.model_card import CHAMPION
from fer_exp.records import Record
from fer_exp.system.errors import NotFound, TrackingFailed
from fer_exp.system.home import Home
from fer_exp.tracking.find import model_of_run, model_of_version
from fer_exp.tracking.mapping import RECORD
from fer_exp.tracking.projection import Projection
from fer_exp.tracking.store import Store, asking, connect, holding, quoted
from fer_exp.tracking.versions import IDENTITY, RegisteredVersion, version_of

PAGE = 100  # registered models that MLflow is asked for at a time


@dataclass(frozen=True)
class Champion:
    """The version that bears the alias, with what it was chosen by."""

    version: int
    run_id: str
    model_id: str
    record: Path  # relative to the home
    metric: str
    value: float
    data_digest: str
    protocol: str
    seed: int
    identity: str  # of the campaign it is of; empty where neither its version nor its run say


def register(home: Home, campaign: str, record: Record) -> RegisteredVersion:
    """Makes the record's model a version of the registered model `campaign`, or finds the version it is already.

    Raises:
        NotFound: The campaign is not there, or neither the record nor MLflow has the model.
        BadRecord: The record or the campaign's file is damaged.
        TrackingFailed: MLflow did not answer or refused.
    """
    folder = home.recorded_campaign(campaign)
    record.spec()  # damaged records are named here, not counted
    with holding(folder / "tracking.lock"):
        projection = Projection(home, campaign)
        run_id = projection.level(record, growing=False)
        if run_id is None:
            raise TrackingFailed(projection.report.skipped[-1], "Nothing was registered.")
        store, spec = projection.store, projection.spec
        with asking(store.uri):
            model_id = model_of_run(store, run_id)
            return version_of(store, spec, record, run_id, model_id)


def champion(home: Home, name: str) -> Champion | None:
    """The champion of the registered model `name`; None where it has none, or nothing is registered under that name.

    Raises:
        TrackingFailed: MLflow did not answer, or the champion was not registered by fer-exp.
    """
    store = connect(home)
    with asking(store.uri):
        try:
            found = store.client.get_model_version_by_alias(name, CHAMPION)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
    tags = found.tags
    if "fer_exp.record" not in tags:
        raise TrackingFailed(
            f"version {found.version} of {name} bears the alias {CHAMPION} and was not registered by fer-exp",
            "Nothing was changed. Give the alias to another version, or register this one with fer-exp.",
        )
    return Champion(
        version=int(found.version),
        run_id=str(found.run_id),
        model_id=model_of_version(found),
        record=Path(tags["fer_exp.record"]),
        metric=tags["fer_exp.objective"],
        value=float(tags["fer_exp.value"]),
        data_digest=tags["fer_exp.data"],
        protocol=tags["fer_exp.protocol"],
        seed=int(tags["fer_exp.seed"]),
        identity=tags.get(IDENTITY) or _identity_of_run(store, str(found.run_id)),
    )


def champions(home: Home) -> list[str]:
    """The registered models, made by fer-exp, that have a champion, by name.

    Raises:
        TrackingFailed: MLflow did not answer.
    """
    store = connect(home)
    found, token = [], None
    with asking(store.uri):
        while True:
            page = store.client.search_registered_models(max_results=PAGE, page_token=token)
            found += [one.name for one in page if CHAMPION in one.aliases and "fer_exp.campaign" in one.tags]
            token = page.token
            if not token:
                return sorted(found)


def _identity_of_run(store: Store, run_id: str) -> str:
    """Versions of earlier fer-exp do not say of which campaign they are; their runs do, unless they were deleted."""
    with asking(store.uri):
        try:
            tags = store.client.get_run(run_id).data.tags
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            return ""
    return str(tags.get(RECORD, "")).partition("/")[0]


def set_champion(home: Home, name: str, version: int) -> None:
    """Gives the alias `champion` to a version; whichever had it loses it.

    Raises:
        NotFound: There is no such version.
        TrackingFailed: MLflow did not answer.
    """
    store = connect(home)
    with asking(store.uri):
        try:
            store.client.get_model_version(name, str(version))
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            numbers = [found.version for found in store.client.search_model_versions(f"name = {quoted(name)}")]
            there = ", ".join(sorted(map(str, numbers), key=int)) or "none"
            raise NotFound(
                f"the registry has no version {version} of {name}; there: {there}", "The champion is unchanged."
            ) from error
        store.client.set_registered_model_alias(name, CHAMPION, str(version))
