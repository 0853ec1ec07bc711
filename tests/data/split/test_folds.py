"""k-fold by group: nobody is in two folds, each image is tested once and validated once; a fold is a split."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fer_exp.campaign import Campaign, Settings
from fer_exp.campaign.folds import folds_asked, of_fold
from fer_exp.data.split.assign import assign
from fer_exp.data.split.by_group import groups_of
from fer_exp.data.split.info import Fold
from fer_exp.data.split.prepare import prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.holdout.sealed import open_test
from fer_exp.recipe import baseline_recipe
from fer_exp.system.errors import BadData
from tests.made_faces import grouped, lab, some_faces


@settings(max_examples=40, deadline=None)
@given(count=st.integers(60, 200), people=st.integers(12, 60), seed=st.integers(1, 1000), of=st.integers(3, 6))
def test_each_image_is_tested_once_and_validated_once_and_nobody_is_on_two_sides(
    count: int, people: int, seed: int, of: int
) -> None:
    faces = grouped(count, people, seed)
    groups = groups_of(faces)
    tested, validated = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for number in range(1, of + 1):
        split = assign(faces, Protocol.SUBJECT_KFOLD, seed, fold=Fold(number=number, of=of))
        sides = [set(groups[rows]) for rows in (split.train, split.validation, split.test)]
        assert sum(map(len, sides)) == len(set.union(*sides))
        assert len(split.train) + len(split.validation) + len(split.test) == count
        tested[split.test] += 1
        validated[split.validation] += 1
    assert set(tested) == set(validated) == {1}


def test_folds_are_of_one_size_and_share_the_classes() -> None:
    faces = grouped(2000, 200)
    for number in range(1, 6):
        split = assign(faces, Protocol.SUBJECT_KFOLD, 1, fold=Fold(number=number, of=5))
        assert len(split.test) == pytest.approx(400, abs=25)
        of_part = np.bincount(faces.labels[split.test], minlength=7) / len(split.test)
        assert of_part == pytest.approx(np.bincount(faces.labels, minlength=7) / 2000, abs=0.03)


def test_fewer_people_than_folds_and_no_people_are_refused() -> None:
    with pytest.raises(BadData, match="a subject or more for each of 12 folds, received") as caught:
        assign(grouped(60, 8), Protocol.SUBJECT_KFOLD, 1, fold=Fold(number=1, of=12))
    assert "fewer --folds" in caught.value.remedy
    with pytest.raises(BadData, match="expected groups of images for the protocol 'subject-kfold'"):
        assign(some_faces(60), Protocol.SUBJECT_KFOLD, 1)


@pytest.mark.parametrize(("number", "of"), [(0, 5), (6, 5), (1, 2), (1, 101)])
def test_a_fold_that_there_cannot_be_is_refused(number: int, of: int) -> None:
    with pytest.raises(ValidationError):
        Fold(number=number, of=of)
    with pytest.raises(ValidationError):
        Settings(protocol=Protocol.SUBJECT_KFOLD, folds=of, fold=number)


def test_a_fold_is_opened_as_it_was_split(tmp_path: Path) -> None:
    root = lab(tmp_path / "lab")
    lines = [f"{name}/{number}.png,{number}" for name in ("happy", "sad") for number in range(10)]
    (tmp_path / "who.csv").write_text("\n".join(["image,group", *lines]))
    settings = Settings.model_validate(
        {"protocol": "subject-kfold", "folds": 4, "reading": {"groups": str(tmp_path / "who.csv")}}
    )
    tested: list[int] = []
    for fold in folds_asked(settings):
        development = prepare(
            str(root),
            protocol=settings.protocol,
            seed=1,
            limit=None,
            cache=tmp_path / "cache",
            reading=settings.reading,
            fold=fold,
        )
        part = open_test(str(root), info=development.info, cache=tmp_path / "cache")
        assert development.info.split_title == f"subject-kfold, fold {fold.number} of 4"
        tested += part.rows.tolist()
    assert sorted(tested) == list(range(20))


def test_each_fold_is_a_campaign_of_its_own() -> None:
    settings = Settings(protocol=Protocol.SUBJECT_KFOLD, folds=3)
    assert [fold.number for fold in folds_asked(settings)] == [1, 2, 3]
    assert [fold.number for fold in folds_asked(settings.model_copy(update={"fold": 2}))] == [2]
    assert folds_asked(Settings()) == ()
    campaign = Campaign("ck", "Why?", lambda _: baseline_recipe(), settings)
    one, terms = of_fold(campaign, settings, Fold(number=2, of=3))
    assert one.name == "ck-fold-2-of-3"
    assert terms.test_fold == Fold(number=2, of=3)
