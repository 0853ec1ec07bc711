"""Results: writes what a model achieved on one part of the data into its record.

In: predictions, and the images they are about. Out: the Scores; in the record, files for people and for programs. The
metrics file is written last, so that whoever finds it finds the rest.
"""

from fer_exp import figures
from fer_exp.data.faces import Images
from fer_exp.evaluate import Scores, report_json, report_text, score
from fer_exp.files import write_atomically
from fer_exp.records import Predictions, Record

PARTS = {"val": "", "test": "test/"}  # part -> where in the record


def write_results(record: Record, predictions: Predictions, images: Images, part: str) -> Scores:
    """Scores `predictions` and writes predictions, reports, figures and metrics into `record`.

    Args:
        record: Where to write: directly in its folder for "val", in `test/` for "test".
        predictions: What the model said.
        images: `(n, 48, 48)` uint8, the same faces in the same order.
        part: "val" or "test".

    Raises:
        ValueError: The part is neither, shapes do not fit, or the predictions are not probabilities. Nothing is
            written then.
    """
    if part not in PARTS:
        raise ValueError(f"part: expected one of {', '.join(PARTS)}, received {part!r}")
    if len(images) != len(predictions.labels):
        raise ValueError(f"images: expected {len(predictions.labels)}, received {len(images)}")
    scores = score(predictions.labels, predictions.probabilities)
    prefix = PARTS[part]
    record.write_predictions(predictions, f"{prefix}predictions.npz")
    write_atomically(record.path / f"{prefix}report.txt", report_text(scores))
    write_atomically(record.path / f"{prefix}report.json", report_json(scores))
    _write_figures(record, predictions, images, scores, prefix)
    record.write_scores(scores.metrics(part), f"{prefix}scores.json")
    return scores


def _write_figures(record: Record, predictions: Predictions, images: Images, scores: Scores, prefix: str) -> None:
    drawn = {
        "confusion": figures.confusion_figure(scores),
        "classes": figures.class_figure(scores),
        "confidence": figures.confidence_figure(predictions),
        "mistakes": figures.mistakes_figure(predictions, images),
    }
    history = record.history()
    if history and not prefix:  # the test part adds nothing to the curves
        drawn["curves"] = figures.curves_figure(history)
    for name, figure in drawn.items():
        figures.save(figure, record.path / f"{prefix}figures" / f"{name}.png")
