"""data fetch: FER2013 checked by its digest, or the steps by which it is had by hand."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from fer_exp.data import fetch as fetching
from fer_exp.data.fetch import COMPETITION, FILE, LICENCE, STEPS
from fer_exp.data.find import find_source
from fer_exp.data.sources.read import read_faces
from tests.commands import call, done
from tests.made_archives import tar_of
from tests.made_faces import csv_of, some_faces

Give = Callable[[Path], Path]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, from which nothing else is found."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small CSV in the place of FER2013's."""
    content = csv_of(some_faces(30))
    file = tmp_path_factory.mktemp("known") / "fer2013.csv"
    file.write_bytes(content)
    monkeypatch.setattr(fetching, "DIGESTS", {read_faces(file).digest: "the faces of this test"})
    return content


def kagglehub(monkeypatch: pytest.MonkeyPatch, give: Give) -> list[tuple[str, str]]:
    """Stands for the package: gives a file or raises; what it was asked for is kept."""
    asked = []

    def competition_download(handle: str, path: str, *, output_dir: str) -> str:
        asked.append((handle, path))
        return str(give(Path(output_dir)))

    module = ModuleType("kagglehub")
    module.competition_download = competition_download  # type: ignore[attr-defined]  # what the package has
    monkeypatch.setitem(sys.modules, "kagglehub", module)
    return asked


def test_the_file_is_fetched_checked_and_put_where_commands_find_it(
    folder: Path, known: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = []

    def give(place: Path) -> Path:
        places.append(place)
        file = place / FILE
        file.write_bytes(tar_of({"fer2013/fer2013.csv": known}, "gz"))
        return file

    asked = kagglehub(monkeypatch, give)
    ended = call("data", "fetch")
    assert ended.exit_code == 0, ended.output
    assert asked == [(COMPETITION, FILE)]
    assert LICENCE in ended.stderr
    assert find_source(None) == "data/fer2013.parquet"
    assert f"digest {read_faces(folder / 'data' / 'fer2013.parquet').digest}" in ended.stdout
    assert not places[0].exists()
    assert "is there already" in done("data", "fetch")
    assert len(asked) == 1


def test_a_folder_that_kaggle_gives_is_searched(folder: Path, known: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def give(place: Path) -> Path:
        (place / "input").mkdir()
        (place / "input" / "fer2013.csv").write_bytes(known)
        return place

    kagglehub(monkeypatch, give)
    done("data", "fetch", "--to", "a folder with blanks")
    assert (folder / "a folder with blanks" / "fer2013.parquet").exists()


def test_other_faces_are_refused_and_put_nowhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def give(place: Path) -> Path:
        file = place / "fer2013.csv"
        file.write_bytes(csv_of(some_faces(30)))
        return file

    kagglehub(monkeypatch, give)
    ended = call("data", "fetch")
    assert ended.exit_code == 2
    assert "expected FER2013, 35,887 faces (digest 4ed0e58a993bad22), received 30 faces with digest" in ended.stderr
    assert not (folder / "data").exists()


@pytest.mark.parametrize(
    "error",
    [ConnectionError("Failed to resolve 'api.kaggle.com'"), PermissionError("403 Client Error.\n\naccept the rules")],
    ids=["no network", "rules not accepted"],
)
def test_where_kaggle_gives_nothing_the_steps_by_hand_are_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def give(_: Path) -> Path:
        raise error

    kagglehub(monkeypatch, give)
    ended = call("data", "fetch")
    assert ended.exit_code == 2
    assert all(f"{number}. {step}" in ended.stderr for number, step in enumerate(STEPS, start=1))
    assert f"Kaggle did not give {FILE}: {type(error).__name__}" in ended.stderr
    assert "Traceback" not in ended.output
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("folder")
def test_without_the_package_the_steps_by_hand_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    ended = call("data", "fetch")
    assert ended.exit_code == 2
    assert "pip install 'fer-exp[kaggle]'" in ended.stderr
    assert STEPS[-1] in ended.stderr


def test_the_real_package_without_an_account_leads_to_the_steps(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("kagglehub", reason="the extra kaggle is not installed")
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder / "nobody"))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(folder / "nobody"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nothing listens there, whatever network there is
    ended = call("data", "fetch")
    assert ended.exit_code == 2, ended.output
    assert "Kaggle did not give fer2013.tar.gz: " in ended.stderr
    assert not (folder / "data").exists()


def test_a_file_downloaded_by_hand_is_checked_and_put(folder: Path, known: bytes) -> None:
    (folder / "icml_face_data.csv").write_bytes(known)
    done("data", "fetch", "--from", "icml_face_data.csv")
    assert find_source(None) == "data/fer2013.parquet"


@pytest.mark.usefixtures("folder")
def test_a_file_that_is_not_there_is_told_in_two_lines() -> None:
    ended = call("data", "fetch", "--from", "nowhere.csv")
    assert ended.exit_code == 2
    assert "nowhere.csv" in ended.stderr.splitlines()[-2]


@pytest.mark.usefixtures("folder")
def test_the_real_fer2013_has_the_known_digest(fer2013: Path) -> None:
    written = done("data", "fetch", "--from", fer2013 / "fer2013.csv.gz")
    assert "written, digest 4ed0e58a993bad22, which is FER2013's" in written
