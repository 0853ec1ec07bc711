"""Folders of MLflow's artifacts in a home that no run, model or version of its store refers to.

In: a Home. Out: those folders. What is in MLflow's trash is still referred to. A store that names places elsewhere was
moved, so nothing can be said of what lies here before it was told the new place; then nothing is given.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from fer_exp.system.home import Home
from fer_exp.tracking.relocation import COLUMNS
from fer_exp.tracking.store import local_path

_CAMPAIGNS = "SELECT artifact_location FROM experiments WHERE experiment_id != 0"  # 0 is MLflow's own, never used here


def unreferenced(home: Home) -> list[Path]:
    """The folders that the home's own store does not name, of whole campaigns or of single runs and models; sorted."""
    if not (home.artifacts.is_dir() and home.database.exists()):
        return []
    root = home.artifacts.resolve()
    # Listed before the store is asked: a run is entered there before it has a folder.
    there = [path for form in ("*", "*/*", "*/models/*") for path in root.glob(form) if path.name != "models"]
    try:
        with closing(sqlite3.connect(f"file:{home.database}?mode=ro", uri=True)) as database:
            campaigns = _places(database, _CAMPAIGNS)
            named = {place for query in _queries(database) for place in _places(database, query)}
    except sqlite3.Error:
        return []  # connecting to it says what is wrong
    if not all(place.is_relative_to(root) for place in campaigns):
        return []
    above = campaigns | {folder for place in named for folder in place.parents}
    stray = [path for path in there if path not in above and path not in named and not named & set(path.parents)]
    return sorted(path for path in stray if path.parent not in stray and path.parent.parent not in stray)


def _queries(database: sqlite3.Connection) -> list[str]:
    """One for each column that holds the places of runs, models and versions, as far as this MLflow has it."""
    return [
        f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"
        for table, column in COLUMNS
        if table != "experiments" and column in {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
    ]


def _places(database: sqlite3.Connection, query: str) -> set[Path]:
    """The folders of this machine that a column names."""
    found = (str(address) for (address,) in database.execute(query))
    return {local_path(address) for address in found if address.startswith(("/", "file:"))}
