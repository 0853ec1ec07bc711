"""A model on another face set: what it knows of faces that neither its training nor its test part came from.

In: a record with a model, and another source. Out: results in the record under `external/<set>/`, and a line in the
ledger. Classes are matched by name: faces of classes that the model does not know are left out and counted, and the
model chooses among the classes that both know, so that an answer that can only be wrong is not counted against it.
"""

from pathlib import Path

import numpy as np

from fer_exp.data.cache import cached_faces
from fer_exp.data.classes import Classes
from fer_exp.data.faces import Faces
from fer_exp.data.reading import Reading
from fer_exp.data.sources.vocabulary import slug_of
from fer_exp.data.split.info import DataInfo
from fer_exp.holdout.ledger import EXTERNAL, Opening, write_down
from fer_exp.holdout.result import SET, ExternalResult, ExternalSet, told
from fer_exp.metrics.scores import Probabilities
from fer_exp.model import load_model, predict
from fer_exp.records import Predictions, Record, now_ms
from fer_exp.records.digest import model_is_vouched_for
from fer_exp.results import write_results
from fer_exp.system.errors import BadData
from fer_exp.system.files import sha256_of, write_atomically
from fer_exp.system.home import Home


def reading_for(info: DataInfo, asked: Reading) -> Reading:
    """How another source is read for a model: as asked, at the model's side and in its colours."""
    return asked.model_copy(update={"side": info.reading.side, "colour": info.reading.colour})


def evaluate_on(
    home: Home, record: Record, model: Path, source: str, info: DataInfo, asked: Reading, *, again: str = ""
) -> ExternalResult:
    """Evaluates `model` on all faces of `source` and writes the results into `record`.

    Args:
        home: Where the record's campaign, the ledger and prepared data are.
        record: Whose model it is.
        model: Its file.
        source: The other set.
        info: The data that the model was trained on.
        asked: How the other set is read; side and colour are the model's.
        again: Why, where another model met this set before.

    Raises:
        BadData: The source cannot be read, is the model's own data, or shares fewer than two classes with it.
        BadInput: The model cannot be loaded, or another model met this set and no reason is given.
        BadRecord: A ledger is damaged, or the file is not the model that the record ended with.
    """
    model_is_vouched_for(record, model)
    loaded = load_model(model, info.form)
    faces, entry = cached_faces(source, home.cache, reading_for(info, asked))
    if entry.digest == info.data_digest:
        raise BadData(
            f"{source}: expected another set than the model was trained on, received the same",
            "Nothing was opened. Leave --on out: evaluate opens the test part of these data.",
        )
    shared = _shared(faces, info)
    known = np.isin(faces.labels, [label for label in faces.classes if label.slug in shared.names])
    rows = np.flatnonzero(known)
    looks = write_down(home, _opening(record, model, entry.digest, len(rows), again))
    said = among(predict(loaded, np.asarray(faces.images[rows])), info.classes, shared)
    places = np.array([shared.names.index(one.slug) if one.slug in shared.names else 0 for one in faces.classes])
    labels = places[faces.labels[rows]].astype(np.uint8)
    groups = None if faces.groups is None else np.asarray(faces.groups[rows])
    predictions = Predictions(labels, said, rows, shared, groups)
    name = slug_of(Path(entry.source).stem) or "set"
    scores = write_results(record, predictions, np.asarray(faces.images[rows]), f"external/{name}")
    there = ExternalSet(
        source=entry.source,
        digest=entry.digest,
        left_out={
            one.slug: int(np.count_nonzero(faces.labels == one))
            for one in faces.classes
            if one.slug not in shared.names and (faces.labels == one).any()
        },
        notes=entry.notes,
    )
    write_atomically(record.path / "external" / name / SET, there.sealed(indent=1))
    return told(name, there, scores, predictions, info, looks)


def among(probabilities: Probabilities, classes: Classes, shared: Classes) -> Probabilities:
    """Probabilities `(n, shared)` of the classes that are left when the others are ruled out; rows sum to 1."""
    kept = probabilities[:, [classes.names.index(name) for name in shared.names]].astype(np.float64)
    totals = kept.sum(axis=1, keepdims=True)
    even = np.full_like(kept, 1 / len(shared))  # a model that gave none of them anything has no preference
    return np.asarray(np.divide(kept, totals, out=even, where=totals > 0), np.float32)


def _shared(faces: Faces, info: DataInfo) -> Classes:
    names = [name for name in info.class_names if name in faces.classes.names]
    if len(names) < 2:
        raise BadData(
            f"{faces.source}: expected two classes or more that the model knows ({', '.join(info.class_names)}), "
            f"received {', '.join(faces.classes.names)}",
            "Nothing was opened. Say what its classes mean with --classes or --merge.",
        )
    return Classes(names)


def _opening(record: Record, model: Path, digest: str, images: int, again: str) -> Opening:
    folder = record.path.parents[1]
    return Opening(
        time_ms=now_ms(),
        campaign=folder.name,
        record=record.path.relative_to(folder).as_posix(),
        data_digest=digest,
        protocol=EXTERNAL,
        images=images,
        model=sha256_of(model),
        reason=again,
        test_digest=f"external-{digest}",
    )
