"""data check and data convert on the command line."""

import json
from pathlib import Path

import pytest

from fer_exp.data.sources.read import read_faces
from tests.commands import call, done, refused
from tests.made_faces import csv_of, some_faces

DEMO_FACES = 3600


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    """42 faces."""
    path = tmp_path / "faces.csv"
    path.write_bytes(csv_of(some_faces(42)))
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """42 faces and a row that is none."""
    path = tmp_path / "bad.csv"
    path.write_bytes(csv_of(some_faces(42)) + b"9,1 2 3,Training\n")
    return path


def test_the_demo_is_described_and_counted() -> None:
    told = done("data", "check", "demo")
    assert "3,600 faces (demo)" in told
    for title in ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral", "Training", "PrivateTest"):
        assert title in told


def test_the_check_as_json_is_one_document_that_holds_the_same() -> None:
    found = json.loads(done("data", "check", "demo", "--json"))
    assert found["faces"] == DEMO_FACES == sum(sum(row) for row in found["counts"])
    assert found["digest"] in done("data", "check", "demo")


@pytest.mark.parametrize("name", ["demo.csv", "demo.csv.gz", "demo.parquet", "demo-folder"])
def test_the_demo_survives_a_conversion(tmp_path: Path, name: str) -> None:
    told = done("data", "convert", "demo", tmp_path / name)
    digest = json.loads(done("data", "check", "demo", "--json"))["digest"]
    assert f"3600 faces written to {tmp_path / name} (digest {digest})" in told
    assert json.loads(done("data", "check", tmp_path / name, "--json"))["faces"] == DEMO_FACES


def test_a_conversion_does_not_replace_what_is_there_unless_asked(csv: Path, tmp_path: Path) -> None:
    target = tmp_path / "there.csv"
    target.write_text("mine")
    problem, _ = refused("data", "convert", csv, target)
    assert str(target) in problem
    assert target.read_text() == "mine"
    done("data", "convert", csv, target, "--overwrite")
    assert read_faces(str(target)).digest == read_faces(str(csv)).digest


@pytest.mark.parametrize("command", ["check", "convert"])
def test_a_bad_row_is_refused_by_its_number_or_skipped(bad: Path, tmp_path: Path, command: str) -> None:
    target = tmp_path / "good.parquet"
    rest = [target] if command == "convert" else []
    problem, remedy = refused("data", command, bad, *rest)
    assert "bad.csv row 43" in problem
    assert "--skip-bad-rows" in remedy
    assert not target.exists()
    told = done("data", command, bad, *rest, "--skip-bad-rows")
    assert "42 faces" in told


@pytest.mark.parametrize("name", ["missing.csv", "empty.csv", "text.txt"])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_what_is_no_data_is_refused(tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    if name != "missing.csv":
        (tmp_path / name).write_text("" if name == "empty.csv" else "nothing of the kind")
    assert name in refused("data", "check", tmp_path / name, *options)[0]


def test_a_conversion_to_nothing_known_is_refused(csv: Path, tmp_path: Path) -> None:
    refused("data", "convert", csv, tmp_path / "faces.docx")
    assert [path.name for path in tmp_path.iterdir()] == ["faces.csv"]


def test_the_destination_has_to_be_named(csv: Path) -> None:
    result = call("data", "convert", csv)
    assert result.exit_code == 2
    assert "Missing argument 'DST'" in result.stderr
