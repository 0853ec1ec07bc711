"""A team's tracking: a password, PostgreSQL, artifacts on an S3 server, several campaigns at once."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mlflow import MlflowClient

from fer_exp.campaign import Algorithm
from fer_exp.system.home import Home
from fer_exp.tracking import only_writer
from fer_exp.tracking.store import Store
from fer_exp.tracking.writer import LEASE, TAG
from tests.killing import campaign
from tests.nursery import Nursery, nursery
from tests.team_server import Team, missing, team_server
from tests.tracked import all_runs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.skipif(bool(missing()), reason=missing())]


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    with team_server() as servers:
        yield servers


@pytest.fixture(scope="module")
def drivers() -> Iterator[Nursery]:
    """Searches that load nothing when they start: four of them would load Keras and MLflow for minutes."""
    with nursery() as ready:
        yield ready


def status_of(uri: str, **headers: str) -> int:
    request = urllib.request.Request(f"{uri}/api/2.0/mlflow/experiments/search?max_results=1", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code)


def test_who_has_no_password_or_comes_by_another_name_is_refused(team: Team) -> None:
    assert status_of(team.uri) == 401
    assert status_of(team.uri, Host="evil.example.org") == 403


def test_two_campaigns_at_once_show_every_trial(
    team: Team, drivers: Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {f"of-{name}": campaign(tmp_path / name, Algorithm.RANDOM, 1, 1) for name in ("ada", "grace")}
    searches = {
        name: drivers.start(home, "search", file, "--name", name, variables=team.environment)
        for name, (home, file) in places.items()
    }
    for name, search in searches.items():
        assert search.wait() == 0, search.said
        if f"fer-exp sync {name}" in search.said:  # a busy machine: the search did not wait for MLflow
            code, said = drivers.run(places[name][0], "sync", name, variables=team.environment)
            assert code == 0, said
    for name, value in team.environment.items():
        monkeypatch.setenv(name, value)
    for name, (home, _) in places.items():
        runs = all_runs(home, name)
        assert len(runs) == 3  # the campaign, its baseline and a trial
        assert {run.info.status for run in runs} == {"FINISHED"}
        assert not (home.root / "artifacts").exists()
    kept = [entry.key for entry in team.bucket().objects.all()]
    assert sum(key.endswith("model.keras") for key in kept) >= 4


def test_a_wrong_password_loses_nothing(
    team: Team, drivers: Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, file = campaign(tmp_path / "eve", Algorithm.RANDOM, 1, 1)
    wrong = {**team.environment, "MLFLOW_TRACKING_PASSWORD": "guessed"}
    code, said = drivers.run(home, "search", file, "--name", "of-eve", variables=wrong)
    assert code == 0, said
    assert "nothing is lost: fer-exp sync of-eve" in said
    assert "guessed" not in said
    assert len(list((home.campaign("of-eve") / "trials").glob("*/outcome.json"))) == 2
    for name, value in team.environment.items():
        monkeypatch.setenv(name, value)
    assert MlflowClient(team.uri).get_experiment_by_name("of-eve") is None
    code, said = drivers.run(home, "sync", "of-eve", variables=team.environment)
    assert code == 0, said
    assert len(all_runs(home, "of-eve")) == 3


def test_a_champion_has_one_writer_at_a_time(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in team.environment.items():
        monkeypatch.setenv(name, value)
    client = MlflowClient(team.uri)
    client.create_registered_model("shared")
    store = Store(Home(tmp_path), team.uri, client)
    inside: list[int] = []
    seen: list[int] = []
    said: list[str] = []

    def write(number: int) -> None:
        with only_writer(store, "shared", said.append):
            inside.append(number)
            time.sleep(0.5)
            seen.append(len(inside))
            inside.remove(number)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, range(3)))
    assert seen == [1, 1, 1]
    assert said
    assert client.get_registered_model("shared").tags == {}
    client.set_registered_model_tag("shared", TAG, f"of-a-dead-writer {time.time() - LEASE - 1:.0f}")
    write(3)
    assert seen == [1, 1, 1, 1]
