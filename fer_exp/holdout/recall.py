"""Recalling an opening: what a record stored when its model met the test part, told again without model and data.

In: a record whose `test/` or `external/<set>/` holds predictions. Out: the same result, made anew from them. What was
published has to follow from them, so every metric is computed again and held against the one that was stored.
"""

import math
from dataclasses import replace
from pathlib import Path

from fer_exp.data.sources.vocabulary import slug_of
from fer_exp.data.split.info import DataInfo
from fer_exp.holdout.gap import GAP, Gap
from fer_exp.holdout.ledger import EXTERNAL, Looks, all_openings
from fer_exp.holdout.result import SET, ExternalResult, ExternalSet, TestResult, WithoutCopies, told
from fer_exp.metrics.calibration import CALIBRATION, Calibration
from fer_exp.metrics.scores import Scores, score
from fer_exp.records import Record
from fer_exp.system.errors import BadRecord, NotFound
from fer_exp.system.files import is_there
from fer_exp.system.home import Home

SAID = "predictions.npz"  # in the folder of a part
CLOSE = 1e-9  # of a metric: another machine may add the same numbers in another order
RESTORE = "Nothing was changed. Unpack the records again, or open the test part where the model is."


def recall(home: Home, record: Record, info: DataInfo) -> TestResult:
    """What the record's model reached on the test part, from what it said there.

    Args:
        home: Where the ledgers are.
        record: One whose test part was opened.
        info: How its campaign split the data.

    Raises:
        BadRecord: A file is missing or damaged, or stored metrics do not follow from the stored predictions.
    """
    said = record.predictions(f"test/{SAID}")
    scores = score(said.labels, said.probabilities, said.classes)
    stored = record.test_scores()
    _refuse_other_numbers(record, "test", scores, stored)
    path = record.path / "test" / CALIBRATION
    return TestResult(
        scores,
        _without_copies(scores, stored),
        int(stored.get("test/copies", 0)),
        _looks(home, record, info.data_digest),
        Gap.read(record.path / GAP) if is_there(record.path / GAP) else None,
        Calibration.read(path) if is_there(path) else None,
        recalled=True,
    )


def recall_on(home: Home, record: Record, source: str, info: DataInfo) -> ExternalResult:
    """What the record's model reached on another face set, from what it said there.

    Args:
        home: Where the ledgers are.
        record: One whose model met the set.
        source: The set, by the path of then or by its name in the record.
        info: The data that the model was trained on.

    Raises:
        NotFound: The model met no set of that name.
        BadRecord: A file is missing or damaged, or stored metrics do not follow from the stored predictions.
    """
    met = sorted(path.parent.name for path in record.path.glob(f"external/*/{SAID}"))
    asked = [(slug_of(one) or "").replace("-", "") for one in (Path(source).stem, source)]
    name = next((one for one in met if one.replace("-", "") in asked), None)
    if name is None:
        raise NotFound(
            f"--on: expected a set that the model has met, since it is not here any more ({', '.join(met)}), "
            f"received {source}",
            "Nothing was opened. Name one of those, or unpack records that have the model.",
        )
    part = f"external/{name}"
    said = record.predictions(f"{part}/{SAID}")
    scores = score(said.labels, said.probabilities, said.classes)
    _refuse_other_numbers(record, part, scores, record.external_scores())
    path = record.path / part / SET
    there = ExternalSet.read(path) if is_there(path) else ExternalSet(source=name, digest="", left_out={})
    looks = _looks(home, record, there.digest, scores.images, external=True)
    return replace(told(name, there, scores, said, info, looks), recalled=True)


def _refuse_other_numbers(record: Record, part: str, scores: Scores, stored: dict[str, float]) -> None:
    for name, value in scores.metrics(part).items():
        known = stored.get(name)
        if known is None or not math.isclose(known, value, rel_tol=CLOSE, abs_tol=CLOSE):
            raise BadRecord(
                f"{record.path / part / 'scores.json'}: expected {name} {value:.6f}, which its predictions give, "
                f"received {'none' if known is None else f'{known:.6f}'}",
                RESTORE,
            )


def _without_copies(scores: Scores, stored: dict[str, float]) -> WithoutCopies | None:
    names = ("test/accuracy_without_copies", "test/macro_f1_without_copies")
    if not all(name in stored for name in names):
        return None
    return WithoutCopies(scores.images - int(stored["test/copies"]), *(stored[name] for name in names))


def _looks(home: Home, record: Record, digest: str, images: int = 0, *, external: bool = False) -> Looks:
    """The openings of the part that the record's model met; its campaign's own ledger travels with it.

    Args:
        home: Where the ledgers are.
        record: Whose model it is.
        digest: Of the data; empty where it is not known, and the number of images has to do.
        images: Of the part.
        external: Whether it was another face set.
    """
    folder = record.path.parents[1]
    mine = (folder.name, record.path.relative_to(folder).as_posix())
    lines = all_openings(home)
    own = [line for line in lines if (line.campaign, line.record) == mine and (line.protocol == EXTERNAL) == external]
    own = [line for line in own if (line.data_digest == digest if digest else line.images == images)]
    if not own:
        raise BadRecord(f"{folder / 'ledger.jsonl'}: expected the line of that opening, found none", RESTORE)
    return Looks(tuple(line for line in lines if line.opens(own[-1])))
