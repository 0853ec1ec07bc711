"""What `--fix` may do to a campaign's folder: move aside and tidy up; no result of a training is deleted.

In: a path and why. Out: the path under `set-aside/` of the same campaign, with a note beside it that says what was
wrong and where it stood.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from fer_exp.doctor.case import SET_ASIDE, Case
from fer_exp.doctor.findings import Mend
from fer_exp.system.files import drop_torn_line, sync_folder, write_atomically


def aside(case: Case, path: Path, why: str) -> Mend:
    """Moves `path` out of the way."""
    return Mend(f"aside {path}", lambda: _move_aside(case.folder, path, why))


def state_aside(case: Case, why: str) -> Mend:
    """Moves the state out of the way; a search without one makes it again from the records."""
    return aside(case, case.folder / "state.json", why)


def remove(path: Path) -> Mend:
    """Deletes what a process left behind that can be of no use any more."""
    return Mend(f"remove {path}", lambda: path.unlink(missing_ok=True))


def cut(path: Path) -> Mend:
    """Cuts off what stands behind the last whole line."""
    return Mend(f"cut {path}", lambda: drop_torn_line(path))


def _move_aside(campaign: Path, path: Path, why: str) -> None:
    if not path.exists():
        return  # moved already: with the folder it was in, or for another reason
    target = _free(campaign / SET_ASIDE / "-".join(path.relative_to(campaign).parts))
    when = datetime.now(UTC).isoformat(timespec="seconds")
    note = f"{path.relative_to(campaign).as_posix()} was moved here on {when} by fer-exp doctor: {why}\n"
    write_atomically(target.with_name(f"{target.name}.note"), note)  # first: without a note nobody knows what it is
    shutil.move(path, target)
    sync_folder(path.parent)


def _free(target: Path) -> Path:
    number, free = 1, target
    while free.exists():
        number += 1
        free = target.with_name(f"{target.name}-{number}")
    return free
