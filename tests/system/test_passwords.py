"""No password of an address is shown: not by errors, not by tables, not on demand of -vv."""

from pathlib import Path

import pytest

from fer_exp.api.texts import where_it_shows
from fer_exp.system.errors import TrackingFailed
from fer_exp.system.home import Home
from fer_exp.system.passwords import without_passwords
from fer_exp.system.values import first_line
from tests.commands import call, quick_trials, write_campaign

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (f"postgresql://anna:{SECRET}@db:5432/mlflow", "postgresql://anna:***@db:5432/mlflow"),
        (
            f"postgresql+psycopg2://anna:{SECRET}@db/mlflow?sslmode=no",
            "postgresql+psycopg2://anna:***@db/mlflow?sslmode=no",
        ),
        (f"https://anna:{SECRET}@mlflow.example.org:443/a", "https://anna:***@mlflow.example.org:443/a"),
        (f"mysql://anna:p@{SECRET}/:x@db/m", "mysql://anna:***@db/m"),
        (f"mysql://:{SECRET}@db/m", "mysql://:***@db/m"),
        (f"mysql://db/m?user=anna&password={SECRET}&ssl=1", "mysql://db/m?user=anna&password=***&ssl=1"),
        (f"cannot reach 'http://a:{SECRET}@h', giving up", "cannot reach 'http://a:***@h', giving up"),
        ("http://127.0.0.1:5000/#/models/demo@champion", "http://127.0.0.1:5000/#/models/demo@champion"),
        ("http://127.0.0.1:5000 or models:/demo@champion", "http://127.0.0.1:5000 or models:/demo@champion"),
        ("sqlite:////home/anna/mlruns/mlflow.db", "sqlite:////home/anna/mlruns/mlflow.db"),
        ("mail to anna@example.org", "mail to anna@example.org"),
    ],
)
def test_a_password_is_hidden_and_nothing_else_is(address: str, shown: str) -> None:
    assert without_passwords(address) == shown


def test_errors_hide_what_they_were_given() -> None:
    address = f"http://anna:{SECRET}@host"
    error = TrackingFailed(f"MLflow at {address}", f"See {address}.")
    assert SECRET not in f"{error} {error.problem} {error.remedy} {first_line(ValueError(address))}"


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://anna:{SECRET}@127.0.0.1:1/mlflow",  # its driver is no part of what is installed
        f"http://anna:{SECRET}@127.0.0.1:1",
        f"nonsense://anna:{SECRET}@127.0.0.1:1",
    ],
)
def test_no_command_shows_the_password_of_the_store(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_trials(monkeypatch)
    assert call("search", write_campaign(tmp_path), "--no-tracking").exit_code == 0
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for arguments in (("sync",), ("doctor",), ("ui",), ("sync", "-vv")):
        ended = call(*arguments)
        assert ended.exit_code != 0
        assert SECRET not in ended.stdout + ended.stderr
        assert "anna:***@" in ended.stdout + ended.stderr


def test_the_end_of_a_search_hides_it_too(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://anna:{SECRET}@host")
    shown = "\n".join(where_it_shows(home, None, "tiny", tracking=True))
    assert SECRET not in shown
    assert "http://anna:***@host" in shown


@pytest.mark.usefixtures("home")
def test_a_missing_driver_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick_trials(monkeypatch)
    assert call("search", write_campaign(tmp_path), "--no-tracking").exit_code == 0
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://db/mlflow")
    ended = call("sync")
    assert ended.exit_code == 5
    assert "the Python package psycopg, by which it is reached, is not installed" in ended.stderr
