"""Opening the test part: what is scored, what the ledger says, and what counts as a copy."""

from pathlib import Path

import numpy as np
import pytest

from fer_exp.data.faces import Faces, Usage
from fer_exp.data.prepare import Development, prepare
from fer_exp.data.protocol import Protocol
from fer_exp.errors import BadData, NotFound
from fer_exp.files import whole_lines, write_atomically
from fer_exp.model import build, with_preprocessing
from fer_exp.opening import Opening, TestResult, open_and_evaluate
from fer_exp.recipe import baseline_recipe
from fer_exp.records import DATA, Record
from tests.made_faces import csv_of, some_faces
from tests.made_records import made_record, made_scores

COUNT = 420  # faces, about a third of each usage
TEST_ROWS = np.flatnonzero(some_faces(COUNT).usage == Usage.PRIVATE_TEST)
TEST = len(TEST_ROWS)
COPIES = 14  # test faces that training holds too
TINY = baseline_recipe().but(widths=(4,), last_width=8, head_widths=(8,), head_dropouts=(0.1,))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.keras"
    with_preprocessing(build(TINY, 1), TINY).save(path)
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Faces of which the first test ones are copies of the last training ones, and a row that is no face."""
    faces = some_faces(COUNT)
    images = faces.images.copy()
    training, test = (np.flatnonzero(faces.usage == usage) for usage in (Usage.TRAINING, Usage.PRIVATE_TEST))
    images[test[:COPIES]] = images[training[-COPIES:]]
    path = tmp_path_factory.mktemp("data") / "faces.csv"
    path.write_bytes(csv_of(Faces(images, faces.labels, faces.usage, "made", "made")) + b"9,1 2 3,Training\n")
    return str(path)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def development(source: str, cache: Path, limit: int | None = None) -> Development:
    return prepare(source, protocol=Protocol.OFFICIAL, seed=1, limit=limit, cache=cache, skip_bad_rows=True)


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return made_record(tmp_path / "made" / "trials", 1, made_scores(0.6))


def opened(record: Record, model: Path, source: str, cache: Path, limit: int | None = None) -> TestResult:
    info = development(source, cache, limit).info
    return open_and_evaluate(record.path.parent.parent, record, model, source, info, cache)


def ledger(record: Record) -> list[Opening]:
    return [Opening.from_json(line) for line in whole_lines(record.path.parent.parent / "ledger.jsonl")]


def test_the_test_part_is_scored_and_its_results_are_in_the_record(
    record: Record, model: Path, source: str, cache: Path
) -> None:
    result = opened(record, model, source, cache)
    assert result.scores.images == TEST
    scores = record.test_scores()
    assert scores["test/accuracy"] == pytest.approx(result.scores.accuracy)
    predictions = record.predictions("test/predictions.npz")
    assert predictions.probabilities.shape == (TEST, 7)
    assert np.array_equal(predictions.rows, TEST_ROWS)
    assert (record.path / "test" / "report.txt").exists()
    assert record.scores() == made_scores(0.6)  # validation's stay what they were


def test_copies_of_training_images_are_told_apart(record: Record, model: Path, source: str, cache: Path) -> None:
    result = opened(record, model, source, cache)
    assert result.copies == COPIES
    assert result.scores_without_copies is not None
    assert result.scores_without_copies.images == TEST - COPIES
    scores = record.test_scores()
    assert scores["test/copies"] == COPIES
    assert scores["test/accuracy_without_copies"] == pytest.approx(result.scores_without_copies.accuracy)


def test_copies_are_those_of_what_the_record_itself_was_trained_on(
    record: Record, model: Path, source: str, cache: Path
) -> None:
    few = opened(record, model, source, cache, limit=14).copies
    write_atomically(record.path / DATA, development(source, cache).info.to_json())
    assert few < opened(record, model, source, cache, limit=14).copies == COPIES


def test_every_look_is_a_line_of_the_ledger(record: Record, model: Path, source: str, cache: Path) -> None:
    assert [opened(record, model, source, cache).openings for _ in range(2)] == [1, 2]
    info = development(source, cache).info
    assert [(line.campaign, line.record, line.images) for line in ledger(record)] == [("made", "trials/0001", TEST)] * 2
    assert {(line.data_digest, line.protocol) for line in ledger(record)} == {(info.data_digest, "official")}


def test_a_look_that_crashed_was_a_look(
    record: Record, model: Path, source: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_arguments: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("fer_exp.opening.predict", crash)
        with pytest.raises(RuntimeError):
            opened(record, model, source, cache)
    assert len(ledger(record)) == 1
    assert record.test_scores() == {}


def test_a_torn_line_of_the_ledger_is_cut_off(record: Record, model: Path, source: str, cache: Path) -> None:
    opened(record, model, source, cache)
    with (record.path.parent.parent / "ledger.jsonl").open("a") as torn:
        torn.write('{"time_ms": 17')
    assert opened(record, model, source, cache).openings == 2
    assert len(ledger(record)) == 2


def test_other_data_or_no_model_open_nothing(
    record: Record, model: Path, source: str, cache: Path, tmp_path: Path
) -> None:
    info = development(source, cache).info
    folder = record.path.parent.parent
    with pytest.raises(BadData, match="expected the faces with digest"):
        open_and_evaluate(folder, record, model, "demo", info, cache)
    with pytest.raises(NotFound):
        open_and_evaluate(folder, record, tmp_path / "none.keras", source, info, cache)
    assert ledger(record) == []
    assert record.test_scores() == {}
