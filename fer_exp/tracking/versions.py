"""Versions of a campaign's registered model: made from a record whose model is logged, and made again from hand-overs.

In: a store, a record's run. Out: a version that bears what it was chosen by, and three lines that load it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mlflow.exceptions import MlflowException

from fer_exp.campaign import CampaignSpec
from fer_exp.data.split.info import DataInfo
from fer_exp.metrics.registry import shown
from fer_exp.records import Record, title_of
from fer_exp.records.handovers import handovers_of
from fer_exp.system.errors import NotFound
from fer_exp.tracking.find import model_of_run, model_of_version
from fer_exp.tracking.mapping import folder_of, key_of
from fer_exp.tracking.runs import runs_with_key
from fer_exp.tracking.store import Store, quoted

CHAMPION = "champion"
IDENTITY = "fer_exp.identity"


@dataclass(frozen=True)
class RegisteredVersion:
    """A version of a registered model."""

    name: str
    version: int
    run_id: str
    model_id: str


def version_of(store: Store, spec: CampaignSpec, record: Record, run_id: str, model_id: str) -> RegisteredVersion:
    """The version of the registered model that the record's model is; made where it is none yet."""
    name = spec.name
    try:
        store.client.create_registered_model(name, {"fer_exp.campaign": name}, spec.question)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    for found in store.client.search_model_versions(f"name = {quoted(name)} AND run_id = {quoted(run_id)}"):
        if model_of_version(found) == model_id:
            return RegisteredVersion(name, int(found.version), run_id, model_id)
    tags = _tags(spec, record)
    with _as_default(store.uri):
        made = store.client.create_model_version(
            name, f"models:/{model_id}", run_id, tags, description=_about(spec, record), model_id=model_id
        )
    return RegisteredVersion(name, int(made.version), run_id, model_id)


@contextmanager
def _as_default(uri: str) -> Iterator[None]:
    """Makes `uri` MLflow's default store: there its SQL registry (3.17) looks for a model, not in the client's."""
    if os.environ.get("MLFLOW_TRACKING_URI"):
        yield  # then the home's store is that one
        return
    os.environ["MLFLOW_TRACKING_URI"] = uri
    try:
        yield
    finally:
        del os.environ["MLFLOW_TRACKING_URI"]


def _tags(spec: CampaignSpec, record: Record) -> dict[str, str]:
    asked, metric = record.spec(), spec.settings.objective.metric
    value = record.scores().get(metric)
    return {
        "fer_exp.campaign": spec.name,
        IDENTITY: spec.identity,
        "fer_exp.record": f"campaigns/{spec.name}/{folder_of(record)}",
        "fer_exp.objective": metric,
        "fer_exp.value": "nan" if value is None else repr(value),
        "fer_exp.data": asked.data_digest,
        "fer_exp.protocol": asked.protocol,
        "fer_exp.seed": str(asked.seed),
    }


def _about(spec: CampaignSpec, record: Record) -> str:
    """The version's description: what it was chosen by, the order of its answer, and how it is loaded."""
    asked, metric = record.spec(), spec.settings.objective.metric
    value = shown(metric, record.scores().get(metric))
    lines = [
        f"{title_of(asked.kind, asked.number, asked.seed)} of {spec.name}: {metric} {value}. Test scores, once the "
        "test part was opened, stand on its run as `test/...`.",
        f"Trained on {spec.data.source}, protocol {spec.data.protocol}"
        + (f"; {spec.data.licence}." if spec.data.licence else "; the licence of the data is not recorded."),
        "",
        "```python",
        *how_to_load(f"models:/{spec.name}@{CHAMPION}", spec.data),
        "```",
    ]
    return "\n".join(lines)


def how_to_load(model: str, info: DataInfo) -> list[str]:
    """Three lines of Python that load a model of the registry, and what comes out of it."""
    classes, (side, _, channels) = ", ".join(info.classes.titles), info.form.face
    faces = f"{'grey' if channels == 1 else 'colour'} faces (n, {side}, {side}, {channels}) float32, 0 to 255"
    return [
        "import mlflow",
        f'model = mlflow.pyfunc.load_model("{model}")',
        f"model.predict(faces)  # {faces} -> a table: label, and probabilities of {classes}",
    ]


def restore(store: Store, spec: CampaignSpec, experiment_id: str, folder: Path) -> int:
    """Makes versions and alias again from the campaign's hand-overs where the registry has none; how many were made.

    A registry that has a version is left as it is: a person may have deleted others, or moved the alias. Hand-overs of
    records that are gone, or have lost their model, are passed over.
    """
    handed = handovers_of(folder)
    if not handed or any(store.client.search_model_versions(f"name = {quoted(spec.name)}")):
        return 0
    made: dict[str, int] = {}
    champion = None
    for handover in handed:
        record = Record(folder / handover.record)
        runs = runs_with_key(store, experiment_id, key_of(spec, record)) if record.exists() else []
        if handover.record not in made and runs:
            with suppress(NotFound):  # its model is gone
                run_id = runs[0].info.run_id
                version = version_of(store, spec, record, run_id, model_of_run(store, run_id))
                made[handover.record] = version.version
        champion = handover.record if handover.champion else champion
    if champion in made:
        store.client.set_registered_model_alias(spec.name, CHAMPION, str(made[champion]))
    return len(made)
