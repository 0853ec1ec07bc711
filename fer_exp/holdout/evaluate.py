"""Opening the test part: the only place where a model meets it.

In: a record with a model, the data source. Out: test results in the record, and a line in the home's ledger, which
says who looked at the test part, when and why. The line is written before the result is: a look that crashed was a
look.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_exp.data.split.info import DataInfo
from fer_exp.data.split.protocol import Protocol
from fer_exp.holdout.gap import GAP, Gap, part_of
from fer_exp.holdout.ledger import Looks, all_openings, opening_of, write_down
from fer_exp.holdout.result import TestResult, WithoutCopies
from fer_exp.holdout.sealed import TestPart, open_test
from fer_exp.metrics.calibration import Calibration, calibration_at, uncalibrated
from fer_exp.metrics.scores import score
from fer_exp.model import load_model, predict
from fer_exp.recipe import baseline_recipe
from fer_exp.records import Predictions, Record
from fer_exp.records.digest import model_is_vouched_for
from fer_exp.results import calibration_of, write_results
from fer_exp.system.files import is_there, write_atomically
from fer_exp.system.home import Home


def open_and_evaluate(
    home: Home, record: Record, model: Path, source: str, info: DataInfo, *, again: str = ""
) -> TestResult:
    """Evaluates `model` on the test part and writes the results into `record`.

    Args:
        home: Where the record's campaign, the ledger and prepared data are.
        record: Where results go (`test/`).
        model: A `.keras` file that takes raw grey faces.
        source: The data, as for `search`; must be the data that the campaign was run on.
        info: How the campaign split them.
        again: Why, where this test part was opened for another model already.

    Raises:
        BadData: The source holds other data, or no test part.
        BadInput: The model file is not one that fer-exp will load, or a reason is missing.
        BadRecord: The ledger or a file of the record is damaged, or it is not the model that the record ended with.
    """
    all_openings(home)  # a ledger that cannot be read is no ledger: nothing is opened then
    vouched = model_is_vouched_for(record, model)
    loaded = load_model(model, info.form)
    on_validation = calibration_of(record)
    validation = _on_validation(record)
    info = record.data(info)  # which test images are copies depends on what its training saw
    part = open_test(source, info=info, cache=home.cache)
    looks = write_down(home, opening_of(record, model, info, len(part.labels), again=again, digest=part.digest))
    said = predict(loaded, part.images)
    predictions = Predictions(np.asarray(part.labels), said, np.asarray(part.rows), info.classes, part.groups)
    calibration = None if on_validation is None else _on_test(predictions, on_validation)
    gap = None if validation is None else _gap(record, part, validation, predictions)
    return replace(_write(record, part, predictions, calibration, looks, gap), vouched=vouched)


def _write(
    record: Record,
    part: TestPart,
    predictions: Predictions,
    calibration: Calibration | None,
    looks: Looks,
    gap: Gap | None,
) -> TestResult:
    """The results into the record; its metrics last."""
    scores = write_results(record, predictions, part.images, "test", calibration)
    without = _without_copies(part, predictions)
    extra = {"test/copies": float(part.copied.sum()), "test/openings": float(len(looks.openings))}
    if without is not None:
        extra["test/accuracy_without_copies"] = without.accuracy
        extra["test/macro_f1_without_copies"] = without.macro_f1
    if gap is not None:
        write_atomically(record.path / GAP, gap.sealed(indent=1))
        extra["test/gap"] = gap.points / 100
    record.write_scores(record.test_scores() | extra, "test/scores.json")
    return TestResult(scores, without, int(part.copied.sum()), looks, gap, calibration)


def _on_test(predictions: Predictions, on_validation: Calibration) -> Calibration:
    """What the temperature from validation does on test."""
    plain = uncalibrated(predictions.probabilities, on_validation)
    return calibration_at(
        predictions.labels,
        plain,
        on_validation.temperature,
        applied=on_validation.applied,
        classes=predictions.classes,
    )


def _on_validation(record: Record) -> Predictions | None:
    """What the record's model said on validation; None where that was never stored.

    Raises:
        BadRecord: It is damaged: then the gap would be missing, and nobody would know why.
    """
    return record.predictions() if is_there(record.path / "predictions.npz") else None


def _gap(record: Record, part: TestPart, validation: Predictions, test: Predictions) -> Gap | None:
    """Against the record's own validation results; None where they are of other rows."""
    if not np.array_equal(validation.rows, part.validation_rows):
        return None
    spec = record.spec()
    return Gap(
        validation=part_of(validation, part.validation_copied),
        test=part_of(test, part.copied),
        reproduces_reference=spec.recipe == baseline_recipe() and spec.protocol == Protocol.REFERENCE,
    )


def _without_copies(part: TestPart, predictions: Predictions) -> WithoutCopies | None:
    clean = ~part.copied
    if clean.all() or not clean.any():
        return None
    found = score(predictions.labels[clean], predictions.probabilities[clean], predictions.classes)
    return WithoutCopies(found.images, found.accuracy, found.macro_f1)
