"""A home that was moved or copied: MLflow's file names the old place of every artifact, and is told the new one.

In: a Home and the old place. Out: the same store, whose addresses lead into this home. MLflow has no function for this;
the columns are those of its schema that hold addresses of files, and a copy of the file is kept from before.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from fer_exp.records import now_ms
from fer_exp.system.errors import TrackingFailed
from fer_exp.system.home import Home
from fer_exp.tracking.store import holding

COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def relocate(home: Home, old_artifacts: Path) -> int:
    """Makes every address that lies in `old_artifacts` lie in the home's artifacts; how many there were.

    Raises:
        TrackingFailed: The file cannot be read or written; it is as it was.
    """
    with holding(home.root / "mlflow.lock"):
        shutil.copy2(home.database, home.database.with_name(f"mlflow.db.before-move-{now_ms()}"))
        try:
            with closing(sqlite3.connect(home.database)) as database, database:
                return sum(_replace(database, home, old_artifacts, *column) for column in COLUMNS)
        except sqlite3.Error as error:
            raise TrackingFailed(f"MLflow's file {home.database}: {error}", "It is as it was.") from error


def _replace(database: sqlite3.Connection, home: Home, old: Path, table: str, column: str) -> int:
    known = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
    if column not in known:
        return 0  # of another version of MLflow
    changed = 0
    for before, after in ((old.as_uri(), home.artifacts.as_uri()), (str(old), str(home.artifacts))):
        command = f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?"
        begins = before + "/"
        changed += database.execute(command, (after + "/", len(begins) + 1, len(begins), begins)).rowcount
    return changed
