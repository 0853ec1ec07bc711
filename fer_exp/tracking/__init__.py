"""Tracking: what MLflow shows of a campaign. A projection of its records, which are complete without it.

In: a campaign's folder. Out: one MLflow experiment with a parent run, a run per record, datasets, models and a
registry. The only part that imports mlflow.

    store         the MLflow server or SQLite file, its errors in one line
    bounds        answers of a server that do not end
    mapping       a record as tags, parameters and metrics; plain values
    datasets      the parts of the data a record was trained on
    uploads       a record's files by role, each once per content
    runs          one run per record, found by a tag of our own
    models        model.keras as a logged model with signature and requirements, without starting Keras
    projection    `sync`: MLflow level with the records, any number of times
    find          from a run or a model back to its record
    versions      of a campaign's registered model, made and made again
    registry      a record's model registered, and the champion of a campaign
    writer        one writer at a time moves a champion
    pages         what MLflow's pages open with
    follower      the tracker process beside a search
    leftovers     artifacts that nothing refers to
    deletion      what MLflow holds of a campaign, deleted
    relocation    the addresses of a home that was moved
    inspect       what MLflow holds of a campaign, for the doctor
    serving       what a process that serves a logged model needs
    ui            MLflow's own pages on the right store
"""

import os

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds without a byte
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",  # a server may ask for up to six hours; the tracker asks again
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # one line a run otherwise, in the middle of the search's display
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",  # a kept connection writes to a file that was moved away since
    "GIT_PYTHON_REFRESH": "quiet",  # a machine without git is fine
}
for _name, _value in _SETTINGS.items():
    os.environ.setdefault(_name, _value)

from fer_exp.tracking.find import RunRef, download_model, find_model, find_run, run_id_of  # noqa: E402
from fer_exp.tracking.follower import follow  # noqa: E402
from fer_exp.tracking.projection import SyncReport, sync  # noqa: E402
from fer_exp.tracking.registry import Champion, champion, register, set_champion  # noqa: E402
from fer_exp.tracking.ui import serve_ui  # noqa: E402
from fer_exp.tracking.versions import RegisteredVersion  # noqa: E402
from fer_exp.tracking.writer import only_writer  # noqa: E402

__all__ = [
    "Champion",
    "RegisteredVersion",
    "RunRef",
    "SyncReport",
    "champion",
    "download_model",
    "find_model",
    "find_run",
    "follow",
    "only_writer",
    "register",
    "run_id_of",
    "serve_ui",
    "set_champion",
    "sync",
]
