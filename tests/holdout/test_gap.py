"""Validation against test: shares by hand, the table, and the reference's own gap."""

import numpy as np
import pytest

from fer_exp.holdout.gap import Gap, Part, gap_table, part_of
from fer_exp.records import Predictions

RIGHT = np.array([1, 1, 0, 0, 1, 0], bool)
COPIED = np.array([1, 1, 1, 0, 0, 0], bool)


def predictions(right: np.ndarray) -> Predictions:
    """Of emotion 3, taken for 5 where it was not recognised."""
    probabilities = np.eye(7, dtype=np.float32)[np.where(right, 3, 5)]
    return Predictions(np.full(len(right), 3, np.uint8), probabilities, np.arange(len(right)))


def test_copies_and_others_are_counted_apart() -> None:
    part = part_of(predictions(RIGHT), COPIED)
    assert part == Part(
        images=6,
        accuracy=0.5,
        copies=3,
        accuracy_copied=2 / 3,
        accuracy_without_copies=1 / 3,
    )


@pytest.mark.parametrize("all_copied", [True, False])
def test_what_does_not_occur_has_no_accuracy(all_copied: bool) -> None:
    part = part_of(predictions(RIGHT), np.full(6, all_copied))
    assert (part.accuracy_copied is None, part.accuracy_without_copies is None) == (not all_copied, all_copied)


def gap(validation: float, test: float, **more: bool) -> Gap:
    def part(accuracy: float, images: int) -> Part:
        return Part(images=images, accuracy=accuracy, copies=0, accuracy_copied=None, accuracy_without_copies=accuracy)

    return Gap(validation=part(validation, 8262), test=part(test, 5384), **more)


def test_the_gap_is_in_points_and_its_error_that_of_two_independent_parts() -> None:
    found = gap(0.8413, 0.6478)
    assert found.points == pytest.approx(19.35)
    assert found.standard_error == pytest.approx(100 * np.sqrt(0.8413 * 0.1587 / 8262 + 0.6478 * 0.3522 / 5384))


def test_the_reference_stands_beside_what_reproduces_it_and_nothing_else() -> None:
    assert "reference" not in gap_table(gap(0.63, 0.63))
    lines = gap_table(gap(0.84, 0.65, reproduces_reference=True)).splitlines()
    assert [line.split("  ")[0] for line in lines[1:7]] == [
        "validation",
        "test",
        "gap",
        "reference: validation",
        "reference: test",
        "reference: gap",
    ]
    assert "64.78 ± 0.65 %" in lines[5]
    assert "+19.35 points" in lines[6]


def test_where_images_come_by_person_the_error_is_said_to_be_of_people() -> None:
    plain = gap(0.63, 0.63)
    assert "± is one standard error, from the images alone" in gap_table(plain)
    parts = {name: getattr(plain, name).model_copy(update={"error_by_group": 0.03}) for name in ("validation", "test")}
    table = gap_table(plain.model_copy(update=parts))
    assert "± is one standard error, from the people, sequences or photos that happened to be drawn" in table
    assert "63.00 ± 3.00 %" in table
