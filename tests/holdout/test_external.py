"""A model on another face set: classes by name, what is left out counted, a ledger line of its own."""

from pathlib import Path

import numpy as np
import pytest

from fer_exp.data.classes import FER2013, Classes
from fer_exp.data.reading import Reading
from fer_exp.data.split.info import DataInfo
from fer_exp.data.split.prepare import prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.holdout.external import among, evaluate_on
from fer_exp.holdout.ledger import EXTERNAL, all_openings
from fer_exp.holdout.result import ExternalResult
from fer_exp.model import build, with_preprocessing
from fer_exp.recipe import baseline_recipe
from fer_exp.records import Record
from fer_exp.system.errors import BadData, BadInput
from fer_exp.system.home import Home
from fer_exp.tracking.mapping import final_metrics
from tests.made_faces import csv_of, png_of, some_faces
from tests.made_records import made_record, made_scores

TINY = baseline_recipe().but(widths=(4,), last_width=8, head_widths=(8,), head_dropouts=(0.1,))
FACES = some_faces(60)
SHOWN = ("anger", "contempt", "happiness", "bored")  # two that a model of FER2013 knows


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    for seed in (1, 2):
        with_preprocessing(build(TINY, seed), TINY).save(folder / f"{seed}.keras")
    return [folder / "1.keras", folder / "2.keras"]


@pytest.fixture
def info(tmp_path: Path) -> DataInfo:
    (tmp_path / "faces.csv").write_bytes(csv_of(FACES))
    return prepare(
        str(tmp_path / "faces.csv"), protocol=Protocol.OFFICIAL, seed=1, limit=None, cache=tmp_path / "cache"
    ).info


@pytest.fixture
def other(tmp_path: Path) -> str:
    """Six images of each of four classes, named as CK+48 names them: two people."""
    for place, name in enumerate(SHOWN):
        folder = tmp_path / "Other Set" / name
        folder.mkdir(parents=True)
        for number in range(6):
            file = f"S{number % 2 + 1:03}_{place:03}_{number:08}.png"
            (folder / file).write_bytes(png_of(FACES.images[place * 6 + number]))
    return str(tmp_path / "Other Set")


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return made_record(tmp_path / "campaigns" / "made" / "trials", 1, made_scores(0.6))


ASKED = Reading(classes={"bored": "bored"})


def on(
    record: Record, model: Path, source: str, info: DataInfo, asked: Reading = ASKED, again: str = ""
) -> ExternalResult:
    return evaluate_on(Home(record.path.parents[3]), record, model, source, info, asked, again=again)


def test_the_model_chooses_among_the_classes_that_both_know(
    record: Record, models: list[Path], other: str, info: DataInfo
) -> None:
    result = on(record, models[0], other, info)
    assert result.scores.classes.names == ("angry", "happy")
    assert result.scores.images == 12
    assert result.left_out == {"contempt": 6, "bored": 6}
    assert set(result.unused) == set(FER2013.names) - {"angry", "happy"}
    stored = record.predictions("external/other-set/predictions.npz")
    assert stored.labels.tolist() == [0] * 6 + [1] * 6
    assert stored.groups is not None
    assert len(set(stored.groups.tolist())) == 2
    assert stored.probabilities.sum(axis=1) == pytest.approx(np.ones(12), abs=1e-6)


def test_probabilities_are_those_that_are_left_when_the_others_are_ruled_out() -> None:
    said = np.array([[0.1, 0.0, 0.0, 0.3, 0.6, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]], np.float32)
    found = among(said, FER2013, Classes(("happy", "angry")))
    assert found == pytest.approx(np.array([[0.75, 0.25], [0.5, 0.5]]), abs=1e-6)


def test_results_stand_in_the_record_and_among_what_mlflow_shows(
    record: Record, models: list[Path], other: str, info: DataInfo
) -> None:
    before = record.scores()
    result = on(record, models[0], other, info)
    found = record.external_scores()
    assert found["external/other-set/accuracy"] == result.scores.accuracy
    assert found["external/other-set/accuracy_error"] == result.error
    assert record.scores() == before
    assert not record.test_scores()
    shown = {metric.key: metric.value for metric in final_metrics(record.read())}
    assert shown["external/other-set/accuracy"] == result.scores.accuracy


def test_a_look_at_another_set_is_a_line_of_its_own_and_a_second_model_needs_a_reason(
    record: Record, models: list[Path], other: str, info: DataInfo
) -> None:
    on(record, models[0], other, info)
    (line,) = all_openings(Home(record.path.parents[3]))
    assert (line.protocol, line.images) == (EXTERNAL, 12)
    assert line.data_digest != info.data_digest
    on(record, models[0], other, info)
    another = made_record(record.path.parent, 2, made_scores(0.6))
    with pytest.raises(BadInput, match="is another model"):
        on(another, models[1], other, info)
    assert on(another, models[1], other, info, again="to see").looks.models == 2


def test_the_same_data_and_sets_without_shared_classes_are_refused(
    record: Record, models: list[Path], other: str, info: DataInfo
) -> None:
    with pytest.raises(BadData, match="another set than the model was trained on"):
        on(record, models[0], info.path, info, Reading())
    with pytest.raises(BadData, match="two classes or more that the model knows"):
        on(record, models[0], other, info, Reading(classes={"bored": "bored"}, drop=("angry",)))
    assert not all_openings(Home(record.path.parents[3]))


def test_sizes_are_the_model_s(record: Record, models: list[Path], other: str, info: DataInfo) -> None:
    """A set that is asked for at another side comes at the model's all the same."""
    result = on(record, models[0], other, info, Reading(classes={"bored": "bored"}, side=96))
    assert result.scores.images == 12
