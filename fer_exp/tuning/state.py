"""What a campaign remembers between two starts: one file, replaced atomically.

In: the proposer's state. Out: the same at the next start, or a damaged file set aside for the user to look at.
Everything else is read from the records. The file grows with the trials, so that of a long search is not written
at each change: the records tell the changes since.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_exp.records import now_ms
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import is_there, read_file, sync_folder, write_atomically
from fer_exp.system.values import Value, seal

SCHEMA = 1
FILE = "state.json"
OFTEN = 500  # trials up to twice which it is written at each change; at ten thousand, at every twentieth


class CampaignState(Value):
    """`state.json`."""

    schema_version: int = SCHEMA
    proposer: dict[str, Any]
    finished: bool = False  # the budget was spent when this was written


@dataclass(frozen=True)
class WrittenState:
    """A `CampaignState` whose larger part is in words already; its file is the same to the byte."""

    proposer: str  # JSON on one line
    finished: bool = False

    def sealed(self) -> str:
        """As `CampaignState.sealed`."""
        finished = str(self.finished).lower()
        return seal(f'{{"schema_version":{SCHEMA},"proposer":{self.proposer},"finished":{finished}}}')


def read_state(folder: Path) -> CampaignState | None:
    """The state an earlier start left in the campaign's folder, or None.

    Raises:
        LaterState: The file is of a later version, which this one must not touch.
        BadRecord: The file is damaged.
    """
    path = folder / FILE
    if not is_there(path):
        return None
    version = _version(path)
    if version > SCHEMA:
        raise LaterState(
            f"{path}: expected schema version {SCHEMA} or lower, received {version}",
            "Nothing was changed. Use the version of fer-exp that wrote it, or a later one.",
        )
    return CampaignState.read(path)


class LaterState(BadRecord):
    """The state was written by a later version: whole, and none of this one's business."""


def _version(path: Path) -> int:
    """What the file calls itself, whatever else a later version may have put into it; 0 where it says nothing."""
    try:
        stored = json.loads(read_file(path))
    except (OSError, ValueError, RecursionError):
        return 0
    version = stored.get("schema_version") if isinstance(stored, dict) else None
    return version if isinstance(version, int) else 0


def lag(trials: int) -> int:
    """How many changes of a search with so many trials its file may be behind, the one that is being written included.

    A trial that is asked for is a change, and its end is one.
    """
    return max(trials // OFTEN, 1)


def write_state(folder: Path, state: CampaignState | WrittenState) -> None:
    """Replaces the state."""
    write_atomically(folder / FILE, state.sealed())


def set_aside(folder: Path) -> Path:
    """Gives the state file another name, under which nobody reads it, and says which."""
    path = folder / FILE
    milliseconds = now_ms()
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(milliseconds / 1000))
    aside = path.with_name(f"{FILE}.damaged-{stamp}.{milliseconds % 1000:03d}Z")
    path.rename(aside)
    sync_folder(folder)
    return aside
