"""Nobody is on two sides of a split; classes are shared out as evenly as whole groups allow; leaks are said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_exp.data.reading import Reading
from fer_exp.data.sources.read import read_faces
from fer_exp.data.split.assign import assign
from fer_exp.data.split.by_group import groups_of, joined, shared_out
from fer_exp.data.split.prepare import prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.holdout.sealed import open_test
from fer_exp.system.errors import BadData
from tests.commands import done
from tests.made_faces import grouped, lab, png_of, some_faces


@settings(max_examples=60, deadline=None)
@given(count=st.integers(60, 200), people=st.integers(8, 60), seed=st.integers(1, 1000), twins=st.booleans())
def test_no_group_and_no_copy_is_on_two_sides(count: int, people: int, seed: int, twins: bool) -> None:
    faces = grouped(count, people, seed)
    if twins:  # the same picture under two people
        images = faces.images.copy()
        images[1], images[5] = images[0], images[4]
        faces = replace(faces, images=images)
    split = assign(faces, Protocol.GROUPED, seed)
    groups = groups_of(faces)
    sides = [set(groups[rows]) for rows in (split.train, split.validation, split.test)]
    assert sum(map(len, sides)) == len(set.union(*sides))
    assert sorted(np.concatenate([split.train, split.validation, split.test])) == list(range(count))
    again = assign(faces, Protocol.GROUPED, seed)
    assert np.array_equal(split.train, again.train)


def test_parts_have_their_size_and_every_class() -> None:
    faces = grouped(3000, 120)
    split = assign(faces, Protocol.GROUPED, 1)
    shares = [len(rows) / len(faces) for rows in (split.train, split.validation, split.test)]
    assert shares == pytest.approx([0.70, 0.15, 0.15], abs=0.02)
    for rows in (split.train, split.validation, split.test):
        of_part = np.bincount(faces.labels[rows], minlength=7) / len(rows)
        assert of_part == pytest.approx(np.bincount(faces.labels, minlength=7) / len(faces), abs=0.04)


def test_another_seed_draws_another_split() -> None:
    faces = grouped(600, 60)
    assert not np.array_equal(assign(faces, Protocol.GROUPED, 1).test, assign(faces, Protocol.GROUPED, 2).test)


def test_groups_that_share_a_copy_are_one() -> None:
    assert joined(np.array([0, 1, 1, 2, 3]), np.array([7, 7, 8, 9, 9])).tolist() == [0, 0, 0, 1, 1]


def test_one_large_group_goes_to_training_and_leaves_the_rest_a_part() -> None:
    labels = np.zeros(100, np.uint8)
    groups = np.array([0] * 70 + list(range(1, 31)))
    parts = shared_out(labels, groups, (0.7, 0.15, 0.15), 1)
    assert set(parts[:70]) == {0}
    assert np.bincount(parts).tolist() == [70, 15, 15]


def test_without_groups_the_protocol_is_refused_with_the_way_out() -> None:
    with pytest.raises(BadData, match="expected groups of images") as caught:
        assign(some_faces(60), Protocol.GROUPED, 1)
    assert "--groups FILE" in caught.value.remedy


def test_validation_that_is_carved_out_of_training_keeps_people_whole() -> None:
    faces = grouped(400, 40)
    split = assign(faces, Protocol.OFFICIAL, 1)
    assert faces.groups is not None
    assert not set(faces.groups[split.train]) & set(faces.groups[split.validation])


def test_a_split_that_knows_no_groups_says_how_many_siblings_training_has() -> None:
    faces = grouped(400, 40)
    notes = assign(faces, Protocol.STRATIFIED, 1).notes
    assert any("of 60 test images (100 %) show a subject that training shows too" in note for note in notes)
    assert not any("too high" in note for note in assign(faces, Protocol.GROUPED, 1).notes)


# -- groups of the user's


def test_a_user_s_file_names_the_groups_by_path_or_by_name(tmp_path: Path) -> None:
    root = lab(tmp_path / "lab")
    lines = [f"{name}/{number}.png,{number // 2}" for name in ("happy", "sad") for number in range(10)]
    (tmp_path / "who.csv").write_text("\n".join(["image,group", *lines]))
    faces = read_faces(root, Reading(groups=str(tmp_path / "who.csv")))
    assert faces.grouped_by == "group"
    assert faces.groups is not None
    assert faces.groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4] * 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("image,group\nhappy/0.png,a\n", "a group for each of 20 images, received none for 19"),
        ("file,who\nhappy/0.png,a\n", "a header with the columns image and group"),
        ("image,group\nhappy/0.png,a\nhappy/0.png,b\n", "is in two groups, a and b"),
        ("image,group\nhappy/0.png\n", "row 1: expected an image and a group"),
        ("", "received an empty file"),
    ],
)
def test_a_file_of_groups_that_is_none_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "who.csv").write_text(text)
    with pytest.raises(BadData, match=problem):
        read_faces(lab(tmp_path / "lab"), Reading(groups=str(tmp_path / "who.csv")))


def test_other_groups_make_another_split_of_the_same_faces(tmp_path: Path) -> None:
    root, found = lab(tmp_path / "lab"), []
    for size in (2, 5):
        lines = [f"{name}/{number}.png,{number // size}" for name in ("happy", "sad") for number in range(10)]
        (tmp_path / f"{size}.csv").write_text("\n".join(["image,group", *lines]))
        reading = Reading(groups=str(tmp_path / f"{size}.csv"))
        terms = {"seed": 1, "limit": None, "cache": tmp_path / "cache", "reading": reading}
        found.append(prepare(str(root), protocol=Protocol.OFFICIAL, **terms).info)  # type: ignore[arg-type]  # one dict
    assert found[0].data_digest == found[1].data_digest
    assert (found[0].groups, found[1].groups) == (5, 2)
    assert found[0].split_digest != found[1].split_digest


@pytest.mark.usefixtures("home")
def test_data_check_says_who_is_shown_and_what_a_random_split_is_worth(tmp_path: Path) -> None:
    root = tmp_path / "CK+48"
    for place, name in enumerate(("anger", "happy")):
        (root / name).mkdir(parents=True)
        for number in range(24):
            file = f"S{number // 6 + 1:03}_{place:03}_{number:08}.png"
            (root / name / file).write_bytes(png_of(some_faces(60).images[place * 24 + number]))
    told = done("data", "check", root)
    assert "2 classes, 48x48 pixels grey, 4 subjects" in told
    assert "of a subject that training shows too: use --protocol grouped." in told


def test_a_grouped_folder_holds_no_test_face_and_opens_as_it_was_split(tmp_path: Path) -> None:
    root = lab(tmp_path / "lab")
    lines = [f"{name}/{number}.png,{name}{number // 2}" for name in ("happy", "sad") for number in range(10)]
    (tmp_path / "who.csv").write_text("\n".join(["image,group", *lines]))
    reading = Reading(groups=str(tmp_path / "who.csv"))
    cache = tmp_path / "cache"
    development = prepare(str(root), protocol=Protocol.GROUPED, seed=1, limit=None, cache=cache, reading=reading)
    part = open_test(str(root), info=development.info, cache=cache)
    train, validation = development.train(clahe=False), development.validation(clahe=False)
    faces = read_faces(root, reading)
    assert faces.groups is not None
    sides = [set(faces.groups[rows].tolist()) for rows in (train.rows, validation.rows, part.rows)]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 10
    stored = {file.read_bytes() for file in development.folder.glob("*-images.npy")}
    assert not any(image.tobytes() in content for image in part.images for content in stored)
    assert development.info.groups == 10
    assert development.info.grouped_by == "group"
