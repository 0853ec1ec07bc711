"""A search: baseline first, then what Keras Tuner proposes, until the budget is spent.

In: a campaign, its settings, a development part. Out: a campaign folder full of records. The order of writing makes
every interruption harmless: a trial's record, with its place in the conversation, is made before the state names it,
the state names it before its process starts (that of a long search a few changes later: `state.py`), and its outcome is
there before the oracle hears of it. On start the state says which trials the oracle believes running; each is told
about if its record has an outcome, else it goes on.
"""

import itertools
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from fer_exp.execute.dispatch import Next
from fer_exp.leaderboard.ended import EndedCount
from fer_exp.leaderboard.rows import Row
from fer_exp.leaderboard.running import RunningLeaderboard
from fer_exp.records import CAMPAIGN_FILE, Kind, Outcome, Record, State, TrialSpec, records_in
from fer_exp.records.digest import check_last_checkpoint
from fer_exp.records.folder import LIGHT
from fer_exp.system.errors import TrialsFailed
from fer_exp.system.files import is_there, read_file, write_atomically
from fer_exp.tuning.proposer import Nothing, Proposal, Proposer
from fer_exp.tuning.resume import note_asked, resume_proposer
from fer_exp.tuning.reuse import answers_now, forget, give_answer, is_loss, link, question, trained_elsewhere, untouched
from fer_exp.tuning.search_request import SearchRequest, described
from fer_exp.tuning.state import WrittenState, lag, write_state

ALIKE = 3  # so many first trials failing for the same reason stop a campaign
HISTORY_METRIC = "val/accuracy"  # the objective that a record's history tells of every epoch
FIRST = 4 * ALIKE  # records among which those are looked for


class SearchWork:
    """Hands out the baseline, then trials; takes them back, tells the oracle, remembers.

    Args:
        folder: The campaign's.
        request: What to search.
        check: Raises where the campaign is no longer this process's; asked before anything is written.
    """

    def __init__(self, folder: Path, request: SearchRequest, check: Callable[[], None] = lambda: None) -> None:
        self._folder = folder
        self._request = request
        self._check = check
        self.name = request.campaign.name
        self.objective = request.settings.objective.metric
        spec, self.notes = described(folder, request, self._new_proposer())
        records = self.records()
        # All is read before anything is written.
        self._leaderboard = RunningLeaderboard(records, request.settings.objective, request.campaign.baseline)
        check()
        self._proposer, said = resume_proposer(folder, records, self._new_proposer, self._score, self._course)
        self.notes += said
        if request.source is not None:
            write_atomically(folder / CAMPAIGN_FILE, request.source)
        write_atomically(folder / "campaign.json", spec.sealed(indent=1))
        plan = self._proposer.plan()
        self.planned, self.planned_epochs = plan.trials, plan.epochs
        self._rows: tuple[Row, ...] | None = None
        # The first of those with the same question: a later one, answered by it, may have to make way.
        self._answers = {question(record.spec()): record for record in reversed(records) if answers_now(record)}
        self._first_ends: dict[int, Outcome] = {}
        for record in records:
            self._note_end(record)
        self._queue = list(self._left_over())
        self._trials_asked = max(self._proposer.known(), default=0)
        self._unwritten = 0  # changes that the state's file lacks
        self._write_state()

    # -- Work

    def next(self) -> Record | Next:
        """The baseline, then trials of an earlier start, then new ones.

        Raises:
            TrialsFailed: The first trials all failed for the same reason.
        """
        self._refuse_hopeless()
        while True:
            if self._queue:
                return self._taught(self._queue.pop(0))
            proposal = self._proposer.ask()
            if isinstance(proposal, Nothing):
                return Next.DONE if proposal is Nothing.DONE else Next.WAIT
            self._check()
            record = self._record(proposal, anew=True)
            self._trials_asked = proposal.number
            self._remember()
            if record.outcome() is None:
                return self._taught(record)
            self.ended(record)  # an earlier trial had answered it already

    def ended(self, record: Record) -> None:
        """Tells the oracle, remembers, and drops the models that are no longer among the best."""
        spec = record.spec()
        if spec.kind is Kind.TRIAL:
            self._proposer.tell(spec.number, self._score(record))
        else:
            self._proposer.tell_baseline(self._course(record))
        if answers_now(record):
            self._answers.setdefault(question(spec), record)
        self._note_end(record)
        self._leaderboard.take(record)
        self._rows = None
        self._remember()
        self._drop_models()

    def rows(self) -> tuple[Row, ...]:
        """The leaderboard so far."""
        if self._rows is None:
            self._rows = self._leaderboard.rows()
        return self._rows

    def so_far(self) -> EndedCount:
        """How many of its trials have ended."""
        return self._leaderboard.so_far

    def records(self) -> list[Record]:
        """All records of the campaign, the baseline's first."""
        return list(records_in(self._folder / "trials"))

    def close(self) -> None:
        """At the end of the budget: remembers that, and drops checkpoints that no promotion will need."""
        self._write_state(finished=True)
        for record in self.records():
            for checkpoint in record.path.glob("checkpoint-*.weights.h5"):
                checkpoint.unlink(missing_ok=True)

    # -- inside

    def _left_over(self) -> Iterable[Record]:
        """What an earlier start began and did not end; the baseline where there is none yet."""
        baseline = Record.create(self._folder / "trials" / "0000", self._spec(Kind.BASELINE, 0))
        if untouched(baseline):
            self._answer_baseline(baseline)
        if baseline.outcome() is None:
            check_last_checkpoint(baseline)
            self._leaderboard.take(baseline)
            yield baseline
        else:
            self._proposer.tell_baseline(self._course(baseline))  # which is nothing new where it was told before
        for proposal in self._proposer.running():
            record = self._record(proposal)
            if record.outcome() is None:
                check_last_checkpoint(record)
                yield record
            else:
                self._proposer.tell(proposal.number, self._score(record))

    def _answer_baseline(self, baseline: Record) -> None:
        """Gives the baseline the results of a campaign that trained the same, if there is one."""
        answer = trained_elsewhere(self._folder.parent, baseline.spec())
        if answer is None:
            return
        give_answer(baseline, answer, None)
        ended = baseline.outcome()
        self.notes.append(f"baseline: trained already as {ended.answered_by if ended else ''}, not trained again.")
        self._answers.setdefault(question(baseline.spec()), baseline)
        self._note_end(baseline)
        self._leaderboard.take(baseline)

    def _record(self, proposal: Proposal, *, anew: bool = False) -> Record:
        """The record of a proposal: there already, answered by an earlier trial, continued from one, or new.

        Args:
            proposal: What to train.
            anew: It was asked for just now, so its place in the conversation is written down.
        """
        spec = self._spec(Kind.TRIAL, proposal.number, proposal)
        path = self._folder / "trials" / f"{proposal.number:04d}"
        if Record(path).exists() and Record(path).spec() != spec and not is_loss(Record(path)):
            self._leaderboard.forget(proposal.number)
            self._first_ends.pop(proposal.number, None)
            forget(Record(path))  # made just before a crash, for a proposal that the oracle has forgotten
        if anew:
            note_asked(path, self._proposer, proposal.number)
        record = Record.create(path, spec)
        if untouched(record):
            answer = self._answers.get(question(spec))
            if answer is not None:
                ended = answer.outcome()
                first = answer.spec().number if ended is None or ended.same_as is None else ended.same_as
                give_answer(record, answer, first)
            elif proposal.continues is not None:
                _continue_from(record, Record(self._folder / "trials" / f"{proposal.continues:04d}"))
        self._leaderboard.take(record)
        return record

    def _taught(self, record: Record) -> Record:
        """The record, with the teacher that its training asks for; a crash may have come in between."""
        if self._request.teacher is not None:
            self._request.teacher.give(record)
        return record

    def _spec(self, kind: Kind, number: int, proposal: Proposal | None = None) -> TrialSpec:
        info = self._request.development.info
        settings, teacher = self._request.settings, self._request.teacher
        recipe = proposal.recipe if proposal else self._request.campaign.baseline
        return TrialSpec(
            campaign=self.name,
            kind=kind,
            number=number,
            seed=settings.seed,
            recipe=recipe,
            epochs=proposal.epochs if proposal else settings.epochs,
            horizon=settings.epochs,
            data_digest=info.data_digest,
            split_digest=info.split_digest,
            protocol=info.protocol,
            values=proposal.values if proposal else {},
            continues=proposal.continues if proposal else None,
            teacher=teacher.teacher.model_sha256 if teacher is not None and recipe.distillation else None,
        )

    def _score(self, record: Record) -> float | None:
        return record.scores().get(self.objective) if _finished(record) else None

    def _course(self, baseline: Record) -> dict[int, float]:
        """What the baseline had reached by how many epochs, as far as its record says so.

        A trial of so many epochs would have had that value, its best epoch's. The history says nothing of other
        objectives than accuracy.
        """
        score, full = self._score(baseline), self._request.settings.epochs
        if score is None:
            return {}
        so_far = itertools.accumulate((row.val_accuracy for row in baseline.history()), max)
        course = dict(enumerate(so_far, start=1)) if self.objective == HISTORY_METRIC else {}
        return course | {full: score}

    def _new_proposer(self) -> Proposer:
        return self._request.propose(self._request.campaign, self._request.settings)

    def _remember(self) -> None:
        """Takes in a change; of a long search, some of them are written together."""
        self._check()
        self._unwritten += 1
        if self._unwritten >= lag(self._trials_asked):
            self._write_state()

    def _write_state(self, *, finished: bool = False) -> None:
        self._check()
        write_state(self._folder, WrittenState(self._proposer.state_text(), finished=finished))
        self._unwritten = 0

    def _drop_models(self) -> None:
        keep = self._request.settings.keep_models
        if keep is None:
            return
        for record in self._leaderboard.without_place(keep):
            record.model.unlink(missing_ok=True)

    def _note_end(self, record: Record) -> None:
        number, outcome = record.spec().number, record.outcome()
        if outcome is not None and number < FIRST:
            self._first_ends[number] = outcome

    def _refuse_hopeless(self) -> None:
        first = sorted(self._first_ends.values(), key=lambda end: end.ended_ms)[:ALIKE]
        reasons = {re.sub(r"\d+", "#", end.reason) for end in first if end.state is State.FAILED}
        if len(first) == ALIKE and len(reasons) == 1 and all(end.state is State.FAILED for end in first):
            raise TrialsFailed(
                f"the first {ALIKE} trials of {self.name!r} failed alike: {first[0].reason}",
                f"Their logs are in {self._folder / 'trials'}. Mend the cause, then delete {self._folder} or choose a "
                "new campaign name.",
            )


def _finished(record: Record) -> bool:
    outcome = record.outcome()
    return outcome is not None and outcome.state is State.FINISHED


def _continue_from(record: Record, source: Record) -> None:
    """Gives `record` the epochs of `source` and its checkpoints; the history, written last, makes it valid.

    Of a source that came without checkpoints it gives nothing: the training begins anew, and ends the same.
    """
    came_light = is_there(source.path.parents[1] / LIGHT)
    if came_light and not any(source.path.glob("checkpoint-*")):
        return
    check_last_checkpoint(source)
    for checkpoint in source.path.glob("checkpoint-*.weights.h5"):
        link(checkpoint, record.path / checkpoint.name)
    write_atomically(record.path / "history.jsonl", read_file(source.path / "history.jsonl"))
