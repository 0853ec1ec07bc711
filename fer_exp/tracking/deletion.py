"""Deleting what MLflow holds of a campaign: its registered model, its experiment with all runs, and their files.

In: a Home and a name. Out: MLflow without it. The experiment is renamed first, so that a later campaign of the name
does not bring it back. In the home's own store all of it is deleted for good; on a server it goes into MLflow's
trash, which `mlflow gc` empties there.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException

from fer_exp.records import now_ms
from fer_exp.system.errors import TrackingFailed
from fer_exp.system.home import Home
from fer_exp.tracking.store import Store, asking, connect

_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
_LAST = 200  # characters of MLflow's own words


def delete_from_mlflow(home: Home, name: str) -> None:
    """Deletes the registered model `name` and the experiment `name`, and in the home's own store their files.

    May be given again after it was cut short. Nothing happens where MLflow knows neither.

    Raises:
        TrackingFailed: MLflow does not answer or refuses; what was deleted until then stays deleted.
    """
    store = connect(home)
    with asking(store.uri):
        _delete_model(store, name)
        experiment = store.client.get_experiment_by_name(name)
        if experiment is not None:
            _delete_experiment(store, experiment)
        if store.own:
            for left in _trash(store, name):
                _purge(store, left)
            shutil.rmtree(home.artifacts / name, ignore_errors=True)


def _delete_model(store: Store, name: str) -> None:
    try:
        store.client.delete_registered_model(name)
    except MlflowException as error:
        if error.error_code not in _ABSENT:
            raise


def _delete_experiment(store: Store, experiment: Experiment) -> None:
    if experiment.lifecycle_stage == "deleted":
        store.client.restore_experiment(experiment.experiment_id)  # a deleted one cannot be renamed
    store.client.rename_experiment(experiment.experiment_id, _name_in_trash(experiment.name))
    store.client.delete_experiment(experiment.experiment_id)


def _name_in_trash(name: str) -> str:
    return f"{name} (deleted {now_ms()})"


def _trash(store: Store, name: str) -> Iterator[Experiment]:
    """What `_delete_experiment` left, of this time and of any that was cut short."""
    for found in store.client.search_experiments(view_type=2):  # MLflow's number for what is deleted
        if found.name.startswith(f"{name} (deleted "):
            yield found


def _purge(store: Store, experiment: Experiment) -> None:
    """MLflow's own `gc`, which has no function; the address may hold a password, so it is no argument."""
    command = [sys.executable, "-m", "mlflow", "gc", "--experiment-ids", experiment.experiment_id]
    environment = os.environ | {"MLFLOW_BACKEND_STORE_URI": store.uri, "MLFLOW_TRACKING_URI": store.uri}
    command += ["--backend-store-uri", store.uri]  # of an SQLite file, which has no password
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise TrackingFailed(
            f"MLflow did not empty its trash of {experiment.name}: {ended.stderr.strip()[-_LAST:]}",
            "Its runs are in the trash; give the same command again.",
        )
