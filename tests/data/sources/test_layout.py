"""Tables of faces as spreadsheets, pandas and the `datasets` library write them, all read as the plain CSV is."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fer_exp.data.faces import BadRow, Faces
from fer_exp.data.sources.numbering import NO_USAGE, official_by_row
from fer_exp.data.sources.read import read_faces
from fer_exp.system.errors import BadData
from tests.made_faces import some_faces, text_of

FACES = some_faces(21)
HEADER = "emotion,pixels,Usage"


def rows(pixels: Callable[[int], str]) -> list[str]:
    parts = ("Training", "PublicTest", "PrivateTest")
    return [f"{label},{pixels(at)},{parts[FACES.usage[at]]}" for at, label in enumerate(FACES.labels)]


def plain() -> list[str]:
    return [HEADER, *rows(lambda at: text_of(FACES.images[at]))]


def listed() -> list[str]:
    return [HEADER, *rows(lambda at: f'"{FACES.images[at].ravel().tolist()}"')]


def wide(name: str = "pixel{}", first: int = 0) -> list[str]:
    numbers = ",".join(name.format(first + at) for at in range(48 * 48))
    return [f"emotion,{numbers},Usage", *rows(lambda at: ",".join(map(str, FACES.images[at].ravel())))]


def indexed() -> list[str]:
    header, *lines = plain()
    return [header, *(f"{at},{line}" for at, line in enumerate(lines))]


def with_blank_rows() -> list[str]:
    return [*plain()[:5], ",,", *plain()[5:], ",,", ",,"]


def read(path: Path, lines: list[str]) -> Faces:
    path.write_text("\n".join([*lines, ""]))
    return read_faces(path)


@pytest.mark.parametrize(
    "lines",
    [listed(), wide(), wide("px_{}", 1), wide("{}"), indexed(), with_blank_rows()],
    ids=["lists", "wide", "wide from 1", "wide of bare numbers", "an index without a name", "rows of commas"],
)
def test_a_table_is_read_as_the_plain_one(tmp_path: Path, lines: list[str]) -> None:
    faces = read(tmp_path / "faces.csv", lines)
    assert faces.digest == FACES.digest


def test_what_was_not_read_is_said(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", indexed()).notes == (
        "The first value of each row, an index that the header does not name, was not read.",
    )
    assert read(tmp_path / "b.csv", with_blank_rows()).notes == ("3 rows without any value were passed over.",)


def test_a_wide_table_whose_columns_are_out_of_order_is_refused(tmp_path: Path) -> None:
    """Else every face would be scrambled."""
    lines = wide()
    with pytest.raises(BadData, match="expected a header with the columns emotion, pixels, Usage"):
        read(tmp_path / "faces.csv", [lines[0].replace("pixel7,pixel8", "pixel8,pixel7"), *lines[1:]])


def packed(path: Path, members: dict[str, list[str]]) -> Faces:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, lines in members.items():
            archive.writestr(name, "\n".join([*lines, ""]))
    return read_faces(path)


def without_usage() -> list[str]:
    return [line.rpartition(",")[0] for line in plain()]


def test_a_table_without_usage_is_read_packed_too(tmp_path: Path) -> None:
    unpacked = read(tmp_path / "train.csv", without_usage())
    assert packed(tmp_path / "train.zip", {"train.csv": without_usage()}).digest == unpacked.digest


def test_of_several_in_an_archive_the_one_with_parts_is_read(tmp_path: Path) -> None:
    members = {"train.csv": without_usage(), "test.csv": ["pixels", "1 2"], "icml_face_data.csv": plain()}
    assert packed(tmp_path / "all.zip", members).digest == FACES.digest
    with pytest.raises(BadData, match="found several"):
        packed(tmp_path / "two.zip", {"a.csv": without_usage(), "b.csv": without_usage()})


# -- parquet


def arrays(images: list[object], name: str = "image") -> pa.Table:
    parts = [("train", "val", "test")[usage] for usage in FACES.usage]
    return pa.table({name: images, "emotion": [int(label) for label in FACES.labels], "split": parts})


@pytest.mark.parametrize("name", ["image", "pixels"])
def test_arrays_in_parquet_are_images(tmp_path: Path, name: str) -> None:
    pq.write_table(arrays([image.tolist() for image in FACES.images], name), tmp_path / "faces.parquet")
    assert read_faces(tmp_path / "faces.parquet").digest == FACES.digest


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (lambda rows: rows[:-1], "expected 2304 pixels, received 2256"),
        (lambda rows: [rows[0][:-1], *rows[1:]], "expected rows of one length"),
        (lambda rows: [None, *rows[1:]], "expected rows of one length"),
        (lambda rows: [[300, *rows[0][1:]], *rows[1:]], "pixel 1: expected a whole number 0-255, received '300'"),
    ],
)
def test_arrays_of_another_shape_are_refused(tmp_path: Path, broken: Callable[..., object], expected: str) -> None:
    images: list[object] = [image.tolist() for image in FACES.images]
    images[3] = broken(images[3])
    pq.write_table(arrays(images), tmp_path / "faces.parquet")
    with pytest.raises(BadData, match=expected):
        read_faces(tmp_path / "faces.parquet")


# -- the competition's files


def test_faces_without_labels_are_called_so(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="faces without labels, as the competition"):
        read(tmp_path / "test.csv", ["pixels", text_of(FACES.images[0])])


def test_fer2013_without_usage_has_its_official_parts_where_the_rows_are_in_their_order(fer2013: Path) -> None:
    """By the counts of each part: the rows of `shared/data` are not in the competition's order, so they get none."""
    faces = read_faces(fer2013 / "fer2013.parquet")
    order = np.argsort(faces.usage, kind="stable")
    known = replace(faces, labels=faces.labels[order], usage=np.zeros(len(faces), np.uint8), notes=(NO_USAGE,))
    given = official_by_row(known)
    assert np.array_equal(given.usage, faces.usage[order])
    assert "were given them by row" in given.notes[0]
    turned = replace(known, labels=known.labels[::-1])
    assert official_by_row(turned) is turned
    assert official_by_row(replace(known, dropped=(BadRow("row 1", "no face"),))).notes == (NO_USAGE,)
