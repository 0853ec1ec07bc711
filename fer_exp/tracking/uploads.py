"""A record's files as artifacts, by role, each sent once per content; and the note of what was sent.

In: a folder and the note in it (`tracking.json`). Out: uploads, and the next note. The note only saves work: without it
everything is sent again, to the same places.
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import Field

from fer_exp.model_card import CARD
from fer_exp.records import ASKED, Record
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import TEMPORARY, write_atomically
from fer_exp.system.values import Value
from fer_exp.tracking.store import Store

NOTE = "tracking.json"
_ROLES = {  # the first that fits names the artifact folder
    "figures/*": "figures",
    "test/*": "test",
    "external/*": "external",
    "report.*": "reports",
    "calibration.json": "reports",
    "predictions*.npz": "predictions",
    "attempt-*.log": "logs",
}
_ELSEWHERE = (NOTE, ASKED, "model.keras", "checkpoint-*", f"{TEMPORARY}*")  # a logged model, or no artifact
_GROWING = ("history.jsonl", "attempt-*.log")  # sent when the training has ended, not every second
_CAMPAIGN_FILES = ("campaign.json", "leaderboard.*", "importance.json", "ledger.jsonl", "report.*", CARD, "figures/*")


class Note(Value):
    """What one run has been told."""

    run_id: str
    epochs: int = 0
    files: dict[str, str] = Field(default_factory=dict)  # stamp by path within the folder
    model: str | None = None  # stamp of the model file that is logged; empty: none is, None: not looked yet


def read_note(folder: Path, run_id: str) -> Note:
    """The note about `run_id` in `folder`; an empty one where there is none, or it speaks of another run."""
    try:
        note = Note.read(folder / NOTE)
    except BadRecord:
        return Note(run_id=run_id)
    return note if note.run_id == run_id else Note(run_id=run_id)


def write_note(folder: Path, old: Note, new: Note) -> None:
    """Stores `new` where it says more than `old`; what a kill left half written goes. The caller holds the lock."""
    if new != old:
        for left in folder.glob(f"{TEMPORARY}*-{NOTE}"):
            left.unlink(missing_ok=True)
        write_atomically(folder / NOTE, new.sealed(indent=1))


def stamp(path: Path) -> str:
    """Size and time of a file; changes whenever it is written. Empty while it is absent."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return ""
    return f"{found.st_size}-{found.st_mtime_ns}"


def record_files(record: Record, *, growing: bool) -> Iterator[tuple[Path, str]]:
    """The files of a record and the artifact folder of each; those still `growing` only if wanted."""
    for path in sorted(record.path.rglob("*")):
        within = path.relative_to(record.path)
        is_ours = any(path.match(pattern) for pattern in _ELSEWHERE)
        if path.is_file() and not is_ours and (growing or not any(within.match(name) for name in _GROWING)):
            yield path, _role(within)


def _role(within: Path) -> str:
    top = next((role for pattern, role in _ROLES.items() if Path(within.parts[0], "x").match(pattern)), None)
    if top is not None and len(within.parts) > 1:
        return within.parent.as_posix()
    found = next((role for pattern, role in _ROLES.items() if within.match(pattern)), "record")
    return found if len(within.parts) == 1 else f"record/{within.parent.as_posix()}"


def campaign_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """The files of a campaign itself and the artifact folder of each."""
    for pattern in _CAMPAIGN_FILES:
        for path in sorted(folder.glob(pattern)):
            if path.is_file() and not path.name.startswith(TEMPORARY):
                yield path, "figures" if path.parent.name == "figures" else "campaign"


def upload(
    store: Store, run_id: str, folder: Path, files: Iterator[tuple[Path, str]], sent: Mapping[str, str]
) -> dict[str, str]:
    """Sends the files that are new or changed since `sent`; what has been sent after it."""
    known = dict(sent)
    for path, role in files:
        name, now = path.relative_to(folder).as_posix(), stamp(path)
        if now and known.get(name) != now:
            store.client.log_artifact(run_id, str(path), role)
            known[name] = now
    return known


def upload_text(store: Store, run_id: str, name: str, text: str) -> None:
    """Sends `text` as an artifact called `name`."""
    with tempfile.TemporaryDirectory(prefix="fer-exp-") as folder:
        path = Path(folder, name)
        path.write_text(text, encoding="utf-8")
        store.client.log_artifact(run_id, str(path))
