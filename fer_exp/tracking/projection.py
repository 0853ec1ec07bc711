"""`sync`: brings MLflow level with the records of a campaign, any number of times, from any state.

In: a campaign's folder. Out: one experiment, a parent run, a run per record, and a report of what had to be done. What
MLflow holds is looked up there, never remembered: the notes beside the records only spare sending the same bytes again.
"""

import dataclasses
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities import Experiment, LoggedModel, Metric, Run

from fer_exp.campaign import CampaignSpec
from fer_exp.leaderboard.rows import Row, place, row_of
from fer_exp.records import Record, RecordContents, now_ms
from fer_exp.records.folder import has_begun, last_end_ms, records_of, state_of
from fer_exp.records.handovers import handover_lines
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import sha256_of
from fer_exp.system.home import Home
from fer_exp.tracking import mapping, models, pages, runs, uploads
from fer_exp.tracking.datasets import datasets_of
from fer_exp.tracking.store import asking, connect, experiment_of, holding
from fer_exp.tracking.versions import level_cards, restore

_PARENT_STATUS = {"running": "RUNNING", "finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}


@dataclass(frozen=True)
class SyncReport:
    """What a sync had to do; all zeros where MLflow was level already."""

    records: int = 0  # records looked at
    runs_created: int = 0
    points: int = 0  # of metrics, sent
    files: int = 0  # artifacts sent
    models_logged: int = 0
    models_deleted: int = 0
    ended: int = 0  # runs whose status was brought level
    versions: int = 0  # of the registered model, made again from the campaign's hand-overs
    cards: int = 0  # descriptions of versions, brought level with their records
    skipped: tuple[str, ...] = ()  # records that cannot be read, one line each

    def and_(self, **more: int) -> "SyncReport":
        """A copy with `more` added to its counts."""
        return dataclasses.replace(self, **{name: getattr(self, name) + count for name, count in more.items()})


def sync(home: Home, campaign: str, campaign_state: str | None = None) -> SyncReport:
    """Brings MLflow level with everything recorded for `campaign`.

    Args:
        home: Where records are.
        campaign: Its name.
        campaign_state: running, finished, interrupted or failed. Without it: running while a search holds the campaign,
            else finished, or interrupted where something was left to do.

    Raises:
        NotFound: No campaign of that name is recorded.
        BadRecord: The campaign's own file is damaged; a damaged record only is in the report.
        TrackingFailed: MLflow did not answer or refused. What it was told until then stays.
    """
    with holding(home.recorded_campaign(campaign) / "tracking.lock"):
        return Projection(home, campaign, campaign_state).level_all()


class Projection:
    """One campaign in MLflow, for as long as a sync or a tracker works on it. The caller holds the campaign's lock."""

    def __init__(self, home: Home, campaign: str, campaign_state: str | None = None) -> None:
        self.folder = home.recorded_campaign(campaign)
        self.spec = CampaignSpec.read(self.folder / "campaign.json")
        self.store = connect(home)
        self.state = campaign_state or state_of(self.folder)
        self.report = SyncReport()
        self._rows: dict[Path, Row] = {}  # of the records that were looked at
        experiment = experiment_of(self.store, campaign)
        self.experiment_id: str = experiment.experiment_id
        with self._asking():
            self._found = runs.runs_of_campaign(self.store, self.experiment_id, self.spec.identity)
            self._parent = self._level_parent()
            self._parent_id: str = self._parent.info.run_id
            self._level_pages(experiment)

    # -- what callers use

    def level_all(self) -> SyncReport:
        """Everything, growing files included; then ends runs that no record stands behind."""
        for record in records_of(self.folder):
            self.level(record, growing=True)
        with self._asking():
            self._level_results()
            self._level_parent_files()
            self._count(versions=restore(self.store, self.spec, self.experiment_id, self.folder))
            self._count(cards=level_cards(self.store, self.spec, self.folder))
            for gone in [run for found in self._found.values() for run in found]:
                if gone.info.run_id != self._parent_id and gone.info.status == "RUNNING":
                    self._count(ended=runs.set_status(self.store, gone, "KILLED", now_ms))
        return self.report

    def level(self, record: Record, *, growing: bool) -> str | None:
        """One record; its run's id, or None where the record cannot be read (the report says why)."""
        self._count(records=1)
        try:
            with self._asking():
                read = record.read()
                if not has_begun(read):
                    return None  # it waits for its turn; a run would count the time until then as training
                return str(self._level(read, growing=growing).info.run_id)
        except BadRecord as error:
            self.report = dataclasses.replace(self.report, skipped=(*self.report.skipped, error.problem))
            return None

    # -- the parent run

    def _level_parent(self) -> Run:
        tags = mapping.campaign_tags(self.spec, self.state)
        run = self._run(tags, self.spec.created_ms)
        runs.tell(self.store, run, tags, {}, [])
        self._count(
            ended=runs.set_status(self.store, run, _PARENT_STATUS[self.state], lambda: last_end_ms(self.folder))
        )
        return run

    def _level_pages(self, experiment: Experiment) -> None:
        """What MLflow's pages open with."""
        for name, value in pages.missing(experiment.tags, pages.experiment_tags(self.spec, self._parent_id)):
            self.store.client.set_experiment_tag(self.experiment_id, name, value)

    def _level_results(self) -> None:
        """What came out of the campaign, on its own run."""
        trials = [row for path, row in self._rows.items() if path.parent.name == "trials"]
        rows = sorted(trials, key=place(self.spec.settings.objective))
        note, values = mapping.campaign_results(self.spec, rows, handover_lines(self.folder))
        time_ms = last_end_ms(self.folder)
        ended = sum(row.objective is not None for row in rows)
        metrics = [Metric(name, value, time_ms, ended) for name, value in values.items()]
        run = self.store.client.get_run(self._parent_id)
        runs.tell(self.store, run, {mapping.NOTE: note}, {}, runs.unsaid(run, metrics))

    def _level_parent_files(self) -> None:
        old = uploads.read_note(self.folder, self._parent_id)
        files = uploads.campaign_files(self.folder)
        sent = uploads.upload(self.store, self._parent_id, self.folder, files, old.files)
        uploads.write_note(self.folder, old, old.model_copy(update={"files": sent}))
        self._count(files=_changed(old.files, sent))

    # -- a record's run

    def _level(self, read: RecordContents, *, growing: bool) -> Run:
        record, outcome, history = read.record, read.outcome, read.history
        self._rows[record.path] = row_of(read, self.spec.settings.objective, dict(self.spec.baseline.flat()))
        tags, params = mapping.tags_of(read, self.spec, self._parent_id), mapping.params_of(read.spec, self.spec)
        run = self._run(tags, mapping.started_ms(read))
        note = uploads.read_note(record.path, run.info.run_id)
        times_ms = {epoch.time_ms for epoch in history}
        if not note.epochs and runs.is_of_another_training(self.store, run, params, times_ms):
            self.store.client.delete_run(run.info.run_id)
            run = self._run(tags, mapping.started_ms(read))
        final = runs.unsaid(run, mapping.final_metrics(read))
        points = [*mapping.epoch_metrics(history[note.epochs :]), *final]
        self._count(points=runs.tell(self.store, run, tags, params, points))
        self._level_inputs(run, read)
        sent = self._level_files(run, read, note, growing=growing or outcome is not None)
        model = self._level_model(run, read, tags, note)
        status = mapping.status_of(outcome, searching=self.state == "running")
        self._count(ended=runs.set_status(self.store, run, status, lambda: mapping.ended_ms(read)))
        new = uploads.Note(run_id=run.info.run_id, epochs=len(history), files=sent, model=model)
        uploads.write_note(record.path, note, new)
        return run

    def _run(self, tags: dict[str, str], started_ms: int) -> Run:
        """The run that carries the tag of `tags`, from the first look or a new one; made where there is none."""
        key = tags[mapping.RECORD]
        found = self._found.pop(key, None) or runs.runs_with_key(self.store, self.experiment_id, key)
        run = runs.only_run(self.store, found)
        if run is None:
            made = runs.create_run(self.store, self.experiment_id, tags, started_ms)
            self._count(runs_created=1)
            # MLflow asks again where an answer was lost, and has then made two.
            run = runs.only_run(self.store, runs.runs_with_key(self.store, self.experiment_id, key)) or made
        return run

    def _level_inputs(self, run: Run, read: RecordContents) -> None:
        known = {given.dataset.name for given in (run.inputs.dataset_inputs if run.inputs else [])}
        missing = [
            given for given in datasets_of(read, read.record.data(self.spec.data)) if given.dataset.name not in known
        ]
        if missing:
            self.store.client.log_inputs(run.info.run_id, missing)

    def _level_files(self, run: Run, read: RecordContents, note: uploads.Note, *, growing: bool) -> dict[str, str]:
        record = read.record
        if not note.files:
            uploads.upload_text(self.store, run.info.run_id, "recipe.json", read.spec.recipe.to_json(indent=1))
        files = uploads.record_files(record, growing=growing)
        sent = uploads.upload(self.store, run.info.run_id, record.path, files, note.files)
        self._count(files=_changed(note.files, sent))
        return sent

    def _level_model(self, run: Run, read: RecordContents, tags: dict[str, str], note: uploads.Note) -> str:
        """Logs the record's model, or deletes what is logged where the record has none; the stamp of what is logged."""
        record = read.record
        wanted = uploads.stamp(record.model) if read.outcome is not None else ""
        linked = run.outputs.model_outputs if run.outputs else []
        if wanted == note.model and (linked or not wanted):
            return wanted
        logged = models.models_of(self.store, self.experiment_id, tags[mapping.RECORD])
        current: LoggedModel | None = None
        if wanted:
            sha = sha256_of(record.model)
            current = next((model for model in logged if models.is_current(model, sha, run)), None)
            if current is None:
                begun = models.begun(logged, sha, run)
                current = models.log_model(self.store, run, read, tags, sha, begun, self.spec)
                self._count(models_logged=1)
                logged = models.models_of(self.store, self.experiment_id, tags[mapping.RECORD])  # may be two, as runs
        for model in logged:
            if current is None or model.model_id != current.model_id:
                self._count(models_deleted=models.delete_model(self.store, model))
        return wanted

    def _asking(self) -> AbstractContextManager[None]:
        return asking(self.store.uri)

    def _count(self, **more: int) -> None:
        self.report = self.report.and_(**more)


def _changed(old: dict[str, str], new: dict[str, str]) -> int:
    return sum(old.get(name) != stamp for name, stamp in new.items())
