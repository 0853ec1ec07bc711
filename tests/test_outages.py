"""MLflow may be away, broken or hang: nothing waits for it, nothing is lost, and the next sync brings it level.

A real server, behind a front that misbehaves; trials are fake.
"""

import contextlib
import time
from collections.abc import Iterator
from multiprocessing import forkserver
from pathlib import Path

import pytest

from fer_exp.errors import TrackingFailed
from fer_exp.home import Home
from fer_exp.records import Kind
from fer_exp.tracking import SyncReport, bounds, sync
from tests.commands import done, refused
from tests.servers import Front, Manner, MlflowServer, served
from tests.tracked import NAME, begin, begin_campaign, finish

QUICKLY = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "4", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
WRONG = [manner for manner in Manner if manner is not Manner.PASS_ON]
TRIALS = 6


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, mlflow_db: Path) -> Iterator[tuple[MlflowServer, Front]]:
    """One server for all tests here. The tracker's process has its environment from the fork server, started here."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # an earlier test's knows nothing of this server
    with served(tmp_path_factory.mktemp("server"), mlflow_db) as (server, front), pytest.MonkeyPatch.context() as patch:
        for name, value in {"MLFLOW_TRACKING_URI": front.uri, **QUICKLY}.items():
            patch.setenv(name, value)
        yield server, front
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


@pytest.fixture
def server(real: tuple[MlflowServer, Front], monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowServer]:
    """The server, empty as far as campaigns go, and in order afterwards."""
    found, front = real
    for name, value in {"MLFLOW_TRACKING_URI": front.uri, **QUICKLY}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(bounds, "LONGEST_ANSWER", 2.0)
    yield found
    front.behave(Manner.PASS_ON)
    for name in (NAME, "tiny", "toy"):
        found.set_aside(name)


@pytest.fixture
def front(real: tuple[MlflowServer, Front], server: MlflowServer) -> Front:
    front = real[1]
    front.count_from_here()
    return front


@pytest.fixture
def shown(home: Home, server: MlflowServer) -> Home:
    """A home with a finished baseline that nobody has told the server of."""
    begin_campaign(home)
    finish(begin(home, 0, kind=Kind.BASELINE))
    return home


def as_new(server: MlflowServer, home: Home) -> None:
    """Server and home as if there had been no sync."""
    server.set_aside(NAME)
    for note in home.campaign(NAME).rglob("tracking.json"):
        note.unlink()


# -- a sync that fails


@pytest.mark.slow
@pytest.mark.parametrize("passed_on", [False, True], ids=["before it is passed on", "before the answer is"])
def test_a_sync_that_fails_at_any_request_is_made_good_by_the_next(
    shown: Home, server: MlflowServer, front: Front, *, passed_on: bool
) -> None:
    sync(shown, NAME)
    undisturbed, requests = server.shown(NAME), len(front.asked)
    assert requests > 20
    for number in range(1, requests + 1):
        as_new(server, shown)
        front.count_from_here(number, passed_on=passed_on)
        with pytest.raises(TrackingFailed):
            sync(shown, NAME)
        front.count_from_here()
        sync(shown, NAME)
        assert server.shown(NAME) == undisturbed, (number, requests)
        assert sync(shown, NAME) == SyncReport(records=1)
    print(f"\n{requests} requests, each lost once: level after one more sync")


def test_what_mlflow_asks_twice_because_an_answer_was_lost_is_there_once(
    shown: Home, server: MlflowServer, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(shown, NAME)
    undisturbed = server.shown(NAME)
    made = [number for number, asked in enumerate(front.asked, start=1) if "create" in asked or _makes_model(asked)]
    assert len(made) == 4  # experiment, two runs, model
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    for number in made:
        as_new(server, shown)
        front.count_from_here(number, passed_on=True)
        with contextlib.suppress(TrackingFailed):
            sync(shown, NAME)
            assert server.shown(NAME) == undisturbed, front.asked[number - 1]
        sync(shown, NAME)
        assert server.shown(NAME) == undisturbed, front.asked[number - 1]


def _makes_model(asked: str) -> bool:
    return asked.startswith("POST") and asked.endswith("/logged-models")


@pytest.mark.parametrize("manner", WRONG, ids=lambda manner: manner.name.lower())
def test_whatever_answers_a_sync_ends_soon_with_one_line(shown: Home, front: Front, manner: Manner) -> None:
    front.behave(manner)
    began = time.monotonic()
    problem, remedy = refused("sync", NAME, code=5)
    print(f"\n{time.monotonic() - began:.1f} s: {problem}")
    assert time.monotonic() - began < 30
    assert problem.startswith(f"MLflow at {front.uri}: ")
    assert len(problem) < 200
    assert "fer-exp sync" in remedy
    assert front.told < 4 * bounds.LARGEST_ANSWER
    front.behave(Manner.PASS_ON)
    assert done("sync", NAME).startswith(f"{NAME}: 1 records, 2 runs made")
    assert done("sync", NAME) == f"{NAME}: 1 records, nothing to do\n"


def test_a_server_whose_disk_is_full_is_brought_level_when_there_is_room(shown: Home, server: MlflowServer) -> None:
    sync(shown, NAME)
    undisturbed = server.shown(NAME)
    as_new(server, shown)
    server.fill_up()
    try:
        refused("sync", NAME, code=5)
    finally:
        server.make_room()
    sync(shown, NAME)
    assert server.shown(NAME) == undisturbed
