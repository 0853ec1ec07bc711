"""The home: one folder, `./mlruns` unless `FER_EXP_HOME` says otherwise."""

from pathlib import Path

import pytest

from fer_exp.system.home import Home


def test_the_home_is_mlruns_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Home.from_environment().root == tmp_path / "mlruns"


@pytest.mark.parametrize(("given", "meant"), [("/data/runs", "/data/runs"), ("~/runs", str(Path.home() / "runs"))])
def test_the_environment_names_another(monkeypatch: pytest.MonkeyPatch, given: str, meant: str) -> None:
    monkeypatch.setenv("FER_EXP_HOME", given)
    assert Home.from_environment().root == Path(meant)


def test_an_empty_variable_names_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FER_EXP_HOME", "")
    assert Home.from_environment().root == tmp_path / "mlruns"


def test_a_home_stays_where_it_was_when_the_working_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FER_EXP_HOME", "runs")
    home = Home.from_environment()
    monkeypatch.chdir("/")
    assert home.root == tmp_path / "runs"


def test_everything_lies_inside_the_home(home: Home) -> None:
    for folder in (home.cache, home.campaigns, home.campaign("demo"), home.artifacts):
        assert folder.is_relative_to(home.root)
    assert home.tracking_uri == f"sqlite:///{home.root}/mlflow.db"


def test_the_tracking_server_of_the_environment_wins(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    assert home.tracking_uri == "http://localhost:5000"
