"""Protocols: every row on one side, copies of an image together, the reference's leak reproduced and measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fer_exp.data.faces import Faces, Usage
from fer_exp.data.sources.read import read_faces
from fer_exp.data.split.assign import Assignment, assign, leak_share
from fer_exp.data.split.by_group import image_groups
from fer_exp.data.split.protocol import Protocol
from fer_exp.system.errors import BadData, BadInput


@pytest.fixture(scope="module")
def real(fer2013: Path) -> Faces:
    return read_faces(fer2013 / "fer2013.parquet")


def faces_of(numbers: list[int], labels: list[int] | None = None, usage: list[int] | None = None) -> Faces:
    """Faces of which two with the same number are exact copies."""
    images = np.zeros((len(numbers), 48, 48), np.uint8)
    images[:, 0, 0] = np.array(numbers) % 256
    images[:, 47, 47] = np.array(numbers) // 256
    of_row = np.arange(len(numbers)) % 7 if labels is None else np.array(labels)
    parts = np.zeros(len(numbers)) if usage is None else np.array(usage)
    return Faces(images, of_row.astype(np.uint8), parts.astype(np.uint8), "made by hand", "csv")


def parts_of(assignment: Assignment) -> tuple[NDArray[np.int64], ...]:
    return assignment.train, assignment.validation, assignment.test


def shared(faces: Faces, one: NDArray[np.int64], other: NDArray[np.int64]) -> int:
    """How many rows of `one` have a copy in `other`."""
    groups = image_groups(faces.images)
    return int(np.isin(groups[one], groups[other]).sum())


def test_official_follows_usage() -> None:
    faces = faces_of(list(range(60)), usage=[0, 0, 1, 2] * 15)
    assignment = assign(faces, Protocol.OFFICIAL, seed=1)
    for part, usage in zip(parts_of(assignment), Usage, strict=True):
        np.testing.assert_array_equal(part, np.flatnonzero(faces.usage == usage))
    assert assignment.notes == ()


def test_official_without_public_test_carves_validation_from_training_and_says_so() -> None:
    faces = faces_of([n // 2 for n in range(1600)], labels=[n // 2 % 7 for n in range(1600)], usage=[0, 0] * 800)
    assignment = assign(faces, Protocol.OFFICIAL, seed=1)
    assert len(assignment.validation) == pytest.approx(200, abs=7)
    assert np.bincount(faces.labels[assignment.validation]).min() > 20
    assert leak_share(faces, assignment) == 0
    assert "no PublicTest rows" in assignment.notes[0]
    assert "no test part" in assignment.notes[1]
    assert len(assignment.test) == 0


def test_official_needs_training_rows() -> None:
    with pytest.raises(BadData, match="expected rows with Usage Training, received none among 30"):
        assign(faces_of(list(range(30)), usage=[1, 2] * 15), Protocol.OFFICIAL, seed=1)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6)), max_size=150),
    seed=st.integers(0, 2**32),
)
def test_stratified_puts_every_row_on_one_side_and_copies_of_an_image_on_the_same(
    rows: list[tuple[int, int]], seed: int
) -> None:
    rows = rows + [(100 + n, n % 7) for n in range(21)]  # three images of each class, so that a split is possible
    faces = faces_of([number for number, _ in rows], [label for _, label in rows])  # copies may differ in label
    assignment = assign(faces, Protocol.STRATIFIED, seed)
    train, validation, test = parts_of(assignment)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, validation, test])), np.arange(len(faces)))
    assert shared(faces, validation, train) == shared(faces, test, train) == shared(faces, test, validation) == 0
    assert not assignment.oversampled


def test_stratified_keeps_shares_and_class_proportions_and_depends_on_the_seed() -> None:
    faces = faces_of(list(range(7000)))
    assignment = assign(faces, Protocol.STRATIFIED, seed=1)
    for part, share in zip(parts_of(assignment), (0.70, 0.15, 0.15), strict=True):
        assert np.bincount(faces.labels[part]) == pytest.approx(np.full(7, share * 1000), abs=1)
    again, other = (assign(faces, Protocol.STRATIFIED, seed).test for seed in (1, 2))
    np.testing.assert_array_equal(assignment.test, again)
    assert not np.array_equal(assignment.test, other)


def test_too_few_faces_are_refused_in_words() -> None:
    with pytest.raises(BadData, match="expected faces enough for training and validation"):
        assign(faces_of([1, 2, 3]), Protocol.STRATIFIED, seed=1)
    with pytest.raises(BadData, match="expected enough faces of each expression"):
        assign(faces_of([1, 2, 3]), Protocol.REFERENCE, seed=1)


@settings(max_examples=40, deadline=None)
@given(labels=st.lists(st.integers(0, 6), min_size=60, max_size=200), limit=st.integers(7, 250))
def test_a_limit_keeps_that_many_training_images_in_proportion_and_each_class(labels: list[int], limit: int) -> None:
    faces = faces_of(list(range(len(labels))), labels)
    whole = assign(faces, Protocol.STRATIFIED, seed=1)
    limited = assign(faces, Protocol.STRATIFIED, seed=1, limit=limit)
    assert len(limited.train) == min(limit, len(whole.train))
    assert set(limited.train) <= set(whole.train)
    np.testing.assert_array_equal(limited.validation, whole.validation)
    np.testing.assert_array_equal(limited.test, whole.test)
    before, after = (
        np.bincount(labels_of, minlength=7) for labels_of in (faces.labels[whole.train], faces.labels[limited.train])
    )
    np.testing.assert_array_equal(after > 0, before > 0)
    assert after == pytest.approx(np.maximum(before * len(limited.train) / len(whole.train), before > 0), abs=6)


def test_a_limit_below_seven_is_refused() -> None:
    with pytest.raises(BadInput, match="at least 7 training images, one for each expression, received 6"):
        assign(faces_of(list(range(100))), Protocol.STRATIFIED, seed=1, limit=6)


def test_the_official_split_of_fer2013_has_280_copied_validation_faces(real: Faces) -> None:
    assignment = assign(real, Protocol.OFFICIAL, seed=1)
    assert [len(part) for part in parts_of(assignment)] == [28_709, 3_589, 3_589]
    assert leak_share(real, assignment) == pytest.approx(280 / 3_589)
    assert shared(real, assignment.test, assignment.train) == 288


def test_the_stratified_split_of_fer2013_has_no_copies_across_parts(real: Faces) -> None:
    assignment = assign(real, Protocol.STRATIFIED, seed=1)
    train, validation, test = parts_of(assignment)
    assert leak_share(real, assignment) == 0
    assert shared(real, test, train) == shared(real, test, validation) == 0
    assert len(validation) / len(real) == pytest.approx(0.15, abs=0.003)
    assert len(test) / len(real) == pytest.approx(0.15, abs=0.003)
    assert sum(map(len, (train, validation, test))) == len(real)


def test_the_reference_split_of_fer2013_is_the_notebooks_with_its_leak(real: Faces) -> None:
    assignment = assign(real, Protocol.REFERENCE, seed=1)
    assert [len(part) for part in parts_of(assignment)] == [38_552, 8_262, 5_384]
    assert leak_share(real, assignment) == pytest.approx(0.541, abs=0.0005)
    assert np.bincount(real.labels[assignment.test]).tolist() == [743, 82, 768, 1349, 912, 600, 930]
    assert assignment.oversampled
    assert "copies of training images" in assignment.notes[0]


def test_the_reference_split_is_the_same_for_every_seed_and_leaves_numpys_own_generator_alone(real: Faces) -> None:
    before = np.random.get_state(legacy=False)  # noqa: NPY002  # the global generator is what the test is about
    one, two = (assign(real, Protocol.REFERENCE, seed, limit=1000) for seed in (1, 2))
    after = np.random.get_state(legacy=False)  # noqa: NPY002
    for a, b in zip(parts_of(one), parts_of(two), strict=True):
        np.testing.assert_array_equal(a, b)
    assert before["state"]["pos"] == after["state"]["pos"]


def test_the_reference_split_is_what_the_notebooks_own_lines_give() -> None:
    """The notebook's `prepare_datasets` on row numbers: its calls, its order, the global generator."""
    from sklearn.model_selection import train_test_split

    faces = replace(
        faces_of(list(range(900))), labels=(np.random.default_rng(5).integers(0, 49, 900) ** 0.5).astype(np.uint8)
    )
    x, y = np.arange(900), faces.labels.astype(np.int64)
    np.random.seed(42)  # noqa: NPY002
    x_temp, x_test, y_temp, _ = train_test_split(x, y, test_size=0.15, stratify=y, random_state=42, shuffle=True)
    class_counts = np.bincount(y_temp)
    target = np.median(class_counts[class_counts > 0]) * 1.5
    xs, ys = [x_temp], [y_temp]
    for label in range(7):
        if 0 < class_counts[label] < target:
            of_class = x_temp[y_temp == label]
            needed = int(target - len(of_class))
            if needed > 0:
                xs.append(of_class[np.random.choice(len(of_class), needed, replace=True)])  # noqa: NPY002
                ys.append(np.full(needed, label))
    balanced, of_balanced = np.hstack(xs), np.hstack(ys)
    x_train, x_val = train_test_split(balanced, test_size=0.15 / (1 - 0.15), stratify=of_balanced, random_state=42)
    for part, expected in zip(parts_of(assign(faces, Protocol.REFERENCE, 1)), (x_train, x_val, x_test), strict=True):
        np.testing.assert_array_equal(part, expected)
