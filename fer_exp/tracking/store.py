"""The MLflow store that a home belongs to: a server, or the SQLite file in the home.

In: a Home. Out: a client bound to that store, and its errors as TrackingFailed. The SQLite file is made under another
name and moved into place: MLflow's migration takes seconds, fails when two processes run it at once, and would leave
half a database behind a kill.
"""

import errno
import fcntl
import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

import requests
from google.protobuf.json_format import ParseError
from mlflow import MlflowClient
from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from fer_exp.system.errors import NoSpace, TrackingFailed
from fer_exp.system.files import TEMPORARY, replacing
from fer_exp.system.home import Home, sqlite_uri
from fer_exp.system.passwords import without_passwords
from fer_exp.system.values import first_line
from fer_exp.tracking.bounds import bound_answers

# What comes out of MLflow, its database or its files; the last two where something answers that is no MLflow.
_FAILURES = (
    MlflowException,
    SQLAlchemyError,
    requests.RequestException,
    OSError,
    json.JSONDecodeError,
    ParseError,
    ModuleNotFoundError,  # a database's driver
)
_PLAINLY = (
    ("Connection refused", "it refuses the connection"),
    ("too many ([0-9]+) error responses", r"it answers with error \1"),
    ("[Tt]imed out", "it does not answer in time"),
    (
        "Connection aborted|Connection broken|IncompleteRead|Connection reset",
        "it breaks the connection off",
    ),
    ("not in a valid JSON format. Response body: (.{0,60})", r"it answers, but not as MLflow: \1"),
    ("failed with exception (the answer .*)", r"\1"),
    ("No module named '([^']+)'", r"the Python package \1, by which it is reached, is not installed"),
)
_LINE = 300  # characters of MLflow's own words that are worth showing
_RECORDS_ARE_SAFE = "The records are complete without it; `fer-exp sync` brings MLflow level once it answers."


@dataclass(frozen=True)
class Store:
    """A client and the store it speaks to."""

    home: Home
    uri: str
    client: MlflowClient

    @property
    def own(self) -> bool:
        """Whether the store is the SQLite file of the home, so that artifacts live in the home too."""
        return _is_own(self.home, self.uri)


def connect(home: Home) -> Store:
    """A client for the home's store; makes the SQLite file where that is the store and does not exist yet.

    Raises:
        TrackingFailed: The store does not answer, or is of another MLflow version.
    """
    for noisy in ("alembic", "mlflow.store.db.utils"):  # eighty lines on stderr when a file is made, and one per client
        logging.getLogger(noisy).setLevel(logging.WARNING)
    bound_answers()
    uri = home.tracking_uri
    with asking(uri):
        if _is_own(home, uri):
            _create(home)  # before there is a client, whose first act is to make the file in place
        store = Store(home, uri, MlflowClient(uri))
        store.client.search_experiments(max_results=1)
    _tidy(uri)
    return store


def _tidy(uri: str) -> None:
    """Removes the folder that MLflow makes where the address of an SQLite file is not its path."""
    made = Path(uri.removeprefix("sqlite:///")).parent
    if uri.startswith("sqlite:///") and made != Path(unquote(str(made))):
        with suppress(OSError):  # it is not there, or holds something
            os.removedirs(made)


def _is_own(home: Home, uri: str) -> bool:
    return uri == home.own_tracking_uri


def _create(home: Home) -> None:
    path = home.database
    if path.exists():
        return
    with holding(home.root / "mlflow.lock"):
        if path.exists():
            return
        for left in path.parent.glob(f"{TEMPORARY}*-{path.name}*"):  # by a kill: whoever holds the lock is the only one
            left.unlink()
        with replacing(path) as temporary:
            MlflowClient(sqlite_uri(temporary)).search_experiments(max_results=1)


def experiment_of(store: Store, name: str) -> Experiment:
    """The experiment called `name`: found, restored if it was deleted, or made.

    Raises:
        TrackingFailed: MLflow refuses, or the home was moved and MLflow's file still points to its old place.
    """
    with asking(store.uri):
        experiment = store.client.get_experiment_by_name(name)
        if experiment is None:
            location = (store.home.artifacts / name).as_uri() if store.own else None
            experiment = store.client.get_experiment(store.client.create_experiment(name, location))
        if experiment.name != name:  # something that says yes to everything would be told everything, and keep nothing
            raise MlflowException(f"it answers, but not as MLflow: asked for {name!r}, it gave {experiment.name!r}")
        if experiment.lifecycle_stage == "deleted":
            store.client.restore_experiment(experiment.experiment_id)
    if store.own and local_path(experiment.artifact_location) != (store.home.artifacts / name).resolve():
        raise TrackingFailed(
            f"MLflow keeps the artifacts of {name} in {experiment.artifact_location}, "
            f"expected them in {store.home.artifacts / name}: the home was moved",
            "Nothing was changed. `fer-exp doctor --fix` tells MLflow the new place.",
        )
    return experiment


def local_path(location: str) -> Path:
    """The folder that an artifact location on this machine's disk names."""
    return Path(unquote(urlparse(location).path) if location.startswith("file:") else location).resolve()


@contextmanager
def asking(uri: str) -> Iterator[None]:
    """Turns whatever MLflow, its database or its files raise into TrackingFailed, or NoSpace where the disk is full."""
    try:
        yield
    except _FAILURES as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise NoSpace(f"the disk is full: {first_line(error)}", "Make room, then sync again.") from error
        raise TrackingFailed(f"MLflow at {without_passwords(uri)}: {_said(error)}", _RECORDS_ARE_SAFE) from error


def _said(error: Exception) -> str:
    """What went wrong in a few words; MLflow's own name the address three times and libraries that nobody asked for."""
    line = first_line(error)
    for pattern, words in _PLAINLY:
        if found := re.search(pattern, line):
            return found.expand(words)
    return line[:_LINE]


@contextmanager
def holding(path: Path) -> Iterator[None]:
    """Holds the lock file at `path`, waiting for whoever holds it; the kernel lets go when a process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def quoted(text: str) -> str:
    """`text` as a string of MLflow's filter language."""
    return "'" + text.replace("'", "''") + "'"
