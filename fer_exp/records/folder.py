"""A campaign's folder as a whole: all its records, and how far it has come.

In: a Home and a name. Out: its records, and how far the campaign has come. A search that is at work holds a lock in the
folder, so that nobody has to guess from files whether an unfinished training is being trained.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from fer_exp.records.record import Record, RecordContents, records_in
from fer_exp.records.values import now_ms
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import read_file
from fer_exp.system.lock import is_held

LIGHT = "light.json"  # in a campaign's folder: its records came without models, checkpoints and figures

_FOLDERS = ("trials", "retrains")


def records_of(folder: Path) -> Iterator[Record]:
    """All records of the campaign in `folder`."""
    for name in _FOLDERS:
        yield from records_in(folder / name)


def has_begun(contents: RecordContents) -> bool:
    """Whether a process has worked on the record, or it is answered; else it waits for its turn."""
    return contents.outcome is not None or contents.attempts > 0 or bool(contents.history)


def state_of(folder: Path) -> str:
    """Running while a search holds the campaign; else finished, or interrupted where something was left to do."""
    return "running" if is_held(folder) else state_at_rest(folder)


def state_at_rest(folder: Path) -> str:
    """Finished, or interrupted where something was left to do; for whoever knows that nobody drives the campaign."""
    left = any(not (record.path / "outcome.json").exists() for record in records_of(folder))
    return "interrupted" if left or not _search_finished(folder / "state.json") else "finished"


def _search_finished(path: Path) -> bool:
    """What the search noted at its end; True where it left no note that can be read."""
    try:
        stored = json.loads(read_file(path))
    except (OSError, ValueError, RecursionError):
        return True
    return bool(stored.get("finished", True)) if isinstance(stored, dict) else True


def last_end_ms(folder: Path) -> int:
    """When the last training ended, in milliseconds since 1970; now, where none has."""
    return max((_ended_ms(record) for record in records_of(folder)), default=0) or now_ms()


def _ended_ms(record: Record) -> int:
    try:
        outcome = record.outcome()
    except BadRecord:  # reported by the sync itself
        return 0
    return outcome.ended_ms if outcome else 0
