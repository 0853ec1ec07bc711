"""Deleting a campaign: what MLflow shows of it, then its records.

In: a Home and a name. Out: a home without it. The records go last and by one rename, so that a deletion that was cut
short is given again. What the home's ledger says of test parts that its models have met stays: they have met them.
"""

import secrets
import shutil
from dataclasses import dataclass

from fer_exp.records.folder import records_of
from fer_exp.records.handovers import readable_handovers
from fer_exp.system.errors import TrackingFailed
from fer_exp.system.files import size_of
from fer_exp.system.home import DELETED, Home
from fer_exp.system.lock import lock


@dataclass(frozen=True)
class Contents:
    """What would go."""

    records: int
    bytes: int  # of records and, in the home's own store, of MLflow's copies
    handed_over: int  # versions that were registered


def contents_of(home: Home, name: str) -> Contents:
    """What a campaign holds.

    Raises:
        NotFound: There is no such campaign.
    """
    folder = home.recorded_campaign(name)
    size = sum(size_of(part) for part in (folder, home.artifacts / name))
    return Contents(sum(1 for _ in records_of(folder)), size, len({one.version for one in readable_handovers(folder)}))


def delete_campaign(home: Home, name: str, *, tracking: bool = True) -> None:
    """Deletes the campaign with its runs, models and files.

    Args:
        home: Where it is.
        name: Its name.
        tracking: Whether MLflow is told; without, its runs stay there until a `doctor --fix`.

    Raises:
        NotFound: There is no such campaign.
        Busy: Somebody drives it.
        TrackingFailed: MLflow does not answer; the records are all there still.
    """
    folder = home.recorded_campaign(name)
    with lock(folder):
        if tracking:
            from fer_exp.tracking.deletion import delete_from_mlflow

            try:
                delete_from_mlflow(home, name)
            except TrackingFailed as error:
                remedy = "All records are there still. Give the command again once MLflow answers, or --no-tracking."
                raise TrackingFailed(error.problem, remedy) from error
        gone = home.root / f"{DELETED}{name}-{secrets.token_hex(4)}"
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
