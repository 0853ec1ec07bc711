"""Opening the test part: what is scored, what the ledger says, and what counts as a copy."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fer_exp.data.faces import Faces, Usage
from fer_exp.data.reading import Reading
from fer_exp.data.split.prepare import Development, prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.holdout.evaluate import open_and_evaluate
from fer_exp.holdout.gap import GAP, Gap
from fer_exp.holdout.ledger import LEDGER, Opening, all_openings, write_down
from fer_exp.holdout.result import TestResult
from fer_exp.metrics.calibration import CALIBRATION, Calibration, calibration_at, fit_temperature
from fer_exp.metrics.scores import Scores
from fer_exp.model import build, load_model, with_preprocessing, with_temperature
from fer_exp.recipe import baseline_recipe
from fer_exp.records import DATA, Predictions, Record
from fer_exp.system.errors import BadData, BadInput, BadRecord, NotFound
from fer_exp.system.files import whole_lines, write_atomically
from fer_exp.system.home import Home
from tests.made_faces import csv_of, some_faces
from tests.made_records import made_predictions, made_record, made_scores

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
    return prepare(
        source, protocol=Protocol.OFFICIAL, seed=1, limit=limit, cache=cache, reading=Reading(skip_bad_rows=True)
    )


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return made_record(tmp_path / "campaigns" / "made" / "trials", 1, made_scores(0.6))


def opened(
    record: Record, model: Path, source: str, cache: Path, limit: int | None = None, again: str = ""
) -> TestResult:
    info = development(source, cache, limit).info
    return open_and_evaluate(Home(cache.parent), record, model, source, info, again=again)


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


# -- calibration


def test_a_record_without_calibration_gets_the_temperature_that_its_stored_predictions_ask_for(
    record: Record, model: Path, source: str, cache: Path
) -> None:
    assert opened(record, model, source, cache).calibration is None  # it holds no predictions either
    known = made_predictions(300)
    record.write_predictions(known)
    result = opened(record, model, source, cache)
    calibration = result.calibration
    assert calibration is not None
    assert calibration.temperature == fit_temperature(known.labels, known.probabilities)
    assert (calibration.applied, calibration.images) == (False, TEST)
    assert (calibration.before.log_loss, calibration.before.ece) == (result.scores.log_loss, result.scores.ece)
    assert record.test_scores()["test/temperature"] == calibration.temperature
    assert record.test_scores()["test/copies"] == COPIES
    assert Calibration.read(record.path / "test" / "calibration.json") == calibration
    assert "comes from validation" in (record.path / "test" / "report.txt").read_text()
    assert not (record.path / "calibration.json").exists()  # validation's stays what it was


@pytest.fixture
def calibrated(record: Record) -> Record:
    """The same record, of a recipe whose model applies a temperature."""
    spec = record.spec()
    changed = spec.model_copy(update={"recipe": spec.recipe.but(calibrate=True)})
    write_atomically(record.path / "trial.json", changed.to_json())
    return record


def test_what_a_calibrated_model_would_have_said_without_its_temperature_is_told_without_asking_it_again(
    calibrated: Record, model: Path, source: str, cache: Path, tmp_path: Path
) -> None:
    plain = opened_plainly(calibrated, model, source, cache)
    known = made_predictions(300)
    temperature = 2.0
    on_validation = calibration_at(known.labels, known.probabilities, temperature, applied=True)
    write_atomically(calibrated.path / "calibration.json", on_validation.to_json())
    warm = tmp_path / "model.keras"
    with_temperature(load_model(model), temperature).save(warm)
    result = opened(calibrated, warm, source, cache, again="with its temperature")
    calibration = result.calibration
    assert calibration is not None
    assert (calibration.temperature, calibration.applied) == (temperature, True)
    assert calibration.before.log_loss == pytest.approx(plain.log_loss, abs=1e-6)
    assert calibration.after.log_loss == pytest.approx(result.scores.log_loss, abs=1e-6)
    assert abs(calibration.before.log_loss - calibration.after.log_loss) > 1e-4
    assert result.scores.accuracy == calibration.accuracy == plain.accuracy
    assert calibration.before.log_loss != on_validation.before.log_loss


def opened_plainly(record: Record, model: Path, source: str, cache: Path) -> Scores:
    """What the model says of the test part, by a record beside this one that knows of no calibration."""
    other = made_record(record.path.parent, 2, made_scores(0.6))
    return opened(other, model, source, cache).scores


def test_a_calibrated_model_whose_temperature_is_lost_opens_nothing(
    calibrated: Record, model: Path, source: str, cache: Path
) -> None:
    with pytest.raises(BadRecord, match="expected the temperature"):
        opened(calibrated, model, source, cache)
    assert ledger(calibrated) == []
    assert not (calibrated.path / "test").exists()


# -- copies and the ledger


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
    assert [len(opened(record, model, source, cache).looks.openings) for _ in range(2)] == [1, 2]
    info = development(source, cache).info
    assert [(line.campaign, line.record, line.images) for line in ledger(record)] == [("made", "trials/0001", TEST)] * 2
    assert {(line.data_digest, line.protocol) for line in ledger(record)} == {(info.data_digest, "official")}


def test_a_look_that_crashed_was_a_look(
    record: Record, model: Path, source: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_arguments: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("fer_exp.holdout.evaluate.predict", crash)
        with pytest.raises(RuntimeError):
            opened(record, model, source, cache)
    assert len(ledger(record)) == 1
    assert record.test_scores() == {}


def test_a_torn_line_of_the_ledger_is_cut_off(record: Record, model: Path, source: str, cache: Path) -> None:
    opened(record, model, source, cache)
    with (record.path.parent.parent / "ledger.jsonl").open("a") as torn:
        torn.write('{"time_ms": 17')
    assert len(opened(record, model, source, cache).looks.openings) == 2
    assert len(ledger(record)) == 2


def test_another_model_than_the_recorded_one_opens_nothing(
    record: Record, model: Path, source: str, cache: Path
) -> None:
    assert not opened(record, model, source, cache).vouched  # ended without a model, as all did before digests
    record.model.write_bytes(model.read_bytes())
    outcome = record.outcome()
    assert outcome is not None
    record.end(outcome)
    assert opened(record, model, source, cache).vouched
    record.model.write_bytes(model.read_bytes() + b"more")
    with pytest.raises(BadRecord, match="expected the model that 0001 recorded"):
        opened(record, record.model, source, cache)
    assert len(ledger(record)) == 2


def test_other_data_or_no_model_open_nothing(
    record: Record, model: Path, source: str, cache: Path, tmp_path: Path
) -> None:
    info = development(source, cache).info
    home = Home(tmp_path)
    with pytest.raises(BadData, match="expected the faces with digest"):
        open_and_evaluate(home, record, model, "demo", info)
    with pytest.raises(NotFound):
        open_and_evaluate(home, record, tmp_path / "none.keras", source, info)
    assert ledger(record) == []
    assert record.test_scores() == {}


# -- another model


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("other") / "model.keras"
    with_preprocessing(build(TINY, 2), TINY).save(path)
    return path


def test_another_model_is_opened_only_for_a_reason_which_is_written_down(
    record: Record, model: Path, other: Path, source: str, cache: Path
) -> None:
    opened(record, model, source, cache)
    before = {path: path.read_bytes() for path in record.path.parents[1].rglob("*") if path.is_file()}
    with pytest.raises(BadInput, match=r"opened for made/trials/0001 on 20\d\d-\d\d-\d\d already") as refusal:
        opened(record, other, source, cache)
    assert "--again" in refusal.value.remedy
    assert {path: path.read_bytes() for path in record.path.parents[1].rglob("*") if path.is_file()} == before
    result = opened(record, other, source, cache, again="the first was trained on the wrong data")
    assert (len(result.looks.openings), result.looks.models) == (2, 2)
    assert [line.reason for line in ledger(record)] == ["", "the first was trained on the wrong data"]
    assert record.test_scores()["test/openings"] == 2


def test_the_same_model_may_be_looked_at_again(record: Record, model: Path, source: str, cache: Path) -> None:
    opened(record, model, source, cache)
    assert opened(record, model, source, cache).looks.models == 1


def test_a_model_opened_before_may_be_looked_at_again_after_another_was_opened_with_a_reason(
    record: Record, model: Path, other: Path, source: str, cache: Path
) -> None:
    opened(record, model, source, cache)
    opened(record, other, source, cache, again="another architecture")
    for file in (model, other):
        assert opened(record, file, source, cache).looks.models == 2


def test_a_second_campaign_is_a_second_look_at_the_same_test_part(
    record: Record, model: Path, other: Path, source: str, cache: Path
) -> None:
    opened(record, model, source, cache)
    elsewhere = made_record(cache.parent / "campaigns" / "more" / "trials", 4, made_scores(0.6))
    with pytest.raises(BadInput, match=r"opened for made/trials/0001 on .* and more/trials/0004 is another model"):
        opened(elsewhere, other, source, cache)
    assert not (elsewhere.path / "test").exists()
    looks = opened(elsewhere, other, source, cache, again="another question").looks
    assert str(looks) == "opened 2 times, for 2 models, by campaigns made, more"
    shutil.rmtree(record.path.parents[1])  # what was looked at stays so when the campaign is deleted
    assert len(opened(elsewhere, other, source, cache).looks.openings) == 3


def test_another_test_part_is_another_matter(
    record: Record, model: Path, other: Path, source: str, cache: Path
) -> None:
    opened(record, model, source, cache)
    info = prepare(
        source, protocol=Protocol.STRATIFIED, seed=1, limit=None, cache=cache, reading=Reading(skip_bad_rows=True)
    ).info
    result = open_and_evaluate(Home(cache.parent), record, other, source, info)
    assert (len(result.looks.openings), result.looks.models) == (1, 1)


def test_of_two_that_come_at_once_one_is_refused(tmp_path: Path) -> None:
    """Both had read the ledger before either had written its line."""
    home = Home(tmp_path)
    lines = [
        Opening(
            time_ms=n,
            campaign="made",
            record=f"trials/{n}",
            data_digest="d",
            protocol="official",
            images=3,
            model=f"{n}",
        )
        for n in range(6)
    ]

    def write(line: Opening) -> bool:
        try:
            write_down(home, line)
        except BadInput:
            return False
        return True

    with ThreadPoolExecutor(len(lines)) as threads:
        passed = list(threads.map(write, lines))
    assert passed.count(True) == 1
    assert [line.model for line in all_openings(home)] == [str(passed.index(True))]


def test_a_ledger_line_of_an_earlier_version_counts_by_its_record(
    record: Record, model: Path, source: str, cache: Path
) -> None:
    opened(record, model, source, cache)
    ledger_file = record.path.parents[1] / LEDGER
    home = Home(cache.parent)
    home.ledger.unlink()  # earlier versions had none
    old = json.loads(ledger_file.read_text())
    del old["model"], old["reason"], old["crc32"], old["test_digest"]
    ledger_file.write_text(json.dumps(old) + "\n")
    assert len(opened(record, model, source, cache).looks.openings) == 2
    ledger_file.write_text(json.dumps(old | {"record": "trials/0007"}) + "\n")
    home.ledger.unlink()
    with pytest.raises(BadInput, match="opened for made/trials/0007"):
        opened(record, model, source, cache)


def test_a_damaged_ledger_opens_nothing(record: Record, model: Path, source: str, cache: Path) -> None:
    write_atomically(record.path.parents[1] / "ledger.jsonl", "rubbish\n")
    with pytest.raises(BadRecord, match="expected a line for each opening"):
        opened(record, model, source, cache)
    assert record.test_scores() == {}


# -- validation beside it


def test_validation_stands_beside_test_with_its_copies_counted(
    record: Record, model: Path, source: str, cache: Path
) -> None:
    split = development(source, cache).validation(clahe=False)
    probabilities = np.eye(7, dtype=np.float32)[np.zeros(len(split), np.int64)]  # every face is taken for angry
    record.write_predictions(Predictions(split.labels, probabilities, split.rows))
    gap = opened(record, model, source, cache).gap
    assert gap == Gap.read(record.path / GAP)
    assert gap is not None
    assert gap.validation.accuracy == pytest.approx((split.labels == 0).mean())
    training = {image.tobytes() for image in development(source, cache).train(clahe=False).images}
    assert gap.validation.copies == sum(image.tobytes() in training for image in split.images)
    assert (gap.test.images, gap.test.copies) == (TEST, COPIES)
    for stored in (record.path / GAP, record.path / "test" / CALIBRATION):
        assert '"crc32"' in stored.read_text()
    assert record.test_scores()["test/gap"] == pytest.approx(gap.validation.accuracy - gap.test.accuracy)
    assert not gap.reproduces_reference


def test_validation_results_of_other_rows_are_not_compared(
    record: Record, model: Path, source: str, cache: Path
) -> None:
    split = development(source, cache).validation(clahe=False)
    probabilities = np.eye(7, dtype=np.float32)[split.labels]
    record.write_predictions(Predictions(split.labels, probabilities, split.rows[::-1].copy()))
    assert opened(record, model, source, cache).gap is None
    assert "test/gap" not in record.test_scores()


def test_damaged_validation_results_are_told_before_anything_is_opened(
    record: Record, model: Path, source: str, cache: Path
) -> None:
    """Else the gap would be missing from the report, and nobody would know why."""
    known = made_predictions(300)
    write_atomically(
        record.path / "calibration.json",
        calibration_at(known.labels, known.probabilities, 1.0, applied=False).to_json(),
    )
    write_atomically(record.path / "predictions.npz", b"rubbish")
    with pytest.raises(BadRecord, match=r"predictions.npz: expected stored predictions"):
        opened(record, model, source, cache)
    assert ledger(record) == []
    assert record.test_scores() == {}
