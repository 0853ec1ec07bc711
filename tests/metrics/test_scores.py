"""Scores say what the predictions say: by hand on toys, by scikit-learn on many faces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, classification_report, f1_score, log_loss

from fer_exp.data.classes import FER2013
from fer_exp.data.faces import Labels
from fer_exp.metrics.scores import Probabilities, Scores, clustered_error, reliability, report_json, report_text, score
from tests.made_records import made_predictions


def rows(*tops: tuple[int, float]) -> Probabilities:
    """Probability rows that give each (class, probability) and share the rest evenly."""
    table = np.array([[(1 - p) / 6] * 7 for _, p in tops])
    for row, (label, p) in zip(table, tops, strict=True):
        row[label] = p
    return table.astype(np.float32)


def labels_of(*values: int) -> Labels:
    return np.array(values, np.uint8)


def test_a_perfect_and_sure_model_scores_one_everywhere_and_loses_nothing() -> None:
    labels = np.arange(7, dtype=np.uint8)
    scores = score(labels, np.eye(7, dtype=np.float32))
    assert (scores.accuracy, scores.macro_f1, scores.balanced_accuracy, scores.ece) == (1.0, 1.0, 1.0, 0.0)
    assert scores.log_loss == 0.0
    assert scores.top_errors == ()
    assert scores.confidence.mean_wrong is None
    assert "val/confidence/mean_wrong" not in scores.metrics("val")
    assert "No errors." in report_text(scores)


def test_a_hand_made_example_gives_the_numbers_worked_out_by_hand() -> None:
    labels = labels_of(0, 0, 3, 3)
    scores = score(labels, rows((0, 0.9), (3, 0.7), (3, 0.5), (3, 0.95)))
    assert scores.accuracy == 0.75
    assert scores.confusion[0] == (1, 0, 0, 1, 0, 0, 0)
    assert scores.confusion[3] == (0, 0, 0, 2, 0, 0, 0)
    angry, happy = scores.per_class[0], scores.per_class[3]
    assert (angry.precision, angry.recall, angry.support) == (1.0, 0.5, 2)
    assert happy.precision == pytest.approx(2 / 3)
    assert scores.balanced_accuracy == 0.75
    assert scores.macro_f1 == pytest.approx((2 / 3 + 0.8) / 2)
    given_to_truth = [0.9, 0.3 / 6, 0.5, 0.95]
    assert scores.log_loss == pytest.approx(-np.log(given_to_truth).mean(), rel=1e-6)
    # Bins: 0.5 right; 0.7 wrong; 0.9 right; 0.95 right. No two share one of fifteen bins.
    assert scores.ece == pytest.approx((0.5 + 0.7 + 0.1 + 0.05) / 4, rel=1e-6)
    assert scores.confidence.mean_wrong == pytest.approx(0.7)
    assert [(e.true, e.predicted, e.count) for e in scores.top_errors] == [("angry", "happy", 1)]


def test_scores_of_many_faces_agree_with_scikit_learn() -> None:
    predictions = made_predictions(2000)
    scores = score(predictions.labels, predictions.probabilities)
    guessed = predictions.probabilities.argmax(axis=1)
    exact = predictions.probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    assert scores.macro_f1 == pytest.approx(f1_score(predictions.labels, guessed, average="macro"))
    assert scores.balanced_accuracy == pytest.approx(balanced_accuracy_score(predictions.labels, guessed))
    assert scores.log_loss == pytest.approx(log_loss(predictions.labels, exact, labels=range(7)), rel=1e-5)


def test_the_report_holds_scikit_learns_table_line_for_line() -> None:
    predictions = made_predictions(1500)
    text = report_text(score(predictions.labels, predictions.probabilities))
    guessed = predictions.probabilities.argmax(axis=1)
    theirs = classification_report(
        predictions.labels, guessed, labels=range(7), target_names=FER2013.titles, digits=4, zero_division=0
    )
    ours = [line.split() for line in text.splitlines()]
    for line in filter(None, theirs.splitlines()):
        assert line.split() in ours
    assert "Most frequent errors" in text
    assert "Mean confidence when right" in text


def test_an_emotion_that_does_not_occur_is_not_charged_to_the_averages() -> None:
    labels = labels_of(0, 3, 3)
    scores = score(labels, rows((0, 0.9), (3, 0.9), (3, 0.9)))
    assert scores.macro_f1 == 1.0
    assert scores.balanced_accuracy == 1.0
    assert scores.metrics("val")["val/disgust/recall"] == 0.0
    assert "No images of Disgust, Fear, Sad, Surprise, Neutral" in report_text(scores)


def test_metrics_are_flat_finite_and_named_by_part() -> None:
    predictions = made_predictions(500)
    scores = score(predictions.labels, predictions.probabilities)
    metrics = scores.metrics("test")
    assert metrics["test/accuracy"] == scores.accuracy
    assert metrics["test/angry/f1"] == scores.per_class[0].f1
    assert metrics["test/images"] == 500
    assert {"test/confidence/mean", "test/confidence/std"} <= set(metrics)
    assert len(metrics) == 6 + 7 * 3 + 4
    assert all(np.isfinite(value) for value in metrics.values())


def test_the_json_report_names_emotions_and_reads_back_as_the_same_scores() -> None:
    predictions = made_predictions(500)
    scores = score(predictions.labels, predictions.probabilities)
    text = report_json(scores)
    assert '"emotion": "surprise"' in text
    assert Scores.from_json(text) == scores


def test_a_probability_of_zero_for_the_truth_costs_a_bounded_loss() -> None:
    scores = score(labels_of(1), np.eye(7, dtype=np.float32)[[0]])
    assert scores.log_loss == pytest.approx(-np.log(1e-7))


@pytest.mark.parametrize(
    ("labels", "probabilities", "complaint"),
    [
        (labels_of(0), np.full((1, 7), np.nan, np.float32), "finite"),
        (labels_of(0), np.full((1, 7), np.inf, np.float32), "finite"),
        (labels_of(0), np.full((1, 7), 0.2, np.float32), "sum to 1"),
        (labels_of(0), np.array([[1.2, -0.2, 0, 0, 0, 0, 0]], np.float32), "below 0"),
        (labels_of(0, 1), np.full((1, 7), 1 / 7, np.float32), "shape|received"),
        (labels_of(), np.zeros((0, 7), np.float32), "n > 0"),
        (labels_of(7), np.full((1, 7), 1 / 7, np.float32), "0-6"),
    ],
)
def test_what_is_no_probability_is_refused(labels: Labels, probabilities: Probabilities, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        score(labels, probabilities)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 80), st.integers(0, 2**32 - 1))
def test_invariants_hold_for_any_predictions(count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 7, count).astype(np.uint8)
    probabilities = random.dirichlet(np.full(7, 0.3), count).astype(np.float32)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    scores = score(labels, probabilities)
    assert sum(map(sum, scores.confusion)) == count
    assert sum(row.support for row in scores.per_class) == count
    assert sum(b.count for b in reliability(labels, probabilities)) == count
    assert 0 <= scores.ece <= 1
    # The gap of the averages is never larger than the average of the gaps.
    assert abs(scores.accuracy - scores.confidence.mean) <= scores.ece + 1e-9
    order = random.permutation(count)
    assert score(labels[order], probabilities[order]).confusion == scores.confusion


def test_the_error_of_a_share_over_groups_is_that_of_the_groups() -> None:
    right = np.array([True, True, True, False, False, False])
    alone = clustered_error(right, np.arange(6))
    assert alone == pytest.approx(np.sqrt(6 / 5 * 0.25 / 6))
    together = clustered_error(right, np.array([0, 0, 0, 1, 1, 1]))
    assert together == pytest.approx(np.sqrt(2 / 1 * 2 * 1.5**2) / 6)  # two groups, as far apart as can be
    assert np.isnan(clustered_error(right, np.zeros(6, np.int64)))
