"""Classes are names in an order; numbers mean nothing without them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_exp.data.classes import FER2013, Classes
from fer_exp.metrics.registry import metric_of, metrics_of
from fer_exp.metrics.scores import report_text, score
from fer_exp.records import Predictions
from fer_exp.records.predictions import read_predictions, store_predictions
from fer_exp.system.errors import BadRecord
from fer_exp.verdict.judge import Side, Terms, judge
from tests.made_faces import some_faces

THREE = Classes(("happy", "very-sad", "contempt"))


def test_a_class_is_its_own_number_and_has_a_name() -> None:
    assert [int(one) for one in THREE] == [0, 1, 2]
    assert THREE.titles == ("Happy", "Very sad", "Contempt")
    assert THREE.named("contempt") == 2
    assert THREE.named("angry") is None
    assert THREE[int(np.uint8(1))].slug == "very-sad"
    assert Classes(THREE.names) == THREE != FER2013


@pytest.mark.parametrize("names", [(), ("happy",), ("happy", "happy"), ("Happy", "sad"), ("a b", "c"), ("a/b", "c")])
def test_names_that_metrics_could_not_carry_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="classes: expected"):
        Classes(names)


def test_the_same_numbers_under_other_names_are_other_data() -> None:
    faces = some_faces(21)
    turned = replace(faces, classes=Classes(FER2013.names[::-1]))
    assert turned.digest != faces.digest
    with pytest.raises(ValueError, match="labels: expected values 0-2"):
        replace(faces, classes=THREE)


def predictions() -> Predictions:
    labels = np.array([0, 0, 1, 1, 2, 2], np.uint8)
    probabilities = np.full((6, 3), 0.1, np.float32)
    probabilities[np.arange(6), [0, 1, 1, 1, 2, 0]] = 0.8
    return Predictions(labels, probabilities, np.arange(6), THREE)


def test_scores_name_the_data_s_own_classes() -> None:
    said = predictions()
    scores = score(said.labels, said.probabilities, said.classes)
    found = scores.metrics("val")
    assert found["val/very-sad/recall"] == 1.0
    assert found["val/contempt/precision"] == 1.0
    assert "val/angry/recall" not in found
    assert scores.classes == THREE
    assert "Very sad -> Happy" not in report_text(scores)
    assert "Contempt -> Happy" in report_text(scores)
    assert {f"val/{metric.name}" for metric in metrics_of(THREE)} <= set(found)
    assert all(metric_of(name) for name in found if name.endswith(("recall", "precision", "f1")))


def test_predictions_keep_what_their_columns_mean(tmp_path: Path) -> None:
    store_predictions(tmp_path / "said.npz", predictions())
    assert read_predictions(tmp_path / "said.npz").classes == THREE


def test_predictions_of_earlier_versions_are_of_fer2013(tmp_path: Path) -> None:
    np.savez_compressed(
        tmp_path / "said.npz",
        labels=np.zeros(2, np.uint8),
        probabilities=np.full((2, 7), 1 / 7, np.float32),
        rows=np.arange(2),
    )
    assert read_predictions(tmp_path / "said.npz").classes == FER2013


def test_a_verdict_judges_the_data_s_own_classes() -> None:
    labels = np.repeat(np.arange(3, dtype=np.uint8), 40)
    right, wrong = labels[None], ((labels + 1) % 3)[None]
    judged = judge(labels, Side(right), Side(wrong), Terms(classes=THREE))
    assert judged.of("very-sad/recall").difference == 1.0
    assert judged.of("macro_f1").difference == 1.0
    assert not any("angry" in found.metric for found in judged.metrics)


def test_predictions_keep_whom_the_images_show(tmp_path: Path) -> None:
    groups = np.array([0, 0, 1, 1, 2, 2])
    store_predictions(tmp_path / "said.npz", replace(predictions(), groups=groups))
    found = read_predictions(tmp_path / "said.npz").groups
    assert found is not None
    assert found.tolist() == groups.tolist()
    store_predictions(tmp_path / "said.npz", replace(predictions(), groups=groups[:3]))
    with pytest.raises(BadRecord, match="groups of shape"):
        read_predictions(tmp_path / "said.npz")
