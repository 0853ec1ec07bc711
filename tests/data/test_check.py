"""A check counts what a source holds and what is wrong with it; its text says the same."""

from pathlib import Path

import numpy as np

from fer_exp.data.check import DataCheck, check, describe
from fer_exp.data.faces import BadRow, Faces
from fer_exp.data.sources.read import read_faces


def made() -> Faces:
    """Nine faces of six images: 0 and 1 in Training, their copies elsewhere; one blank."""
    images = np.random.default_rng(1).integers(0, 256, (6, 48, 48), dtype=np.uint8)
    images[5] = 7
    rows = [  # image, label, usage
        (0, 0, 0),
        (1, 1, 0),
        (0, 0, 0),  # a copy within Training
        (0, 3, 1),  # Training's, with another label
        (1, 1, 2),  # Training's
        (2, 4, 1),
        (2, 4, 2),  # PublicTest's
        (3, 5, 2),
        (5, 6, 0),  # blank
    ]
    picked, labels, usage = (np.array(column) for column in zip(*rows, strict=True))
    return Faces(
        images[picked],
        labels.astype(np.uint8),
        usage.astype(np.uint8),
        source="made.csv",
        kind="csv",
        notes=("Something was converted.",),
        dropped=tuple(BadRow(f"made.csv row {number}", "expected more") for number in range(1, 31)),
    )


class TestCheck:
    def test_counts_rows_by_emotion_and_usage(self) -> None:
        found = check(made())
        assert found.faces == 9
        assert found.counts == ((2, 0, 0), (1, 0, 1), (0, 0, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 0))

    def test_counts_copies_conflicts_leaks_and_blanks(self) -> None:
        found = check(made())
        assert (found.copies, found.copy_groups, found.conflicts, found.blank) == (4, 3, 1, 1)
        assert (found.public_test_in_training, found.private_test_in_training) == (1, 1)
        assert found.private_test_in_public_test == 1

    def test_has_a_json_form(self) -> None:
        found = check(made())
        assert DataCheck.from_json(found.to_json()) == found

    def test_nothing_is_wrong_with_distinct_faces(self) -> None:
        images = np.random.default_rng(2).integers(0, 256, (7, 48, 48), dtype=np.uint8)
        found = check(Faces(images, np.arange(7, dtype=np.uint8), np.zeros(7, np.uint8), "made", "csv"))
        assert (found.copies, found.copy_groups, found.conflicts, found.blank) == (0, 0, 0, 0)
        assert (found.public_test_in_training, found.private_test_in_training) == (0, 0)

    def test_finds_the_known_defects_of_fer2013(self, fer2013: Path) -> None:
        found = check(read_faces(fer2013 / "fer2013.parquet"))
        assert (found.copies, found.copy_groups, found.conflicts, found.blank) == (1_853, 1_516, 57, 12)
        assert (found.public_test_in_training, found.private_test_in_training) == (280, 288)
        assert found.private_test_in_public_test == 44
        assert [row[0] for row in found.counts] == [3995, 436, 4097, 7215, 4830, 3171, 4965]
        assert [row[2] for row in found.counts] == [491, 55, 528, 879, 594, 416, 626]


class TestDescribe:
    def test_fits_a_console_and_says_what_was_found(self) -> None:
        text = describe(check(made()))
        lines = text.splitlines()
        assert max(map(len, lines)) <= 80
        assert lines[0].startswith("made.csv: 9 faces (csv), digest ")
        assert lines[3].split() == ["Training", "PublicTest", "PrivateTest", "all"]
        assert lines[4].split() == ["Angry", "2", "0", "0", "2"]
        assert lines[11].split() == ["all", "4", "2", "3", "9"]
        assert "4 in 3 groups" in text
        assert "Note: Something was converted." in lines

    def test_names_the_first_dropped_rows_and_counts_the_rest(self) -> None:
        lines = describe(check(made())).splitlines()
        assert lines[-1] == "... and 10 more"
        assert lines[-2] == "Dropped: made.csv row 20: expected more"
