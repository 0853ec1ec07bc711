"""Recalling an opening: what a record stored when its model met the test part, told again without model and data.

In: a record whose `test/` holds predictions. Out: the same TestResult, made anew from those predictions. What was
published has to follow from them, so every metric is computed again and held against the one that was stored.
"""

import math

from fer_exp.data.split.info import DataInfo
from fer_exp.holdout.gap import GAP, Gap
from fer_exp.holdout.ledger import Looks, all_openings
from fer_exp.holdout.result import TestResult, WithoutCopies
from fer_exp.metrics.calibration import CALIBRATION, Calibration
from fer_exp.metrics.scores import Scores, score
from fer_exp.records import Record
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import is_there
from fer_exp.system.home import Home

PREDICTIONS = "test/predictions.npz"  # in a record
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
    said = record.predictions(PREDICTIONS)
    scores = score(said.labels, said.probabilities, said.classes)
    stored = record.test_scores()
    _refuse_other_numbers(record, scores, stored)
    path = record.path / "test" / CALIBRATION
    return TestResult(
        scores,
        _without_copies(scores, stored),
        int(stored.get("test/copies", 0)),
        _looks(home, record, info),
        Gap.read(record.path / GAP) if is_there(record.path / GAP) else None,
        Calibration.read(path) if is_there(path) else None,
        recalled=True,
    )


def _refuse_other_numbers(record: Record, scores: Scores, stored: dict[str, float]) -> None:
    for name, value in scores.metrics("test").items():
        known = stored.get(name)
        if known is None or not math.isclose(known, value, rel_tol=CLOSE, abs_tol=CLOSE):
            raise BadRecord(
                f"{record.path / 'test' / 'scores.json'}: expected {name} {value:.6f}, which its predictions give, "
                f"received {'none' if known is None else f'{known:.6f}'}",
                RESTORE,
            )


def _without_copies(scores: Scores, stored: dict[str, float]) -> WithoutCopies | None:
    names = ("test/accuracy_without_copies", "test/macro_f1_without_copies")
    if not all(name in stored for name in names):
        return None
    return WithoutCopies(scores.images - int(stored["test/copies"]), *(stored[name] for name in names))


def _looks(home: Home, record: Record, info: DataInfo) -> Looks:
    """The openings of the test part that the record's model met; its campaign's own ledger travels with it."""
    folder = record.path.parents[1]
    mine = (folder.name, record.path.relative_to(folder).as_posix(), info.data_digest)
    lines = all_openings(home)
    own = [line for line in lines if (line.campaign, line.record, line.data_digest) == mine]
    if not own:
        raise BadRecord(f"{folder / 'ledger.jsonl'}: expected the line of that opening, found none", RESTORE)
    return Looks(tuple(line for line in lines if line.opens(own[-1])))
