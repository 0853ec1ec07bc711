"""Rows in every form hold the same values, say what they mean, and are under their name only once they are whole."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from fer_exp.data.classes import Classes
from fer_exp.prediction.faces import Face
from fer_exp.prediction.frames import Frame
from fer_exp.prediction.inputs import Source
from fer_exp.prediction.rows import Row, columns, frame_of, require_ending, rows_of, writing
from fer_exp.prediction.run import Seen
from fer_exp.system.errors import BadInput

CLASSES = Classes(("happy", "very-sad", "neutral"))
SOURCE = Source("a, b.png", "b.png", False, lambda: iter([]))
BLANK = np.empty((0, 0), np.uint8)


def some() -> list[Row]:
    """A still picture of two faces, one without a face, and a moment of a video."""
    shares = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], np.float32)
    faces = [Face(1.04, 2, 30, 40, 0.98765432), Face(5, 6, 7, 8)]
    seen = [
        Seen(SOURCE, Frame("a, b.png", 0, None, BLANK), faces, BLANK, shares),
        Seen(SOURCE, Frame("ü\n.png", 0, None, BLANK), [], BLANK, shares[:0]),
        Seen(SOURCE, Frame("c.mp4", 3, 0.12, BLANK, 25.0), faces[:1], BLANK, shares[:1]),
    ]
    return [row for one in seen for row in rows_of(one, CLASSES)]


def test_a_face_is_a_row_and_a_frame_without_one_is_a_row_that_says_so() -> None:
    first, second, without, moving = some()
    assert first == {
        **{"file": "a, b.png", "frame": 0, "seconds": None, "faces": 2},
        **{"left": 1.0, "top": 2.0, "width": 30.0, "height": 40.0, "detector_score": 0.9877},
        **{"apparent_expression": "happy", "p_happy": 0.7, "p_very-sad": 0.2, "p_neutral": 0.1},
    }
    assert (second["apparent_expression"], second["detector_score"]) == ("neutral", None)
    assert (without["faces"], without["apparent_expression"], without["p_happy"]) == (0, None, None)
    assert (moving["frame"], moving["seconds"], moving["faces"]) == (3, 0.12, 1)
    assert [list(row) for row in some()] == [columns(CLASSES)] * 4


def written(folder: Path, name: str) -> Path:
    with writing(folder / name, CLASSES, "a model") as writer:
        writer.write(some()[:2])
        writer.write(some()[2:])
        assert not (folder / name).exists()
    return folder / name


def test_csv_holds_them(tmp_path: Path) -> None:
    with written(tmp_path, "rows.csv").open(newline="") as lines:
        read = list(csv.DictReader(lines))
    assert [row["file"] for row in read] == ["a, b.png", "a, b.png", "ü\n.png", "c.mp4"]
    assert read[0]["p_very-sad"] == "0.2"
    assert read[2]["apparent_expression"] == ""


def test_json_lines_hold_them(tmp_path: Path) -> None:
    assert [json.loads(line) for line in written(tmp_path, "rows.jsonl").read_text().split("\n")[:-1]] == some()


def test_parquet_holds_them_and_says_what_they_mean(tmp_path: Path) -> None:
    table = pq.read_table(written(tmp_path, "rows.parquet"))
    assert table.to_pylist() == some()
    said = {key.decode(): value.decode() for key, value in table.schema.metadata.items() if key != b"ARROW:schema"}
    assert "not say what the person feels" in said["meaning"]
    assert "Article 5" in said["use"]
    assert said["model"] == "a model"


def test_a_dataframe_holds_them_with_numbers_as_numbers() -> None:
    table = frame_of(some(), CLASSES, "a model")
    assert list(table.columns) == columns(CLASSES)
    assert table["p_happy"].dtype == table["left"].dtype == "float64"
    assert table["faces"].tolist() == [2, 2, 0, 1]
    assert table["apparent_expression"].isna().tolist() == [False, False, True, False]
    assert "not say what the person feels" in table.attrs["meaning"]
    assert frame_of([], CLASSES, "a model").empty


def test_without_a_file_they_go_to_standard_output_with_one_head(capsys: pytest.CaptureFixture[str]) -> None:
    with writing(None, CLASSES, "a model") as writer:
        writer.write(some()[:1])
        writer.write(some()[1:])
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert table["faces"].tolist() == [2, 2, 0, 1]


def stopped(path: Path, rows: list[Row], error: BaseException) -> None:
    """Rows are written, and then something happens."""
    with writing(path, CLASSES, "a model") as writer:
        writer.write(rows)
        raise error


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet"])
def test_an_error_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("before")
    with pytest.raises(OSError, match="no more"):
        stopped(tmp_path / name, some(), OSError("no more"))
    assert (tmp_path / name).read_text() == "before"
    assert list(tmp_path.iterdir()) == [tmp_path / name]


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet"])
def test_a_user_who_stops_it_keeps_the_rows_so_far(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        stopped(tmp_path / name, some()[:2], KeyboardInterrupt())
    if name.endswith("parquet"):
        assert pq.read_table(tmp_path / name).to_pylist() == some()[:2]
    else:
        assert (tmp_path / name).read_text().count("a, b.png") == 2
    assert list(tmp_path.iterdir()) == [tmp_path / name]


def test_many_rows_reach_parquet_in_groups(tmp_path: Path) -> None:
    with writing(tmp_path / "rows.parquet", CLASSES, "a model") as writer:
        for _ in range(3000):
            writer.write(some())
    assert pq.read_metadata(tmp_path / "rows.parquet").num_row_groups == 3
    assert pq.read_metadata(tmp_path / "rows.parquet").num_rows == 12_000


def test_another_ending_is_refused() -> None:
    with pytest.raises(BadInput, match=r"\.csv, \.jsonl, \.parquet, received 'rows\.xlsx'"):
        require_ending(Path("rows.xlsx"))
