"""`fer-exp predict` as a person gives it: rows, counts, what a run says of itself, exit codes."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from fer_exp.cli import app
from fer_exp.system.home import Home
from tests.commands import call, done, refused, start
from tests.made_models import write_model
from tests.made_photos import grey_faces, photo, save, scene, write_video

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "model.keras")


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """A folder of five faces that are cut out already."""
    (tmp_path / "faces").mkdir()
    for place, face in enumerate(grey_faces(5)):
        save(face, tmp_path / "faces" / f"{place}.png")
    return tmp_path / "faces"


def table(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text))


def test_rows_go_to_standard_output_and_everything_else_to_the_other(faces: Path, model: Path) -> None:
    result = call("predict", faces, "--no-detect", "--model", model)
    assert result.exit_code == 0
    rows = table(result.stdout)
    assert rows["file"].tolist() == [str(faces / f"{place}.png") for place in range(5)]
    assert rows.filter(like="p_").sum(axis=1).tolist() == pytest.approx([1] * 5, abs=1e-4)
    assert "files: 5, frames: 5, faces: 5." in result.stderr
    assert "does not say what the person feels" not in result.stdout


def test_on_a_terminal_rows_have_lines_of_their_own_and_sentences_break_between_words(
    faces: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setenv("COLUMNS", "70")
    with monkeypatch.context() as patched, os.fdopen(theirs, "w") as terminal:
        patched.setattr(sys, "stdout", terminal)
        patched.setattr(sys, "stderr", terminal)
        app(["predict", str(faces), "--no-detect", "--model", str(model)], standalone_mode=False)
    written = b""
    with suppress(OSError):  # the end, once the other side is closed
        while part := os.read(ours, 2**16):
            written += part
    os.close(ours)
    lines = written.decode().replace("\r", "").splitlines()
    header = lines.index(next(line for line in lines if line.startswith("file,frame,")))
    assert [line.split(",")[0] for line in lines[header + 1 : header + 6]] == [
        str(faces / f"{n}.png") for n in range(5)
    ]
    told = [line for line in lines if "," not in line or " " in line]
    assert all(len(line) <= 70 for line in told)
    assert "does not say what the person feels" in " ".join(told)


def test_what_it_means_is_in_the_help_the_run_and_the_column_s_name(faces: Path, model: Path) -> None:
    help_text = " ".join(done("predict", "--help").split())
    assert "does not say what a person feels" in help_text
    assert "Article 5" in help_text
    result = call("predict", faces, "--no-detect", "--model", model)
    assert "does not say what the person feels" in " ".join(result.stderr.split())
    assert "Article 5(1)(f)" in result.stderr
    assert "apparent_expression" in result.stdout.splitlines()[0]


def test_bad_files_are_named_and_counted_and_the_rest_is_done(faces: Path, model: Path) -> None:
    (faces / "empty.png").touch()
    (faces / "text.jpg").write_text("no picture")
    (faces / "notes.txt").write_text("passed over")
    result = call("predict", faces, "gone.png", "--no-detect", "--model", model)
    assert result.exit_code == 0
    assert len(table(result.stdout)) == 5
    told = [line for line in result.stderr.splitlines() if line.startswith("not read: ")]
    assert [Path(line.split(": ")[1]).name for line in told] == ["empty.png", "text.jpg", "gone.png"]
    assert "files: 8, not read: 3, frames: 5, faces: 5." in result.stderr


def test_of_many_bad_files_the_first_are_named_and_all_counted(faces: Path, model: Path) -> None:
    for number in range(30):
        (faces / f"bad{number}.png").touch()
    said = call("predict", faces, "--no-detect", "--model", model).stderr
    assert said.count("not read: /") == 20
    assert "not read: 10 more" in said
    assert "files: 35, not read: 30" in said


def test_where_every_file_is_bad_that_is_bad_input_and_nothing_is_written(tmp_path: Path, model: Path) -> None:
    (tmp_path / "empty.png").touch()
    words = ("predict", tmp_path / "empty.png", tmp_path / "gone.png", "--model", model)
    problem, remedy = refused(*words, "--out", tmp_path / "rows.csv")
    assert "received no bytes; nor could the other 1" in problem
    assert "Nothing was predicted" in remedy
    assert not (tmp_path / "rows.csv").exists()


def test_names_of_nothing_are_refused_before_a_model_is_looked_for(tmp_path: Path) -> None:
    problem, _ = refused("predict", tmp_path / "gone.png", tmp_path / "lost", "--model", tmp_path / "no.keras")
    assert problem.endswith(
        "gone.png: expected a picture, a video or a folder, found nothing of that name; nor could the other 1"
    )


def test_a_list_on_standard_input_is_read_as_it_comes(faces: Path, model: Path) -> None:
    listed = "\n".join(str(path) for path in [faces / "3.png", faces / "gone.png", faces / "1.png"]) + "\n\n"
    result = CliRunner().invoke(app, ["predict", "-", "--no-detect", "--model", str(model)], input=listed)
    assert result.exit_code == 0
    assert [Path(file).name for file in table(result.stdout)["file"]] == ["3.png", "1.png"]
    assert "files: 3, not read: 1" in result.stderr


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet"])
def test_rows_go_into_a_file_by_its_ending(faces: Path, model: Path, tmp_path: Path, name: str) -> None:
    result = call("predict", faces, "--no-detect", "--model", model, "--out", tmp_path / name)
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"Written: {tmp_path / name}" in result.stderr
    if name == "rows.parquet":
        assert pq.read_table(tmp_path / name).num_rows == 5
    elif name == "rows.csv":
        assert len(pd.read_csv(tmp_path / name)) == 5
    else:
        assert len([json.loads(line) for line in (tmp_path / name).read_text().splitlines()]) == 5


def test_a_photograph_s_face_is_found_drawn_and_explained(model: Path, tmp_path: Path) -> None:
    save(photo(), tmp_path / "photo.jpg")
    words = ("--annotate", tmp_path / "drawn", "--explain", tmp_path / "why")
    result = call("predict", tmp_path / "photo.jpg", "--model", model, *words)
    assert result.exit_code == 0, result.output
    assert table(result.stdout)["faces"].tolist() == [1]
    assert (tmp_path / "drawn" / "photo.png").is_file()
    assert (tmp_path / "why" / "photo-face1.png").is_file()
    assert [f"Written: {tmp_path / name}" in result.stderr for name in ("drawn", "why")] == [True, True]


@pytest.mark.parametrize("option", ["--annotate", "--explain"])
def test_nothing_is_drawn_among_the_originals(faces: Path, model: Path, option: str) -> None:
    before = {path: path.read_bytes() for path in faces.rglob("*")}
    for inputs, folder in ((faces, faces), (faces, faces / "seen"), (faces / "0.png", faces)):
        problem, _ = refused("predict", inputs, "--model", model, "--no-detect", option, folder)
        assert "which holds them or lies in them" in problem
    assert {path: path.read_bytes() for path in faces.rglob("*")} == before


def test_nor_where_the_list_came_by_standard_input(faces: Path, model: Path) -> None:
    before = (faces / "0.png").read_bytes()
    words = ["predict", "-", "--model", str(model), "--no-detect", "--annotate", str(faces)]
    result = CliRunner().invoke(app, words, input=f"{faces / '0.png'}\n")
    assert result.exit_code == 2
    assert "which holds them" in result.stderr
    assert (faces / "0.png").read_bytes() == before


def test_no_face_is_a_result(model: Path, tmp_path: Path) -> None:
    save(np.full((200, 300), 128, np.uint8), tmp_path / "wall.png")
    result = call("predict", tmp_path / "wall.png", "--model", model)
    assert result.exit_code == 0
    (row,) = table(result.stdout).to_dict("records")
    assert row["faces"] == 0
    assert "frames: 1, without a face: 1, faces: 0." in result.stderr


def test_a_video_is_a_row_a_frame_with_its_time_and_how_it_compares_with_real_time(model: Path, tmp_path: Path) -> None:
    write_video(tmp_path / "film.mp4", [scene((90, 100 + 5 * number)) for number in range(10)])
    result = call("predict", tmp_path / "film.mp4", "--model", model)
    rows = table(result.stdout)
    assert rows["frame"].tolist() == list(range(10))
    assert rows["seconds"].tolist() == pytest.approx([number / 25 for number in range(10)], abs=0.002)
    assert (rows["faces"] == 1).all()
    assert "0.4 s of video, " in result.stderr
    assert " times real time" in result.stderr


def test_boxes_that_name_other_files_are_counted(model: Path, tmp_path: Path) -> None:
    save(photo(), tmp_path / "photo.png")
    (tmp_path / "boxes.csv").write_text(
        f"file,left,top,width,height\n{tmp_path}/photo.png,170,110,190,220\nb,1,1,9,9\n"
    )
    result = call("predict", tmp_path / "photo.png", "--model", model, "--boxes", tmp_path / "boxes.csv")
    assert table(result.stdout)["width"].tolist() == [190.0]
    assert "Boxes of files that were not looked at: 1." in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "expected pictures, videos or folders, received none"),
        (("a.png", "--out", "rows.xlsx"), "expected a name that ends in .csv, .jsonl, .parquet"),
        (("a.png", "--detector", "best"), "expected one of mtcnn, haar"),
        (("a.png", "--detector", "haar", "--no-detect"), "expected one of --no-detect, --boxes and --detector"),
        (("a.png", "--boxes", "gone.csv"), "--boxes: expected a file"),
        (("a.png", "--model", "m.keras", "--record", "made"), "expected one model"),
        (("a.png", "--model", "gone.keras"), "found none at gone.keras"),
        (("a.png",), "expected a campaign"),
    ],
)
def test_mistakes_are_told_in_two_lines_before_anything_is_done(
    words: tuple[str, ...], said: str, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.png").touch()
    problem, remedy = refused("predict", *words)
    assert said in problem
    assert "Nothing was predicted" in remedy or "Nothing was changed" in remedy
    assert not home.root.exists()


@pytest.mark.slow
def test_whoever_stops_it_keeps_the_rows_so_far(home: Home, model: Path, tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    first = save(grey_faces(1, 1200)[0], tmp_path / "many" / "0.png")
    for number in range(1, 3000):
        (tmp_path / "many" / f"{number}.png").hardlink_to(first)
    words = ("--no-detect", "--model", model, "--out", tmp_path / "rows.csv")
    process = start(home, "predict", tmp_path / "many", *words)
    deadline = time.monotonic() + 120
    partial: list[Path] = []
    while time.monotonic() < deadline and not (partial and partial[0].stat().st_size > 20_000):
        time.sleep(0.1)
        partial = list(tmp_path.glob(".partial-*rows.csv"))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 75, said
    rows = pd.read_csv(tmp_path / "rows.csv")
    assert 0 < len(rows) < 3000
    assert rows["p_happy"].notna().all()
    assert "holds every row so far" in said
    assert list(tmp_path.glob(".partial-*")) == []


@pytest.mark.slow
def test_a_reader_that_has_enough_is_no_error(home: Home, model: Path, faces: Path) -> None:
    process = start(home, "predict", *[faces] * 400, "--no-detect", "--model", model)
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout as rows:
        assert rows.readline().startswith("file,")
    with process.stderr as told:
        assert "Traceback" not in told.read()
    assert process.wait(timeout=60) != 0


def test_help_loads_neither_keras_nor_opencv(tmp_path: Path) -> None:
    heavy = "('keras', 'cv2', 'pandas', 'PIL')"
    command = f"import sys; from fer_exp.cli import app; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", command], cwd=tmp_path, check=False).returncode == 0
