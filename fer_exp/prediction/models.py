"""The model that answers, and what its answers are called.

In: what a user said, or nothing. Out: a FaceModel. The names of the classes are those of the data that the record of
the model was trained on; a bare file is recognised by its digest where the home holds its record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fer_exp.campaign import CampaignSpec
from fer_exp.data.classes import FER2013, Classes
from fer_exp.data.faces import Images
from fer_exp.data.form import Form
from fer_exp.prediction.run import Probabilities
from fer_exp.records import Record, records_in
from fer_exp.records.digest import model_is_vouched_for
from fer_exp.system.errors import BadInput, NotFound
from fer_exp.system.files import sha256_of
from fer_exp.system.home import Home

if TYPE_CHECKING:
    import keras

ENDING = ".keras"
URI = "models:/"
_UNCHANGED = "Nothing was predicted."


@dataclass(frozen=True)
class FaceModel:
    """A kept model, loaded."""

    network: "keras.Model"
    form: Form
    classes: Classes
    title: str  # as outputs name it
    notes: tuple[str, ...] = ()  # what was assumed, a sentence each

    def probabilities(self, crops: Images) -> Probabilities:
        """`(n, classes)` float32 for raw faces `(n, side, side)` or `(n, side, side, 3)` uint8; rows sum to one."""
        from fer_exp.model import predict

        return np.asarray(predict(self.network, crops), np.float32)


@dataclass(frozen=True)
class Found:
    """A model's file and what is known about it, before it is loaded."""

    file: Path
    title: str
    classes: Classes | None  # None where nothing says it
    record: Record | None = None


def load(found: Found, classes: Sequence[str] | None = None) -> FaceModel:
    """Loads a model; the names of its classes are `classes`, else those of its record, else FER2013's if it has seven.

    Raises:
        BadInput: The file is no model of fer-exp's, or the names are not as many as its classes.
        BadRecord: It is not the file that its record ended with.
    """
    from fer_exp.model import load_model
    from fer_exp.model.kept import form_of_model

    if found.record is not None:
        model_is_vouched_for(found.record, found.file)
    network = load_model(found.file, None)
    form = form_of_model(network)
    names, notes = _named(found, form, classes)
    return FaceModel(network, form, names, found.title, notes)


def _named(found: Found, form: Form, classes: Sequence[str] | None) -> tuple[Classes, tuple[str, ...]]:
    if classes is not None:
        try:
            names = Classes(classes)
        except ValueError as error:
            raise BadInput(f"--classes: {error}", _UNCHANGED) from error
        if len(names) != form.classes:
            raise BadInput(
                f"--classes: expected {form.classes} names, as many as the model tells apart, received {len(names)}",
                f"{_UNCHANGED} Give them in the order of the model's answer.",
            )
        return names, ()
    if found.classes is not None and len(found.classes) == form.classes:
        return found.classes, ()
    if form.classes == len(FER2013):
        return FER2013, (f"{found.title} does not say what its classes are called: FER2013's names are assumed.",)
    raise BadInput(
        f"{found.title}: expected a model whose record names its {form.classes} classes, found none",
        f"{_UNCHANGED} Name them in the order of the model's answer: --classes happy,sad,neutral",
    )


def find(home: Home, model: str | None = None, record: str | None = None) -> Found:
    """The model that a user means.

    Args:
        home: Where campaigns are.
        model: `models:/NAME@champion` and the like, or the path of a `.keras` file.
        record: CAMPAIGN, CAMPAIGN:baseline or CAMPAIGN/trials/0003.

    Raises:
        NotFound: There is none; without any word, there is no champion, or more than one.
        TrackingFailed: MLflow did not answer.
    """
    if record is not None:
        return _by_record(home, record)
    if model is None:
        return _only_champion(home)
    if model.startswith(URI):
        return _by_uri(home, model)
    path = Path(model).expanduser()
    if path.suffix != ENDING and not path.exists():
        raise NotFound(
            f"--model: expected models:/NAME@champion or a {ENDING} file, received {model!r}",
            f"{_UNCHANGED} A training is named by --record CAMPAIGN/trials/0003.",
        )
    return _by_file(home, path)


def _by_record(home: Home, name: str) -> Found:
    from fer_exp.verdict import find_groups

    records = find_groups(home, name)[0].records
    if len(records) > 1:
        there = ", ".join(record.path.relative_to(home.campaigns).as_posix() for record in records)
        raise BadInput(
            f"--record: expected one training, received {name!r}, which means {len(records)}",
            f"{_UNCHANGED} Name one of {there}",
        )
    if not records[0].model.exists():
        raise NotFound(
            f"that training's model is not kept: {records[0].model}", f"{_UNCHANGED} Choose one whose model is kept."
        )
    return _of_record(home, records[0], records[0].model)


def _of_record(home: Home, record: Record, file: Path) -> Found:
    from fer_exp.records import title_of

    spec = record.spec()
    campaign = CampaignSpec.read(home.recorded_campaign(record.path.parents[1].name) / "campaign.json")
    title = f"{title_of(spec.kind, spec.number, spec.seed)} of {campaign.name}"
    return Found(file, title, record.data(campaign.data).classes, record)


def _by_file(home: Home, path: Path) -> Found:
    """The record is found by the file's digest, wherever the file was copied to."""
    record = _record_of(home, sha256_of(path)) if path.is_file() else None
    return Found(path, str(path), None) if record is None else _of_record(home, record, path)


def _record_of(home: Home, sha256: str) -> Record | None:
    for name in home.recorded():
        for part in ("trials", "retrains"):
            for record in records_in(home.campaign(name) / part):
                outcome = record.path / "outcome.json"
                if outcome.is_file() and sha256 in outcome.read_text(errors="replace"):
                    return record
    return None


def _by_uri(home: Home, uri: str) -> Found:
    if not list(home.campaigns.glob("*/campaign.json")) and home.tracking_uri == home.own_tracking_uri:
        raise _none_here(home)  # before MLflow is asked, which would make a store here
    from fer_exp.tracking import download_model, find_model

    record = Record(home.root / find_model(home, uri).record)
    if record.exists():
        file = record.model if record.model.exists() else download_model(home, uri, home.cache / "models")
        found = _of_record(home, record, file)
        return Found(file, f"{uri} ({found.title})", found.classes, record)
    return Found(download_model(home, uri, home.cache / "models"), uri, None)


def _only_champion(home: Home) -> Found:
    if not list(home.campaigns.glob("*/campaign.json")) and home.tracking_uri == home.own_tracking_uri:
        raise _none_here(home)
    from fer_exp.tracking.registry import champions

    there = champions(home)
    if len(there) == 1:
        return _by_uri(home, f"{URI}{there[0]}@champion")
    if not there:
        raise NotFound(
            "model: expected a champion among the registered models, found none",
            f"{_UNCHANGED} Name a model with --model or --record, or make a champion: fer-exp retrain-best CAMPAIGN",
        )
    raise NotFound(
        f"model: expected one champion, found {len(there)}: {', '.join(there)}",
        f"{_UNCHANGED} Name one: --model {URI}{there[0]}@champion",
    )


def _none_here(home: Home) -> NotFound:
    return NotFound(
        f"model: expected a campaign in {home.campaigns}, found none",
        f"{_UNCHANGED} Name a {ENDING} file with --model, or set FER_EXP_HOME to the home that holds the model.",
    )
