"""Checks of a campaign as a whole: its file, its state, its lock, its versions, what was left lying about.

In: a Case. Out: Findings. A new check is a function here, in record_checks.py or in shown_checks.py, and a name in that
module's list.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fer_exp.doctor.case import ENDED, Case
from fer_exp.doctor.findings import Code, Finding, Mend
from fer_exp.doctor.mending import remove, state_aside
from fer_exp.system import lock
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import TEMPORARY, is_abandoned
from fer_exp.system.provenance import PACKAGES
from fer_exp.system.values import first_line
from fer_exp.tuning.state import lag

Check = Callable[[Case], Iterator[Finding]]

_REBUILT = "moves the state to set-aside/; the next search makes it again from the records"


def later_versions(case: Case) -> Iterator[Finding]:
    """Files that a later fer-exp wrote; nothing else is said about them."""
    found = [*case.versions, *((c.record.path / "trial.json", c.version) for c in case.charts if c.version)]
    for path, number in found:
        what = f"its schema is version {number}, later than this fer-exp knows"
        yield Finding(Code.LATER_VERSION, case.within(path), what, "use the fer-exp that wrote it, or a later one")


def campaign_file(case: Case) -> Iterator[Finding]:
    """Records without a campaign, or with one that cannot be read."""
    path = case.folder / "campaign.json"
    if case.spec is not None or any(path == later for later, _ in case.versions):
        return
    back = "put campaign.json back from a pack or from the artifacts of the campaign's run in MLflow"
    if path.exists():
        yield Finding(Code.CAMPAIGN_UNREADABLE, case.within(path), case.spec_problem or "", back)
    elif case.charts or (case.folder / "state.json").exists():
        what = f"{len(case.charts)} records and no campaign.json"
        yield Finding(Code.CAMPAIGN_MISSING, case.within(case.folder), what, back)


def state_file(case: Case) -> Iterator[Finding]:
    """A state that is torn or not one."""
    path = case.folder / "state.json"
    if case.state_problem is not None and not any(path == later for later, _ in case.versions):
        problem = case.state_problem
        yield Finding(Code.STATE_UNREADABLE, case.within(path), problem, _REBUILT, state_aside(case, problem))


def state_and_records(case: Case) -> Iterator[Finding]:
    """What the state says of trials against the records; only while nobody drives, for the two are written in turn."""
    if case.driven or case.trials is None:
        return
    charts = {int(c.record.path.name): c for c in case.charts_in("trials") if c.record.path.name.isdigit()}
    numbers = {*case.trials, *charts}
    unnamed = max(case.trials, default=0) + 1  # made before the state names it, so a kill may have come between
    behind = lag(max(charts, default=0))
    for number in range(max(numbers, default=-1) + 1):
        told, chart = case.trials.get(number), charts.get(number)
        if number == 0:
            found = None if chart else (Code.NUMBER_MISSING, "there are trials, but no baseline")
        elif told is None and chart is None:
            found = (Code.NUMBER_MISSING, "neither a record nor the state has this number, but later ones")
        elif chart is None:
            found = (Code.TRIAL_WITHOUT_RECORD, f"the state knows the trial as {told}, and it has no record")
        elif told is None:
            # The next search asks for it again, and finds it; so it does for those that a long search had yet to name.
            harmless = number == unnamed and not chart.tried
            harmless |= behind > 1 and number < unnamed + behind
            found = None if harmless else (Code.RECORD_UNKNOWN, "the state does not know this record")
        else:
            open_still = chart.usable and chart.outcome is None and told in ENDED
            found = (
                (Code.STATE_AHEAD, f"the state knows it as {told}, its record has not ended") if open_still else None
            )
        if found is not None:
            code, what = found
            where = case.within(case.folder / "trials" / f"{number:04d}")
            yield Finding(code, where, what, _REBUILT, state_aside(case, f"{where}: {what}"))


def lock_file(case: Case) -> Iterator[Finding]:
    """A lock that cannot be read, or is held though its owner is gone; every search leaves an empty one."""
    path = case.folder / lock.FILE
    if not path.is_file() or path.stat().st_size == 0:
        return
    try:
        owner = lock.Owner.read(path)
    except BadRecord as error:
        if not case.driven:
            what = f"it names no owner ({first_line(error)}), and nobody holds it"
            # Taking the lock is the mend. To delete the file while holding it would let somebody else lock another.
            mend = Mend(f"lock {path}", lambda: None)
            yield Finding(Code.LOCK_STALE, case.within(path), what, "takes the lock, which empties it", mend)
        return
    if case.driven and lock.standing(owner) is lock.Standing.GONE:
        what = f"process {owner.pid} that took it is gone, but something it started still holds it"
        yield Finding(Code.LOCK_STALE, case.within(path), what, "end that process; `fuser` names it")


def leftover_files(case: Case) -> Iterator[Finding]:
    """Files that a killed process left half written."""
    for path in case.files(f"{TEMPORARY}*"):
        if not case.driven and is_abandoned(path):
            what = f"half written by a process that is gone ({path.stat().st_size} bytes)"
            yield Finding(Code.LEFTOVER_FILE, case.within(path), what, "deletes it", remove(path))


def package_versions(case: Case) -> Iterator[Finding]:
    """Packages of another major version than the one that trained; one line each, however many records."""
    made = Counter(
        (package, major)
        for chart in case.charts
        for package, major in _majors(chart.record.path / "provenance.json").items()
    )
    for (package, major), count in sorted(made.items()):
        installed = _installed(package)
        if installed is not None and installed.partition(".")[0] != major:
            what = f"{count} records were made with {package} {major}, installed is {installed}"
            advice = f"go on with {package} {major} to compare like with like"
            yield Finding(Code.PACKAGE_VERSION, case.within(case.folder), what, advice)


def _majors(path: Path) -> dict[str, str]:
    try:
        facts = json.loads(path.read_bytes())
        named = {package: facts.get(f"version.{package}") for package in PACKAGES}
    except (OSError, ValueError, AttributeError):
        return {}
    return {package: said.partition(".")[0] for package, said in named.items() if isinstance(said, str)}


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None  # another backend: nothing to compare with


CHECKS: tuple[Check, ...] = (
    later_versions,
    campaign_file,
    state_file,
    state_and_records,
    lock_file,
    leftover_files,
    package_versions,
)
