"""A metric has one definition: it is recorded, bounded, shown, resampled and judged from there."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from sklearn.metrics import cohen_kappa_score

from fer_exp.campaign import Objective
from fer_exp.data.classes import FER2013
from fer_exp.leaderboard.rows import leaderboard
from fer_exp.leaderboard.table import leaderboard_csv
from fer_exp.metrics import registry
from fer_exp.metrics.registry import Counts, Metric, shown
from fer_exp.metrics.scores import score
from fer_exp.records import State
from fer_exp.records.values import Metrics
from fer_exp.verdict.judge import Side, judge
from fer_exp.verdict.resample import measure, once
from tests.made_records import made_predictions, made_record

MADE = made_predictions()
LABELS, SAID = MADE.labels, MADE.probabilities.argmax(axis=1).astype(np.uint8)


def kappa(counts: Counts) -> NDArray[np.float64]:
    """Cohen's kappa: agreement beyond that of chance."""
    images = counts.true.sum(axis=0)
    agreed = counts.hits.sum(axis=0) / images
    chance = (counts.true * counts.predicted).sum(axis=0) / images**2
    return np.asarray((agreed - chance) / (1 - chance), np.float64)


@pytest.fixture
def with_kappa(monkeypatch: pytest.MonkeyPatch) -> None:
    """A metric more, in one line."""
    added = Metric("kappa", "Cohen's kappa", low=-1.0, on_leaderboard=True, of_counts=kappa)
    monkeypatch.setattr(registry, "METRICS", (*registry.METRICS, added))


@pytest.mark.usefixtures("with_kappa")
def test_a_new_metric_is_recorded() -> None:
    recorded = score(LABELS, MADE.probabilities).metrics("val")
    assert recorded["val/kappa"] == pytest.approx(cohen_kappa_score(LABELS, SAID))


@pytest.mark.usefixtures("with_kappa")
def test_a_new_metric_is_bounded_by_its_range() -> None:
    assert Metrics(values={"val/kappa": -0.5}).values == {"val/kappa": -0.5}
    with pytest.raises(ValidationError, match=r"val/kappa: expected a number from -1 to 1, received 1\.5"):
        Metrics(values={"val/kappa": 1.5})


@pytest.mark.usefixtures("with_kappa")
def test_a_new_metric_is_on_the_leaderboard(tmp_path: Path) -> None:
    record = made_record(tmp_path, 1, state=State.FINISHED, scores=score(LABELS, MADE.probabilities).metrics("val"))
    rows = leaderboard([record], Objective())
    (shown,) = csv.DictReader(io.StringIO(leaderboard_csv(rows)))
    assert float(shown["kappa"]) == pytest.approx(cohen_kappa_score(LABELS, SAID))


@pytest.mark.usefixtures("with_kappa")
def test_a_new_metric_is_resampled_and_judged() -> None:
    order = np.argsort(LABELS, kind="stable")
    found = measure(LABELS[order], SAID[None, order], once(LABELS.size), ["kappa"])
    assert found["kappa"][0, 0] == pytest.approx(cohen_kappa_score(LABELS, SAID), abs=1e-5)
    judged = judge(LABELS, Side(LABELS[None]), Side(SAID[None]))
    assert judged.of("kappa").difference == pytest.approx(1 - cohen_kappa_score(LABELS, SAID), abs=1e-5)


def test_every_name_of_the_registry_is_recorded_and_stands_once() -> None:
    recorded = score(LABELS, MADE.probabilities).metrics("val")
    metrics = registry.metrics_of(FER2013)
    names = [metric.name for metric in metrics]
    assert len(names) == len(set(names))
    assert {f"val/{name}" for name in names} <= set(recorded)
    assert all(metric.low <= recorded[f"val/{metric.name}"] <= metric.high for metric in metrics)


def test_a_name_is_found_with_its_part_and_without() -> None:
    known = registry.metric_of("test/fear/recall")
    assert known is not None
    assert known.title == "Fear recall"
    assert registry.metric_of("fear/recall") == known
    assert registry.metric_of("seconds") is None


def test_a_share_is_shown_in_percent_and_a_loss_as_it_is() -> None:
    assert shown("val/accuracy", 0.80254) == shown("accuracy", 0.80254) == "80.25 %"
    assert shown("test/happy/recall", 1.0) == "100.00 %"
    assert shown("val/log_loss", 0.56104) == "0.5610"
    assert shown("ece", 0.0312) == "0.0312"
    assert shown("val/accuracy", None) == "-"
