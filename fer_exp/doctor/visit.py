"""A doctor's visit: every check on every campaign, and with `--fix` again until nothing is left that can be mended.

In: a home and campaigns. Out: a Report. A visit that only looks writes nothing, and may come while a search is at work:
checks that hold only at rest are left out then. One that mends takes the campaign's lock first.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fer_exp.doctor import campaign_checks, record_checks, shown_checks
from fer_exp.doctor.case import FOLDERS, Case, open_case
from fer_exp.doctor.findings import Code, Finding, Report
from fer_exp.doctor.home_checks import leftovers
from fer_exp.system.errors import TrackingFailed
from fer_exp.system.home import Home
from fer_exp.system.lock import lock

if TYPE_CHECKING:
    from fer_exp.tracking.inspect import Inspection  # brings MLflow

ROUNDS = 6  # what was mended may show what it hid; more rounds than that would mean that a mend does not hold


@dataclass(frozen=True)
class _Seen:
    findings: tuple[Finding, ...]
    records: int
    runs: int | None


def examine(home: Home, names: Iterable[str] | None = None, *, tracking: bool) -> Report:
    """Looks at the campaigns `names` and, with `tracking`, at what MLflow shows of them. Writes nothing.

    Without `names` at all campaigns, and at what lies in the home beside them.
    """
    tracker = _Tracker(home, asked=tracking)
    seen = [_look(home, name, tracker) for name in (campaigns_in(home) if names is None else names)]
    beside = [] if names is not None else list(leftovers(home, tracking=tracker.answers))
    return _report(tracker, seen, (), beside)


def mend(home: Home, names: Iterable[str] | None = None, *, tracking: bool) -> Report:
    """Looks, and mends what can be mended safely; without `names` also what lies in the home beside its campaigns.

    Raises:
        Busy: Somebody drives one of the campaigns; those before it are mended.
    """
    tracker = _Tracker(home, asked=tracking)
    seen, mended = [], []
    for name in campaigns_in(home) if names is None else names:
        cleared = _cleared_by_the_lock(open_case(home, name, driven=False))
        with lock(home.campaign(name)):
            left, done = _mend_all(home, name, tracker, cleared)
        seen.append(left)
        mended += done
    beside = [] if names is not None else list(leftovers(home, tracking=tracker.answers))
    for one in [finding.mend for finding in beside if finding.mend is not None]:
        one.do()
    still = list(leftovers(home, tracking=tracker.answers)) if beside else []
    return _report(tracker, seen, [*mended, *(finding for finding in beside if finding not in still)], still)


def campaigns_in(home: Home) -> list[str]:
    """The folders that are campaigns or were: those that hold a campaign's file, a state or records."""
    marks = ("campaign.json", "state.json", *FOLDERS)
    there = sorted(home.campaigns.iterdir()) if home.campaigns.is_dir() else []
    return [path.name for path in there if path.is_dir() and any((path / mark).exists() for mark in marks)]


def _cleared_by_the_lock(case: Case) -> list[Finding]:
    """What is gone as soon as the lock is taken; all else is looked at when nobody else can change it any more."""
    found = [*campaign_checks.lock_file(case), *campaign_checks.leftover_files(case)]
    return [finding for finding in found if finding.mend is not None]


def _mend_all(home: Home, name: str, tracker: "_Tracker", told: list[Finding]) -> tuple[_Seen, list[Finding]]:
    """Mends until nothing is left that can be; what is left, and what is not, of that and of what was `told` before."""
    seen = _look(home, name, tracker, driven=False)
    for _ in range(ROUNDS):
        told += [finding for finding in seen.findings if finding.mend is not None and finding not in told]
        mends = {finding.mend.key: finding.mend for finding in seen.findings if finding.mend is not None}
        for one in mends.values():
            one.do()
        seen = _look(home, name, tracker, driven=False)
        if not any(finding.mend is not None for finding in seen.findings):
            break
    return seen, [finding for finding in told if finding not in seen.findings]


def _look(home: Home, name: str, tracker: "_Tracker", *, driven: bool | None = None) -> _Seen:
    case = open_case(home, name, driven=driven)
    case = replace(case, inspection=tracker.inspection(case), sync=partial(tracker.sync, case.folder))
    found = [finding for check in (*campaign_checks.CHECKS, *record_checks.CHECKS) for finding in check(case)]
    found += tracker.findings(case)
    runs = None if case.inspection is None else sum(len(some) for some in case.inspection.runs.values())
    return _Seen(tuple(dict.fromkeys(found)), len(case.charts), runs)


class _Tracker:
    """MLflow, asked as long as it answers: a server that does not is one finding, not one a campaign."""

    def __init__(self, home: Home, *, asked: bool) -> None:
        self._home = home
        self.asked = asked
        self.trouble: tuple[Finding, ...] = ()
        if asked:
            self._look_at_schema()

    @property
    def answers(self) -> bool:
        """Whether MLflow was asked and nothing was wrong with it."""
        return self.asked and not self.trouble

    def inspection(self, case: Case) -> "Inspection | None":
        if not self.answers or case.spec is None:
            return None
        from fer_exp.tracking.inspect import inspect_campaign

        try:
            return inspect_campaign(self._home, case.spec)
        except TrackingFailed as error:
            self._give_up(error)
            return None

    def findings(self, case: Case) -> list[Finding]:
        if case.inspection is None:
            return []
        try:
            return [finding for check in shown_checks.CHECKS for finding in check(case)]
        except TrackingFailed as error:
            self._give_up(error)
            return []

    def sync(self, folder: Path) -> None:
        from fer_exp.records.folder import state_at_rest
        from fer_exp.tracking import sync

        try:
            sync(self._home, folder.name, state_at_rest(folder))
        except TrackingFailed as error:
            self._give_up(error)

    def _give_up(self, error: TrackingFailed) -> None:
        what = error.problem.removeprefix("MLflow at ")
        advice = "see that it answers, or leave it out with --no-tracking; records were checked without it"
        self.trouble = (Finding(Code.MLFLOW_UNREACHABLE, "MLflow", what, advice),)

    def _look_at_schema(self) -> None:
        from fer_exp.tracking.inspect import newer_schema

        schema = newer_schema(self._home)
        if schema is not None:
            what = f"its schema {schema} is unknown to the installed MLflow: a later one has been here"
            self.trouble = (Finding(Code.MLFLOW_VERSION, "mlflow.db", what, "install that MLflow, or a later one"),)


def _report(tracker: _Tracker, seen: list[_Seen], mended: Iterable[Finding], beside: Iterable[Finding] = ()) -> Report:
    runs = sum(one.runs or 0 for one in seen) if tracker.answers else None
    left = [*(finding for one in seen for finding in one.findings), *beside]
    records = sum(one.records for one in seen)
    return Report(len(seen), records, runs, (*left, *tracker.trouble), tuple(mended))
