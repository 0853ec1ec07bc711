"""Whether MLflow's file in the home is fit for what is to be trained, asked before anything is.

In: a Home and a campaign's name. Out: nothing, or an error. MLflow is not loaded for it, which takes seconds: the file
is asked itself.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlparse

from fer_exp.system.errors import TrackingFailed
from fer_exp.system.home import Home


def refuse_moved_store(home: Home, name: str) -> None:
    """Passes where the home's own store, if it is in use, keeps the campaign's artifacts in this home.

    Raises:
        TrackingFailed: It still names the place where the home was before.
    """
    if home.tracking_uri != home.own_tracking_uri or not home.database.exists():
        return
    try:
        with closing(sqlite3.connect(f"file:{home.database}?mode=ro", uri=True)) as database:
            row = database.execute("SELECT artifact_location FROM experiments WHERE name = ?", (name,)).fetchone()
    except sqlite3.Error:
        return  # MLflow itself says better what is wrong with it
    if row is None or not str(row[0]).startswith("file:"):
        return
    there = Path(unquote(urlparse(str(row[0])).path))
    if there.resolve() != (home.artifacts / name).resolve():
        raise TrackingFailed(
            f"MLflow keeps the artifacts of {name} in {there}, expected {home.artifacts / name}: the home was moved",
            "Nothing was trained. `fer-exp doctor --fix` mends it; --no-tracking trains without MLflow.",
        )
