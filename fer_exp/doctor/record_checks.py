"""Checks of the records in a campaign: can they be read, are they whole, is their model theirs.

In: a Case. Out: Findings. A record that cannot be used is moved aside whole: the next search trains it again, and what
can be saved from the old one is still there.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from fer_exp.doctor.campaign_checks import Check
from fer_exp.doctor.case import Case, Chart
from fer_exp.doctor.findings import Code, Finding, Mend
from fer_exp.doctor.mending import aside, cut, remove
from fer_exp.holdout.gap import GAP, Gap
from fer_exp.leaderboard.rows import best
from fer_exp.metrics.calibration import CALIBRATION, Calibration
from fer_exp.records import ASKED, Kind, Record
from fer_exp.records.digest import check_last_checkpoint, model_is_vouched_for, start_model, teacher_model
from fer_exp.records.folder import LIGHT
from fer_exp.records.handovers import FILE, handovers_of
from fer_exp.records.values import Metrics
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import is_there, whole_lines
from fer_exp.system.values import Value

_TRAINED_AGAIN = "moves the record to set-aside/; the next search or retrain-best trains it again"
_SIDE_FILES = ("provenance.json", "report.json", ASKED)  # shown to people; no score rests on them


def unreadable_records(case: Case) -> Iterator[Finding]:
    """Records of which a part that others rest on is damaged."""
    for chart in case.charts:
        if chart.problem is not None and chart.version is None:
            mend = aside(case, chart.record.path, chart.problem)
            yield Finding(Code.RECORD_UNREADABLE, case.within(chart.record.path), chart.problem, _TRAINED_AGAIN, mend)


def foreign_records(case: Case) -> Iterator[Finding]:
    """Records of another campaign, or under another number."""
    for chart in case.charts:
        if not chart.usable or chart.spec is None:
            continue
        asked, name = chart.spec, chart.record.path.name
        if asked.campaign != case.folder.name:
            what = f"it is a record of campaign {asked.campaign!r}"
        elif name.partition("-")[0] != f"{asked.number:04d}":
            what = f"it is a record of number {asked.number}"
        else:
            continue
        yield Finding(
            Code.RECORD_FOREIGN,
            case.within(chart.record.path),
            what,
            _TRAINED_AGAIN,
            aside(case, chart.record.path, what),
        )


def missing_results(case: Case) -> Iterator[Finding]:
    """Finished trainings without the results that were there before their outcome was written."""
    for chart in case.charts:
        names = ("scores.json", "predictions.npz") if chart.finished else ()
        missing = [name for name in names if not (chart.record.path / name).exists()]
        if missing:
            what = f"finished, but {' and '.join(missing)} missing"
            mend = aside(case, chart.record.path, what)
            yield Finding(Code.RESULTS_MISSING, case.within(chart.record.path), what, _TRAINED_AGAIN, mend)


def torn_lines(case: Case) -> Iterator[Finding]:
    """Files that grow by lines and end within one: a crash left them so. Whoever adds a line cuts that off."""
    for path in [] if case.driven else case.files("*.jsonl"):
        text = path.read_bytes()
        if text and not text.endswith(b"\n"):
            left = len(text) - text.rfind(b"\n") - 1
            yield Finding(
                Code.TORN_LINE,
                case.within(path),
                f"its last line was cut short ({left} bytes)",
                "cuts it off",
                cut(path),
            )


def side_files(case: Case) -> Iterator[Finding]:
    """Damaged files that no score on validation rests on."""
    for chart in case.charts:
        folder = chart.record.path
        for path in [path for pattern in _SIDE_FILES for path in sorted(folder.glob(pattern))]:
            if path.suffix == ".json" and (problem := _not_json(path)):
                yield _side_file(case, path, problem, "moves it to set-aside/; nothing rests on it")
        yield from _calibration(case, chart)
        for part in (folder / "test", *sorted(folder.glob("external/*"))):
            problem = _test_problem(chart.record, part)
            if problem is not None:
                advice = f"moves the results on {part.name} to set-aside/; `fer-exp evaluate` makes them again"
                yield _side_file(case, part, problem, advice)


def _calibration(case: Case, chart: Chart) -> Iterator[Finding]:
    path = chart.record.path / CALIBRATION
    problem = _no_value(path, Calibration) if is_there(path) else None
    if problem is None:
        return
    if chart.spec is not None and chart.spec.recipe.calibrate:
        advice = "put it back from a pack: it has the temperature of the model, without which `evaluate` refuses it"
        yield Finding(Code.SIDE_FILE_UNREADABLE, case.within(path), problem, advice)
    else:
        yield _side_file(case, path, problem, "moves it to set-aside/; it is found again from the predictions")


def _side_file(case: Case, path: Path, problem: str, advice: str) -> Finding:
    return Finding(Code.SIDE_FILE_UNREADABLE, case.within(path), problem, advice, aside(case, path, problem))


def _test_problem(record: Record, folder: Path) -> str | None:
    """What is wrong with results on the test part, or on another face set."""
    if not folder.is_dir():
        return None
    try:
        if is_there(folder / "scores.json"):
            Metrics.read(folder / "scores.json")
        if (folder / "predictions.npz").exists():
            record.predictions(f"{folder.relative_to(record.path)}/predictions.npz")
    except BadRecord as error:
        return error.problem
    for path, form in ((folder / Path(GAP).name, Gap), (folder / CALIBRATION, Calibration)):
        if is_there(path) and (problem := _no_value(path, form)):
            return problem
    return next((problem for path in sorted(folder.glob("*.json")) if (problem := _not_json(path))), None)


def _no_value(path: Path, form: type[Value]) -> str | None:
    try:
        form.read(path)
    except BadRecord as error:
        return error.problem
    return None


def _not_json(path: Path) -> str | None:
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        return f"it holds no JSON ({error})"
    return None


def ledger(case: Case) -> Iterator[Finding]:
    """Who looked at the test part cannot be made up again, so a damaged line stays where it is."""
    for path in (case.folder / "ledger.jsonl", case.home.ledger):
        for number, line in enumerate(whole_lines(path), start=1):
            try:
                json.loads(line)
            except ValueError:
                advice = "put it back from a pack or a copy; until then no test part is opened"
                yield Finding(Code.LEDGER_UNREADABLE, case.within(path), f"line {number} is damaged", advice)


def handovers(case: Case) -> Iterator[Finding]:
    """Which models were registered; what is damaged there is moved aside, because MLflow still has its versions."""
    path = case.folder / FILE
    try:
        handovers_of(case.folder)
    except BadRecord as error:
        advice = "moves it to set-aside/; versions in MLflow stay, and cannot be made again from here"
        yield Finding(
            Code.HANDOVERS_UNREADABLE, case.within(path), error.problem, advice, aside(case, path, error.problem)
        )


def altered_models(case: Case) -> Iterator[Finding]:
    """Models that are not the ones recorded."""
    for chart in case.charts:
        if not chart.usable:
            continue
        record = chart.record
        try:
            model_is_vouched_for(record, record.model)
        except BadRecord as error:
            advice = "moves it to set-aside/; MLflow's copy is used where it has one"
            yield Finding(
                Code.MODEL_ALTERED,
                case.within(record.model),
                error.problem,
                advice,
                aside(case, record.model, error.problem),
            )
        try:
            if chart.outcome is None:  # not read again once the training has ended
                start_model(record)
                teacher_model(record)
        except BadRecord as error:
            mend = aside(case, record.path, error.problem)
            yield Finding(Code.MODEL_ALTERED, case.within(record.path), error.problem, _TRAINED_AGAIN, mend)


def altered_checkpoints(case: Case) -> Iterator[Finding]:
    """Last checkpoints that an unfinished training could not go on from."""
    if case.driven:  # it may be replacing them just now
        return
    for chart in case.charts:
        if not chart.usable or chart.outcome is not None or not chart.tried:
            continue  # what nobody has tried may be half of an answer or a promotion, and is made again
        try:
            check_last_checkpoint(chart.record)
        except BadRecord as error:
            mend = aside(case, chart.record.path, error.problem)
            where = case.within(chart.record.path)
            yield Finding(Code.CHECKPOINT_ALTERED, where, error.problem, _TRAINED_AGAIN, mend)


def missing_models(case: Case) -> Iterator[Finding]:
    """Models that should be here: the best trial's, the baseline's, every retrain's.

    Not those of the next places, which may have been dropped before the campaign was told to keep more, and none where
    records came light.
    """
    if case.spec is None or case.driven or is_there(case.folder / LIGHT):
        return
    for chart in _with_model(case, case.spec.settings.keep_models):
        outcome = chart.outcome
        if outcome is None or chart.record.model.exists():
            continue
        copy = None if case.inspection is None else case.inspection.copy_of(chart.record, outcome.model_sha256)
        advice = "fetches MLflow's copy" if copy else "train it again with `fer-exp retrain-best`"
        mend = Mend(f"fetch {chart.record.path}", copy) if copy else None
        what = "the record should have its model, and has none"
        yield Finding(Code.MODEL_MISSING, case.within(chart.record.model), what, advice, mend)


def _with_model(case: Case, keep: int | None) -> list[Chart]:
    if case.spec is None:
        return []
    own = [chart for chart in case.charts if chart.finished and chart.outcome and chart.outcome.same_as is None]
    trials = [chart.record for chart in own if chart.record.path.parent.name == "trials"]
    winner = best(trials, case.spec.settings.objective) if keep != 0 else None

    def kept(chart: Chart) -> bool:
        kind = chart.spec.kind if chart.spec else None
        return kind in (Kind.BASELINE, Kind.RETRAIN) or chart.record == winner

    return [chart for chart in own if kept(chart)]


def leftover_checkpoints(case: Case) -> Iterator[Finding]:
    """Checkpoints of trainings that have ended, unless a later trial may still go on from them."""
    promotes = case.spec is None or case.spec.settings.algorithm.promotes
    for chart in case.charts:
        ended = chart.usable and chart.outcome is not None
        if not ended or case.driven or (promotes and chart.finished and not case.finished):
            continue
        for path in sorted(chart.record.path.glob("checkpoint-*.weights.h5")):
            what = f"its training has ended ({path.stat().st_size} bytes)"
            yield Finding(Code.LEFTOVER_CHECKPOINT, case.within(path), what, "deletes it", remove(path))


CHECKS: tuple[Check, ...] = (
    unreadable_records,
    foreign_records,
    missing_results,
    torn_lines,
    handovers,
    side_files,
    ledger,
    altered_models,
    altered_checkpoints,
    missing_models,
    leftover_checkpoints,
)
