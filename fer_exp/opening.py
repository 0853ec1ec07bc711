"""Opening the test part: the only place where a model meets it.

In: a record with a model, the data source. Out: test results in the record, and a line in the campaign's ledger, which
says who looked at the test part, when and why. The line is written before the result is: a look that crashed was a
look.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_exp.data.protocol import DataInfo
from fer_exp.data.sealed import TestPart, open_test
from fer_exp.evaluate import Scores, score
from fer_exp.files import append_line, drop_torn_line, whole_lines
from fer_exp.model import load_model, predict
from fer_exp.records import DATA, Predictions, Record, now_ms
from fer_exp.results import write_results
from fer_exp.values import Value


class Opening(Value):
    """A line of the ledger."""

    time_ms: int
    campaign: str
    record: str  # folder of the record inside the campaign's
    data_digest: str
    protocol: str
    images: int
    reason: str = ""


@dataclass(frozen=True)
class TestResult:
    """What came out."""

    __test__ = False  # pytest takes the name for a test's

    scores: Scores
    scores_without_copies: Scores | None  # on the test images that training holds no copy of; None where there are none
    copies: int  # test images that are copies of training images
    openings: int  # of this data's test part in this campaign so far, this one included


def open_and_evaluate(
    folder: Path, record: Record, model: Path, source: str, info: DataInfo, cache: Path
) -> TestResult:
    """Evaluates `model` on the test part and writes the results into `record`.

    Args:
        folder: The campaign's.
        record: Where results go (`test/`).
        model: A `.keras` file that takes raw grey faces.
        source: The data, as for `search`; must be the data that the campaign was run on.
        info: How the campaign split them.
        cache: Prepared data.

    Raises:
        BadData: The source holds other data, or no test part.
        BadInput: The model file is not one that fer-exp will load.
    """
    loaded = load_model(model)
    info = _trained_on(record, info)
    part = open_test(source, info=info, cache=cache, skip_bad_rows=info.dropped_total > 0)
    note = Opening(
        time_ms=now_ms(),
        campaign=folder.name,
        record=str(record.path.relative_to(folder)),
        data_digest=info.data_digest,
        protocol=info.protocol,
        images=len(part.labels),
    )
    ledger = folder / "ledger.jsonl"
    drop_torn_line(ledger)
    append_line(ledger, note.to_json())
    predictions = Predictions(np.asarray(part.labels), predict(loaded, part.images), np.asarray(part.rows))
    scores = write_results(record, predictions, part.images, "test")
    without = _without_copies(part, predictions)
    extra = {"test/copies": float(part.copied.sum())}
    if without is not None:
        extra["test/accuracy_without_copies"] = without.accuracy
        extra["test/macro_f1_without_copies"] = without.macro_f1
    record.write_scores(scores.metrics("test") | extra, "test/scores.json")
    return TestResult(scores, without, int(part.copied.sum()), _openings(ledger, info.data_digest))


def _trained_on(record: Record, campaign: DataInfo) -> DataInfo:
    """Of what the record's training saw: which test images are copies depends on it."""
    path = record.path / DATA
    return DataInfo.read(path) if path.exists() else campaign


def _without_copies(part: TestPart, predictions: Predictions) -> Scores | None:
    clean = ~part.copied
    if clean.all() or not clean.any():
        return None
    return score(predictions.labels[clean], predictions.probabilities[clean])


def _openings(ledger: Path, data_digest: str) -> int:
    return sum(Opening.from_json(line).data_digest == data_digest for line in whole_lines(ledger))
