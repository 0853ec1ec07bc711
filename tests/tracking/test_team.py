"""A team's tracking: a password, PostgreSQL, artifacts on an S3 server, several campaigns at once."""

import os
import subprocess
import sys
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
from fer_exp.tracking import only_writer, sync
from fer_exp.tracking.store import Store
from fer_exp.tracking.writer import LEASE, TAG
from tests.killing import campaign
from tests.team_server import Team, missing, team_server
from tests.tracked import all_runs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.skipif(bool(missing()), reason=missing())]

SEARCH = """
import sys
from tests.nursery import warm_up
from tests.fake_trials import train_fake
warm_up(entry=train_fake)
from fer_exp.cli import main
sys.argv = ["fer-exp", *sys.argv[1:]]
main()
"""


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    with team_server() as servers:
        yield servers


def start(home: Home, *arguments: object, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SEARCH, *map(str, arguments)],
        env={**os.environ, "FER_EXP_HOME": str(home.root), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


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


def test_two_campaigns_at_once_show_every_trial_and_a_wrong_password_loses_nothing(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [campaign(tmp_path / name, Algorithm.RANDOM, 1, 1) for name in ("ada", "grace")]
    searches = [
        start(home, "search", file, "--name", f"of-{home.root.parent.name}", **team.environment)
        for home, file in places
    ]
    said = ""
    for search in searches:
        written, errors = search.communicate(timeout=600)
        assert search.returncode == 0, (written, errors)
        said += written + errors
    for name, value in team.environment.items():
        monkeypatch.setenv(name, value)
    for home, _ in places:
        if "fer-exp sync" in said:  # a busy machine: the search did not wait for MLflow
            sync(home, f"of-{home.root.parent.name}")
        runs = all_runs(home, f"of-{home.root.parent.name}")
        assert len(runs) == 3  # the campaign, its baseline and a trial
        assert {run.info.status for run in runs} == {"FINISHED"}
    kept = [entry.key for entry in team.bucket().objects.all()]
    assert sum(key.endswith("model.keras") for key in kept) >= 4
    assert not any((home.root / "artifacts").exists() for home, _ in places)
    home, file = campaign(tmp_path / "eve", Algorithm.RANDOM, 1, 1)
    wrong = {**team.environment, "MLFLOW_TRACKING_PASSWORD": "guessed"}
    search = start(home, "search", file, "--name", "of-eve", **wrong)
    written, said = search.communicate(timeout=600)
    assert search.returncode == 0, (written, said)
    assert "nothing is lost: fer-exp sync of-eve" in written
    assert "guessed" not in written + said
    assert len(list((home.campaign("of-eve") / "trials").glob("*/outcome.json"))) == 2
    later = start(home, "sync", "of-eve", **team.environment)
    later.communicate(timeout=600)
    assert later.returncode == 0
    assert len(all_runs(home, "of-eve")) == 3
    assert MlflowClient(team.uri).get_experiment_by_name("of-eve") is not None


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
