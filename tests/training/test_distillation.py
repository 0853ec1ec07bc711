"""A pupil's targets are the shares that its recipe says, of a teacher that was asked once, and survive any cut."""

from pathlib import Path

import numpy as np
import pytest

from fer_exp.data.split.prepare import Development
from fer_exp.metrics.temperature import tempered
from fer_exp.model import build, load_model, predict, with_preprocessing
from fer_exp.records import Record
from fer_exp.records.digest import TEACHER_MODEL
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import sha256_of
from fer_exp.training import distillation
from fer_exp.training.distillation import distilled
from fer_exp.training.refusals import ImpossibleRecipe
from tests.trainings import TINY, demo_development, new_record, same, train_in_pieces, train_through

PUPIL = TINY.but(distillation=0.4, distillation_temperature=2.0, mixup=0.2)
TEACHER = TINY.but(clahe=True)


@pytest.fixture
def development(tmp_path: Path) -> Development:
    return demo_development(tmp_path / "cache", 70)


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    path = tmp_path / "any.keras"
    with_preprocessing(build(TEACHER, 5), TEACHER).save(path)
    return path


def pupil(folder: Path, teacher: Path, recipe: object = PUPIL) -> Record:
    record = new_record(folder, recipe, teacher=sha256_of(teacher))  # type: ignore[arg-type]  # a Recipe
    (record.path / TEACHER_MODEL).write_bytes(teacher.read_bytes())
    return record


def kept(development: Development) -> list[Path]:
    return list(development.folder.glob("train-teacher-*.npy"))


def test_targets_are_label_and_teacher_by_their_shares(development: Development, teacher: Path, tmp_path: Path) -> None:
    record = pupil(tmp_path / "0001", teacher)
    part = development.train(clahe=False)
    found = distilled(record, development, None, part.labels)
    said = predict(load_model(teacher), part.images)  # raw faces: the teacher equalises them itself
    expected = 0.6 * np.eye(7)[part.labels] + 0.4 * tempered(said, 2.0)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert found.dtype == np.float32
    assert np.ptp(said, axis=0).max() > 1e-3  # it says different things of different faces


def test_votes_take_the_labels_place_beside_a_teacher(development: Development, teacher: Path, tmp_path: Path) -> None:
    record = pupil(tmp_path / "0001", teacher, PUPIL.but(distillation_temperature=1.0))
    labels = development.train(clahe=False).labels
    votes = np.full((len(labels), 7), 1 / 7, np.float32)
    with_votes, with_labels = (distilled(record, development, own, labels) for own in (votes, None))
    np.testing.assert_allclose(with_labels - with_votes, 0.6 * (np.eye(7)[labels] - 1 / 7), atol=1e-6)


def test_a_teacher_is_asked_once_for_a_training_part(
    development: Development, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = development.train(clahe=False).labels
    first = distilled(pupil(tmp_path / "0001", teacher), development, None, labels)
    assert [path.name for path in kept(development)] == [f"train-teacher-{sha256_of(teacher)[:16]}.npy"]
    with monkeypatch.context() as patch:
        patch.setattr(distillation, "predict", lambda *_: pytest.fail("it was asked again"))
        np.testing.assert_array_equal(distilled(pupil(tmp_path / "0002", teacher), development, None, labels), first)
    kept(development)[0].write_bytes(b"damaged")
    np.testing.assert_array_equal(distilled(pupil(tmp_path / "0003", teacher), development, None, labels), first)


def test_a_pupil_without_a_teacher_or_with_another_one_is_refused(
    development: Development, teacher: Path, tmp_path: Path
) -> None:
    with pytest.raises(ImpossibleRecipe, match=r"this campaign names none: Settings\(teacher="):
        train_through(new_record(tmp_path / "0001", PUPIL), development)
    record = pupil(tmp_path / "0002", teacher)
    (record.path / TEACHER_MODEL).write_bytes(b"another model")
    with pytest.raises(BadRecord, match="received another one"):
        train_through(record, development)
    (record.path / TEACHER_MODEL).unlink()
    with pytest.raises(BadRecord, match="the training is to learn from it"):
        train_through(record, development)
    assert kept(development) == []


def test_a_training_that_was_cut_off_ends_with_the_same_bits(
    development: Development, teacher: Path, tmp_path: Path
) -> None:
    whole = train_through(pupil(tmp_path / "whole" / "0001", teacher), development)
    kept(development)[0].unlink()  # so that the other one asks the teacher anew, in its first piece alone
    pieces = train_in_pieces(pupil(tmp_path / "pieces" / "0001", teacher), development, [1, 2])
    assert same(whole, pieces)
    untaught = train_through(new_record(tmp_path / "alone" / "0001", PUPIL.but(distillation=0.0)), development)
    assert not same(whole, untaught)
