"""Versions of a campaign's registered model: made from a record whose model is logged, and made again from hand-overs.

In: a store, a record's run. Out: a version that bears what it was chosen by, and whose description is its model card. A
card says more once the test part was opened, so it is brought level; a description that a person has changed is left.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mlflow.exceptions import MlflowException

from fer_exp.campaign import CampaignSpec
from fer_exp.model_card import CHAMPION, description, is_untouched
from fer_exp.records import Record
from fer_exp.records.handovers import handovers_of
from fer_exp.system.errors import BadRecord, NotFound
from fer_exp.tracking.find import model_of_run, model_of_version
from fer_exp.tracking.mapping import folder_of, key_of
from fer_exp.tracking.runs import runs_with_key
from fer_exp.tracking.store import Store, quoted

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
    card, tags = description(spec, record), _tags(spec, record)
    with _as_default(store.uri):
        made = store.client.create_model_version(
            name, f"models:/{model_id}", run_id, tags, description=card, model_id=model_id
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


def outdated_cards(store: Store, spec: CampaignSpec, folder: Path) -> dict[int, str]:
    """The versions whose description is a card that fer-exp wrote and the record has outgrown, with the card of now.

    A description that a person has changed is theirs, and one of an earlier fer-exp bears no seal: both are left.
    """
    found: dict[int, str] = {}
    for version in store.client.search_model_versions(f"name = {quoted(spec.name)}"):
        tags, written = version.tags, version.description or ""
        within = tags.get("fer_exp.record", "").removeprefix(f"campaigns/{spec.name}/")
        record = Record(folder / within)
        if tags.get(IDENTITY) != spec.identity or not is_untouched(written) or not record.exists():
            continue
        with suppress(BadRecord):  # which is told where the record itself is looked at
            card = description(spec, record)
            if card != written:
                found[int(version.version)] = card
    return found


def level_cards(store: Store, spec: CampaignSpec, folder: Path) -> int:
    """Brings the descriptions of versions level with their records; how many were behind."""
    outdated = outdated_cards(store, spec, folder)
    for version, card in outdated.items():
        store.client.update_model_version(spec.name, str(version), description=card)
    return len(outdated)


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
