"""What a model achieved is in its record, whole, and reads back as it was."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from fer_exp.metrics.calibration import Calibration, calibration_at, fit_temperature
from fer_exp.metrics.scores import Scores
from fer_exp.metrics.temperature import tempered
from fer_exp.records import Predictions, Record
from fer_exp.results import write_results
from tests.made_records import made_predictions, made_record

PREDICTIONS = made_predictions(300)
IMAGES = np.zeros((300, 48, 48), np.uint8)


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return made_record(tmp_path, 1, budget=4, state=None)


def test_validation_results_lie_in_the_record_itself(record: Record) -> None:
    scores = write_results(record, PREDICTIONS, IMAGES, "val")
    assert record.scores() == scores.metrics("val")
    assert np.array_equal(record.predictions().probabilities, PREDICTIONS.probabilities)
    assert Scores.read(record.path / "report.json") == scores
    assert (record.path / "report.txt").read_text().split()[0] == "precision"
    drawn = {"confusion.png", "classes.png", "confidence.png", "mistakes.png", "curves.png"}
    assert {path.name for path in record.figures.iterdir()} == drawn
    assert not (record.path / "test").exists()


def test_test_results_lie_apart_and_leave_validation_alone(record: Record) -> None:
    write_results(record, PREDICTIONS, IMAGES, "val")
    before = {path: path.read_bytes() for path in record.path.rglob("*") if path.is_file()}
    scores = write_results(record, PREDICTIONS, IMAGES, "test")
    assert record.test_scores() == scores.metrics("test")
    assert {path.name for path in (record.path / "test").iterdir()} == {
        "predictions.npz",
        "scores.json",
        "report.txt",
        "report.json",
        "figures",
    }
    assert not (record.path / "test/figures/curves.png").exists()
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("applied", [False, True])
def test_what_a_temperature_does_lies_beside_the_scores_of_the_kept_model(record: Record, applied: bool) -> None:
    labels, plain = PREDICTIONS.labels, PREDICTIONS.probabilities
    calibration = calibration_at(labels, plain, fit_temperature(labels, plain), applied=applied)
    warm = tempered(plain, calibration.temperature)
    said = Predictions(labels, warm if applied else plain, PREDICTIONS.rows)
    for part, folder in (("val", record.path), ("test", record.path / "test")):
        scores = write_results(record, said, IMAGES, part, calibration)
        assert Calibration.read(folder / "calibration.json") == calibration
        assert (folder / "figures" / "calibration.png").stat().st_size > 10_000
        assert f"temperature {calibration.temperature:.4f}" in (folder / "report.txt").read_text()
        side = calibration.after if applied else calibration.before
        assert (scores.log_loss, scores.ece) == (side.log_loss, side.ece)
    assert record.test_scores() == scores.metrics("test") | calibration.metrics("test")


def test_writing_the_same_results_again_changes_no_byte_of_what_people_read(record: Record) -> None:
    write_results(record, PREDICTIONS, IMAGES, "val")
    before = {path: path.read_bytes() for path in record.path.rglob("*") if path.suffix in (".png", ".json", ".txt")}
    write_results(record, PREDICTIONS, IMAGES, "val")
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    ("predictions", "images", "part", "complaint"),
    [
        (PREDICTIONS, IMAGES, "train", "part"),
        (PREDICTIONS, IMAGES[:10], "val", "images"),
        (
            Predictions(PREDICTIONS.labels, PREDICTIONS.probabilities * np.float32(np.nan), PREDICTIONS.rows),
            IMAGES,
            "val",
            "finite",
        ),
    ],
)
def test_what_cannot_be_scored_leaves_the_record_as_it_was(
    record: Record, predictions: Predictions, images: np.ndarray, part: str, complaint: str
) -> None:
    before = sorted(record.path.rglob("*"))
    with pytest.raises(ValueError, match=complaint):
        write_results(record, predictions, images, part)
    assert sorted(record.path.rglob("*")) == before


def test_predictions_are_scored_once(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    labels, plain = PREDICTIONS.labels, PREDICTIONS.probabilities
    calibration = calibration_at(labels, plain, 1.5, applied=False)
    calls = []

    def counting(*arguments: object, **options: object) -> object:
        calls.append(arguments)
        return confusion_matrix(*arguments, **options)

    monkeypatch.setattr("fer_exp.metrics.scores.confusion_matrix", counting)
    write_results(record, PREDICTIONS, IMAGES, "val", calibration)
    assert len(calls) == 1
