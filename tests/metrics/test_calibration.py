"""The temperature is the one that validation asks for; what it changes is said as it is."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax

from fer_exp.metrics.calibration import Calibration, calibration_at, calibration_text, fit_temperature, uncalibrated
from fer_exp.metrics.scores import Probabilities, score
from fer_exp.metrics.temperature import tempered
from tests.made_records import made_predictions

DRAWS = 20_000


def simulated(temperature: float, count: int = DRAWS) -> tuple[NDArray[np.uint8], Probabilities]:
    """Labels drawn from a softmax, and what a model says that knows its logits times `temperature`."""
    random = np.random.default_rng(1)
    logits = random.normal(0, 1.5, (count, 7))
    chance = softmax(logits, axis=1)
    labels = (chance.cumsum(axis=1) < random.random((count, 1))).sum(axis=1).clip(0, 6).astype(np.uint8)
    return labels, softmax(logits * temperature, axis=1).astype(np.float32)


@pytest.mark.parametrize("temperature", [0.5, 0.8, 1.0, 1.6, 3.0])
def test_a_known_temperature_is_found_again_and_makes_the_model_as_sure_as_it_is_right(temperature: float) -> None:
    labels, probabilities = simulated(temperature)
    found = fit_temperature(labels, probabilities)
    assert found == pytest.approx(temperature, rel=0.02)  # its standard error is 0.7 % at this count
    calibration = calibration_at(labels, probabilities, found, applied=False)
    assert calibration.after.log_loss <= calibration.before.log_loss + 1e-7
    assert calibration.after.ece < 0.012
    assert calibration.after.confidence == pytest.approx(calibration.accuracy, abs=0.01)
    if temperature != 1.0:
        assert calibration.after.log_loss < calibration.before.log_loss - 0.005
        assert calibration.after.ece < calibration.before.ece / 3


def test_no_other_temperature_has_a_smaller_log_loss() -> None:
    labels, probabilities = simulated(1.6, 3000)
    found = fit_temperature(labels, probabilities)
    at = {t: score(labels, tempered(probabilities, t)).log_loss for t in np.geomspace(0.2, 8, 60)}
    assert score(labels, tempered(probabilities, found)).log_loss <= min(at.values()) + 1e-7


def test_accuracy_and_confusion_stay_what_they_were() -> None:
    predictions = made_predictions(2000)
    before = score(predictions.labels, predictions.probabilities)
    for temperature in (0.1, 0.7, 2.0, 10.0):
        after = score(predictions.labels, tempered(predictions.probabilities, temperature))
        assert (after.accuracy, after.confusion, after.macro_f1) == (before.accuracy, before.confusion, before.macro_f1)


def test_what_the_model_said_before_is_found_from_what_it_says_after() -> None:
    predictions = made_predictions(2000)
    temperature = fit_temperature(predictions.labels, predictions.probabilities)
    assert temperature > 1.1  # the predictions are made over-confident
    calibration = calibration_at(predictions.labels, predictions.probabilities, temperature, applied=True)
    said = tempered(predictions.probabilities, temperature)
    np.testing.assert_allclose(uncalibrated(said, calibration), predictions.probabilities, atol=3e-6)
    again = calibration_at(predictions.labels, uncalibrated(said, calibration), temperature, applied=True)
    assert again.before.log_loss == pytest.approx(calibration.before.log_loss, abs=1e-6)
    assert again.before.ece == pytest.approx(calibration.before.ece, abs=1e-3)  # a face may change its bin
    left_alone = calibration.model_copy(update={"applied": False})
    assert uncalibrated(predictions.probabilities, left_alone) is predictions.probabilities


def test_a_model_without_mistakes_is_made_surer_up_to_the_end_of_the_range_and_the_report_says_so() -> None:
    labels = np.arange(70, dtype=np.uint8) % 7
    probabilities = (np.eye(7)[labels] * 0.3 + 0.1).astype(np.float32)
    found = fit_temperature(labels, probabilities)
    assert found == pytest.approx(0.1, rel=0.01)
    calibration = calibration_at(labels, probabilities, found, applied=False)
    assert calibration.after.log_loss < calibration.before.log_loss
    assert "no minimum inside" in calibration_text(calibration, "val")


def test_a_probability_of_zero_for_the_truth_does_not_stop_the_fit() -> None:
    labels, probabilities = simulated(3.0, 500)
    broken = probabilities.copy()
    broken[0] = np.eye(7, dtype=np.float32)[(labels[0] + 1) % 7]
    assert 3.0 < fit_temperature(labels, broken) < 10.0


def test_metrics_and_text_say_before_after_and_what_it_is_worth() -> None:
    labels, probabilities = simulated(1.6, 1000)
    calibration = calibration_at(labels, probabilities, 1.6, applied=False)
    assert calibration.metrics("val") == {
        "val/temperature": 1.6,
        "val/log_loss_uncalibrated": calibration.before.log_loss,
        "val/log_loss_calibrated": calibration.after.log_loss,
        "val/ece_uncalibrated": calibration.before.ece,
        "val/ece_calibrated": calibration.after.ece,
        "val/confidence_uncalibrated": calibration.before.confidence,
        "val/confidence_calibrated": calibration.after.confidence,
    }
    text = calibration_text(calibration, "val")
    assert "temperature 1.6000. The kept model does not apply it" in text
    assert "In-sample" in text
    assert f"{calibration.before.ece:.4f}" in text
    assert f"{calibration.after.log_loss:.4f}" in text
    applied = calibration.model_copy(update={"applied": True})
    assert "applies it" in calibration_text(applied, "test")
    assert "In-sample" not in calibration_text(applied, "test")
    assert Calibration.from_json(calibration.to_json()) == calibration
