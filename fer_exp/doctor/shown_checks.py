"""Checks of what MLflow shows against the records, both ways.

In: a Case with a inspection. Out: Findings. Most of them `sync` mends by itself; the others
are about what has lost its record.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from fer_exp.doctor.campaign_checks import Check
from fer_exp.doctor.case import Case, Chart
from fer_exp.doctor.findings import Code, Finding, Mend
from fer_exp.system.home import Home

CAMPAIGN_RUN = "campaign"  # stands for a record's folder in the tag of the campaign's own run
NOTE = "tracking.json"
_LEVEL = "brings MLflow level with the records, as `fer-exp sync` does"


def elsewhere(case: Case) -> Iterator[Finding]:
    """A store that was moved without its artifacts, or the other way round."""
    if case.inspection is not None and case.inspection.elsewhere is not None:
        what = f"MLflow keeps the campaign's artifacts in {case.inspection.elsewhere}: the home was moved"
        mend = Mend("relocate", partial(_relocate, case.home, Path(case.inspection.elsewhere).parent))
        advice = "tells MLflow the new place; a copy of mlflow.db from before is kept"
        yield Finding(Code.MLFLOW_ELSEWHERE, case.within(case.folder), what, advice, mend)


def _relocate(home: Home, old_artifacts: Path) -> None:
    from fer_exp.tracking.relocation import relocate

    relocate(home, old_artifacts)


def ghosts(case: Case) -> Iterator[Finding]:
    """Runs that MLflow shows as running although nobody drives the campaign."""
    if case.inspection is None or case.driven:
        return
    for folder, runs in case.inspection.runs.items():
        if runs[0].status == "RUNNING" and (folder == CAMPAIGN_RUN or _chart(case, folder) is not None):
            what = f"the run of {folder} is RUNNING, and nobody drives the campaign"
            yield Finding(Code.RUN_GHOST, _run(runs[0].run_id), what, _LEVEL, _level(case))


def orphans(case: Case) -> Iterator[Finding]:
    """Runs and models whose record is gone."""
    if case.inspection is None or case.driven:
        return
    there = {_folder(chart) for chart in case.charts} | {CAMPAIGN_RUN}
    for folder, runs in case.inspection.runs.items():
        for run in runs if folder not in there else []:
            what = f"it shows {folder}, and there is no such record"
            advice = "puts it into MLflow's trash, from where it can be restored"
            mend: Mend | None = Mend(f"trash {run.run_id}", partial(case.inspection.trash, run))
            if run.registered:
                advice, mend = "a registered version rests on it: bring the record back, or delete the version", None
            yield Finding(Code.RUN_ORPHAN, _run(run.run_id), what, advice, mend)
    for folder, models in case.inspection.models.items():
        for model in models if folder not in there else []:
            if not model.registered:  # the registry keeps it, and its run is told of above
                what = f"it is the model of {folder}, and there is no such record"
                mend = Mend(f"delete {model.model_id}", partial(case.inspection.delete_model, model))
                yield Finding(
                    Code.MODEL_ORPHAN, f"MLflow model {model.model_id}", what, "deletes it with its files", mend
                )


def twice(case: Case) -> Iterator[Finding]:
    """Several runs for one record."""
    if case.inspection is None:
        return
    for folder, runs in case.inspection.runs.items():
        for run in runs[1:]:
            what = f"it shows {folder}, as the older run {runs[0].run_id} does"
            advice = "puts the younger one into MLflow's trash, from where it can be restored"
            yield Finding(Code.RUN_TWICE, _run(run.run_id), what, advice, _level(case))


def missing_runs(case: Case) -> Iterator[Finding]:
    """Records without a run, in a campaign that MLflow does show."""
    if case.inspection is None or case.driven:
        return
    for folder in [CAMPAIGN_RUN, *(_folder(chart) for chart in case.charts if chart.usable and chart.begun)]:
        if folder not in case.inspection.runs:
            where = case.within(case.folder if folder == CAMPAIGN_RUN else case.folder / folder)
            yield Finding(Code.RUN_MISSING, where, "MLflow has no run of it", _LEVEL, _level(case))


def behind(case: Case) -> Iterator[Finding]:
    """Runs that say less than their record, or lack files of it."""
    if case.inspection is None or case.driven or case.inspection.elsewhere is not None:
        return
    for chart in case.charts:
        if not chart.usable or _folder(chart) not in case.inspection.runs:
            continue
        run_id = case.inspection.runs[_folder(chart)][0].run_id
        what = case.inspection.behind(chart.record)
        if what is not None:
            yield Finding(Code.RUN_BEHIND, _run(run_id), f"{_folder(chart)}: {what}", _LEVEL, _level(case))
        missing = case.inspection.artifacts_missing(chart.record)
        if missing:
            named = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
            what = f"{_folder(chart)}: the run lacks {named}"
            mend = Mend(f"send {chart.record.path}", partial(_send_again, case, chart))
            yield Finding(Code.ARTIFACT_MISSING, _run(run_id), what, "sends the record's files again", mend)


def cards(case: Case) -> Iterator[Finding]:
    """Descriptions of registered versions that say less than their record, as after the test part was opened."""
    if case.inspection is None or case.driven:
        return
    for version in case.inspection.outdated_cards:
        what = "its description is an older model card than its record makes"
        yield Finding(Code.CARD_OUTDATED, f"MLflow version {version} of {case.folder.name}", what, _LEVEL, _level(case))


def _send_again(case: Case, chart: Chart) -> None:
    (chart.record.path / NOTE).unlink(missing_ok=True)  # it says that they were sent
    case.sync()


def _level(case: Case) -> Mend:
    return Mend(f"sync {case.folder}", case.sync)


def _chart(case: Case, folder: str) -> Chart | None:
    return next((chart for chart in case.charts if _folder(chart) == folder), None)


def _folder(chart: Chart) -> str:
    return f"{chart.record.path.parent.name}/{chart.record.path.name}"


def _run(run_id: str) -> str:
    return f"MLflow run {run_id}"


CHECKS: tuple[Check, ...] = (elsewhere, twice, orphans, ghosts, missing_runs, behind, cards)
