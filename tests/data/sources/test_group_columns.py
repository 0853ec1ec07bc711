"""A table says in a column whom its images show."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fer_exp.data.reading import Reading
from fer_exp.data.sources.read import read_faces
from fer_exp.data.split.assign import assign
from fer_exp.data.split.protocol import Protocol
from fer_exp.system.errors import BadData
from tests.made_faces import lines_of, png_of, some_faces

FACES = some_faces(42)
PEOPLE = [f"P{number // 3}" for number in range(42)]


def written(path: Path, column: str, people: list[str]) -> Path:
    rows = lines_of(FACES)
    path.write_text(
        "\n".join([f"emotion,pixels,Usage,{column}", *(f"{row},{who}" for row, who in zip(rows, people, strict=True))])
    )
    return path


@pytest.mark.parametrize(
    ("column", "what"), [("subject", "subject"), ("Person_ID", "subject"), ("group", "group"), ("photo", "photo")]
)
def test_a_csv_s_column_of_groups_is_read(tmp_path: Path, column: str, what: str) -> None:
    faces = read_faces(written(tmp_path / "faces.csv", column, PEOPLE))
    assert faces.groups is not None
    assert faces.groups.tolist() == [number // 3 for number in range(42)]
    assert faces.grouped_by == what
    assert not any("was not read" in note for note in faces.notes)
    split = assign(faces, Protocol.GROUPED, 1)
    assert not set(faces.groups[split.train]) & set(faces.groups[split.test])


def test_a_parquet_s_column_of_groups_is_read_also_as_numbers(tmp_path: Path) -> None:
    table = {
        "image": [png_of(image) for image in FACES.images],
        "emotion": FACES.labels.tolist(),
        "subject": [number // 3 for number in range(42)],
    }
    pq.write_table(pa.table(table), tmp_path / "faces.parquet")
    faces = read_faces(tmp_path / "faces.parquet")
    assert faces.groups is not None
    assert faces.groups.tolist() == table["subject"]
    table["subject"] = [*table["subject"][:-1], None]
    pq.write_table(pa.table(table), tmp_path / "faces.parquet")
    with pytest.raises(BadData, match="row 42: subject: expected whom the image shows, received nothing"):
        read_faces(tmp_path / "faces.parquet")


def test_a_row_without_a_group_is_a_bad_row(tmp_path: Path) -> None:
    path = written(tmp_path / "faces.csv", "subject", [*PEOPLE[:-1], " "])
    with pytest.raises(BadData, match="row 42: subject: expected whom the image shows, received nothing"):
        read_faces(path)
    faces = read_faces(path, Reading(skip_bad_rows=True))
    assert len(faces) == 41
    assert faces.groups is not None


def test_of_two_columns_that_might_be_meant_neither_is_read_and_both_are_named(tmp_path: Path) -> None:
    faces = read_faces(written(tmp_path / "faces.csv", "subject,photo", [f"{who},x" for who in PEOPLE]))
    assert faces.groups is None
    assert [note for note in faces.notes if "was not read" in note] == [
        "Column 'subject' was not read.",
        "Column 'photo' was not read.",
    ]
