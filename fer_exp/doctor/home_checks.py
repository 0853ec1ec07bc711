"""Checks of a home outside its campaigns: what lies there and belongs to nothing any more.

In: a Home. Out: Findings, each with its size; `--fix` deletes them.
"""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from fer_exp.doctor.findings import Code, Finding, Mend
from fer_exp.system.files import size_of
from fer_exp.system.home import DELETED, Home


def leftovers(home: Home, *, tracking: bool) -> Iterator[Finding]:
    """Campaigns whose deletion was cut short; with `tracking`, artifacts that the home's own MLflow does not name."""
    for path in sorted(home.root.glob(f"{DELETED}*")):
        yield _leftover(home, path, "a campaign that was deleted, and not to the end")
    if tracking and home.tracking_uri == home.own_tracking_uri and home.artifacts.is_dir():
        from fer_exp.tracking.leftovers import unreferenced

        for path in unreferenced(home):
            yield _leftover(home, path, "MLflow names no run or model that has it")


def _leftover(home: Home, path: Path, what: str) -> Finding:
    where = path.relative_to(home.root.resolve() if path.is_relative_to(home.root.resolve()) else home.root)
    mend = Mend(f"remove {path}", partial(shutil.rmtree, path, ignore_errors=True))
    said = f"{what}; {size_of(path) / 1e6:,.1f} MB"
    return Finding(Code.LEFTOVER_FOLDER, where.as_posix(), said, "deletes it", mend)
