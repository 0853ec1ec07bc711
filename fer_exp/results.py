"""Results: writes what a model achieved on one part of the data into its record.

In: predictions, and the images they are about. Out: the Scores; in the record, files for people and for programs. The
metrics file is written last, so that whoever finds it finds the rest.
"""

from dataclasses import replace

import numpy as np

from fer_exp import figures
from fer_exp.data.faces import Images
from fer_exp.metrics.calibration import (
    CALIBRATION,
    Calibration,
    calibration_at,
    calibration_text,
    fit_temperature,
    uncalibrated,
)
from fer_exp.metrics.scores import Scores, clustered_error, report_json, report_text, score
from fer_exp.metrics.temperature import tempered
from fer_exp.records import Predictions, Record
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import write_atomically

PARTS = {"val": "", "test": "test/"}  # part -> where in the record; `external/<set>` in a folder of that name


def write_results(
    record: Record, predictions: Predictions, images: Images, part: str, calibration: Calibration | None = None
) -> Scores:
    """Scores `predictions` and writes predictions, reports, figures and metrics into `record`.

    Args:
        record: Where to write: directly in its folder for "val", in `test/` for "test".
        predictions: What the model said.
        images: `(n, side, side)` uint8 or in colour, the same faces in the same order.
        part: "val", "test" or "external/<set>".
        calibration: What temperature scaling does to these predictions; None where no temperature is known.

    Raises:
        ValueError: The part is none of these, shapes do not fit, or the predictions are not probabilities. Nothing is
            written then.
    """
    if part not in PARTS and not part.startswith("external/"):
        raise ValueError(f"part: expected one of {', '.join(PARTS)} or external/<set>, received {part!r}")
    if len(images) != len(predictions.labels):
        raise ValueError(f"images: expected {len(predictions.labels)}, received {len(images)}")
    scores = score(predictions.labels, predictions.probabilities, predictions.classes)
    prefix = PARTS.get(part, f"{part}/")
    record.write_predictions(predictions, f"{prefix}predictions.npz")
    write_atomically(record.path / f"{prefix}report.txt", full_report(scores, calibration, part))
    write_atomically(record.path / f"{prefix}report.json", report_json(scores))
    _write_figures(record, predictions, images, scores, prefix)
    metrics = scores.metrics(part)
    if predictions.groups is not None:
        right = predictions.probabilities.argmax(axis=1) == predictions.labels
        metrics[f"{part}/accuracy_error"] = clustered_error(right, predictions.groups)
        metrics[f"{part}/groups"] = float(np.unique(predictions.groups).size)
    if calibration is not None:
        _write_calibration(record, predictions, calibration, prefix)
        metrics |= calibration.metrics(part)
    record.write_scores(metrics, f"{prefix}scores.json")
    return scores


def full_report(scores: Scores, calibration: Calibration | None, part: str) -> str:
    """The report as plain text, with what temperature scaling does where that is known."""
    report = report_text(scores)
    return report if calibration is None else f"{report}\n{calibration_text(calibration, part)}\n"


def _write_calibration(record: Record, predictions: Predictions, calibration: Calibration, prefix: str) -> None:
    write_atomically(record.path / prefix / CALIBRATION, calibration.sealed(indent=1))
    plain = uncalibrated(predictions.probabilities, calibration)
    figure = figures.calibration_figure(
        replace(predictions, probabilities=plain),
        replace(predictions, probabilities=tempered(plain, calibration.temperature)),
        calibration.temperature,
    )
    figures.save(figure, record.path / prefix / "figures" / "calibration.png")


def _write_figures(record: Record, predictions: Predictions, images: Images, scores: Scores, prefix: str) -> None:
    drawn = {
        "confusion": figures.confusion_figure(scores),
        "classes": figures.class_figure(scores),
        "confidence": figures.confidence_figure(predictions, scores),
        "mistakes": figures.mistakes_figure(predictions, images),
    }
    history = record.history()
    if history and not prefix:  # the test part adds nothing to the curves
        drawn["curves"] = figures.curves_figure(history)
    for name, figure in drawn.items():
        figures.save(figure, record.path / f"{prefix}figures" / f"{name}.png")


def calibration_of(record: Record) -> Calibration | None:
    """The calibration on validation: the record's, else fitted now from its predictions; None where it has neither.

    Records made before there was calibration hold predictions, and models that apply none.

    Raises:
        BadRecord: A file is damaged, or the model applies a temperature that the record has lost.
    """
    path = record.path / CALIBRATION
    if path.exists():
        return Calibration.read(path)
    if record.spec().recipe.calibrate:
        raise BadRecord(
            f"{path}: expected the temperature that the record's model applies, found no such file",
            "Nothing was changed. Restore the file, or move the record's folder away to train it again.",
        )
    if not (record.path / "predictions.npz").exists():
        return None
    known = record.predictions()
    temperature = fit_temperature(known.labels, known.probabilities)
    return calibration_at(known.labels, known.probabilities, temperature, applied=False, classes=known.classes)
