"""What a campaign remembers between two starts: one file, replaced atomically, and a lock.

In: the proposer's state. Out: the same at the next start. Everything else is read from the records.
"""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fer_exp.errors import BadRecord, Busy
from fer_exp.files import drop_partial, is_there, write_atomically
from fer_exp.values import Value

SCHEMA = 1
OWNER_LENGTH = 10_000  # characters read of what the holder of a lock says about itself


class CampaignState(Value):
    """`state.json`."""

    schema_version: int = SCHEMA
    proposer: dict[str, Any]
    finished: bool = False  # the budget was spent when this was written


def read_state(folder: Path) -> CampaignState | None:
    """The state an earlier start left in the campaign's folder, or None.

    Raises:
        BadRecord: The file is damaged or of a later version.
    """
    path = folder / "state.json"
    if not is_there(path):
        return None
    state = CampaignState.read(path)
    if state.schema_version > SCHEMA:
        raise BadRecord(
            f"{path}: expected schema version {SCHEMA} or lower, received {state.schema_version}",
            "Nothing was changed. Use the version of fer-exp that wrote it, or a later one.",
        )
    return state


def write_state(folder: Path, state: CampaignState) -> None:
    """Replaces the state."""
    write_atomically(folder / "state.json", state.sealed())


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Holds the campaign against other drivers on this machine; the kernel lets go when the process ends, in any way.

    Raises:
        Busy: Another process holds it.
        BadRecord: Something else than a file has the lock's name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "lock.json"
    if is_there(path) and not path.is_file():
        raise BadRecord(
            f"{path}: expected a file to lock, received something else of that name",
            "Nothing was changed. Move it away and give the same command again.",
        )
    with path.open("a+", errors="replace") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            held.seek(0)
            raise Busy(
                f"campaign {folder.name!r} is being driven by {_owner(held.read(OWNER_LENGTH))}",
                "Nothing was changed. Wait for it, or stop that process first.",
            ) from error
        held.seek(0)
        held.truncate()
        json.dump({"pid": os.getpid(), "host": socket.gethostname()}, held)
        held.flush()
        drop_partial(folder)
        yield


def _owner(text: str) -> str:
    try:
        owner = json.loads(text)
        return f"process {int(owner['pid'])} on {str(owner['host'])[:100]!s}"
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return "another process"


def is_driven(folder: Path) -> bool:
    """Whether a search or retrain is at work in the campaign's folder now."""
    try:
        with (folder / "lock.json").open() as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
