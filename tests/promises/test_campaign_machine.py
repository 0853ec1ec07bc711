"""A campaign under any sequence of events: trials report, finish, fail and are killed, the driver at any write.

Hypothesis makes up the sequences. Trials are played in this process, everything that remembers is real: SearchWork,
Keras Tuner, records, state. Killed is what a kill leaves: every object is dropped, before or after any one write.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.data.split.prepare import Development
from fer_exp.doctor.findings import Code
from fer_exp.doctor.visit import examine
from fer_exp.execute.dispatch import Next
from fer_exp.holdout.ledger import Opening, all_openings, write_down
from fer_exp.leaderboard.rows import leaderboard
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.records import Epoch, Outcome, Record, State, best_epoch, now_ms, records_in
from fer_exp.system.errors import BadCampaign, TrialsFailed
from fer_exp.system.home import Home
from fer_exp.system.lock import lock
from fer_exp.tuning import trials as search_trials
from fer_exp.tuning.search_request import SearchRequest
from fer_exp.tuning.trials import SearchWork
from tests.fake_trials import accuracy
from tests.made_records import made_campaign_spec, made_predictions

EPOCHS = 3
DATA = made_campaign_spec().data


KILLED = {
    Code.TORN_LINE,
    Code.LEFTOVER_FILE,
    Code.LEFTOVER_CHECKPOINT,
}  # what a kill may leave, and the next start clears


def clean(home: Home, campaign: str) -> None:
    """What a check of the whole home says between two starts: nothing. More checks are added here, a line each."""
    left = examine(home, [campaign], tracking=False).left
    assert [finding.line for finding in left if finding.code not in KILLED] == []


class Killed(BaseException):
    """Ends the driver where it stands."""


def space(hp: HyperParameters) -> Recipe:
    return baseline_recipe().but(
        block_dropout=hp.Choice("block_dropout", [0.1, 0.2, 0.3, 0.4], default=0.2),
        learning_rate=hp.Choice("learning_rate", [1e-3, 3e-3, 1e-2], default=1e-3),
    )


class CampaignMachine(RuleBasedStateMachine):
    """One campaign, its driver alive or not."""

    algorithm = Algorithm.RANDOM

    def __init__(self) -> None:
        super().__init__()
        self.home = Home(Path(tempfile.mkdtemp(prefix="fer-exp-machine-")))
        self.folder = self.home.campaign("toy")
        self.trials = 2
        self.work: SearchWork | None = None
        self.running: list[Record] = []
        self.done = False
        self.ends: dict[str, bytes] = {}  # outcome of each record, as it was first written
        self.epochs: dict[str, list[bytes]] = {}  # lines of each history, as they were first written
        self.looks = 0

    def teardown(self) -> None:
        shutil.rmtree(self.home.root)

    # -- the driver

    @initialize()
    def begin(self) -> None:
        self.start(None)

    @precondition(lambda self: self.work is None)
    @rule(kill_at=st.none() | st.tuples(st.integers(0, 5), st.booleans()))
    def start(self, kill_at: tuple[int, bool] | None) -> None:
        """The same command again."""
        with self.dying(kill_at), lock(self.folder):
            self.work = SearchWork(self.folder, self.order())
        self.done = False

    @precondition(lambda self: self.work is not None and len(self.running) < 2 and not self.done)
    @rule(kill_at=st.none() | st.tuples(st.integers(0, 3), st.booleans()))
    def ask(self, kill_at: tuple[int, bool] | None) -> None:
        """For another record to train."""
        with self.dying(kill_at):
            try:
                found = self.driver().next()
            except TrialsFailed:
                self.done = True
                return
            if isinstance(found, Record):
                assert found.outcome() is None  # what has ended is not trained again
                found.attempt_log(1).touch()
                self.running.append(found)
            self.done = found is Next.DONE

    @precondition(lambda self: self.work is not None)
    @rule()
    def kill(self) -> None:
        """Everything at once, trials too."""
        self.work, self.running = None, []

    @precondition(lambda self: self.work is not None and self.done and not self.running)
    @rule()
    def close(self) -> None:
        self.driver().close()
        self.work = None

    # -- trials

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 1), torn=st.booleans())
    def report(self, which: int, torn: bool) -> None:
        """An epoch; with `torn`, half a line of the next is left behind by a kill."""
        record = self.running[which % len(self.running)]
        epoch = len(record.history()) + 1
        if epoch > record.spec().epochs:
            return
        record.checkpoint(epoch).write_bytes(b"weights")
        record.append(epoch_of(record, epoch))
        if torn:
            with (record.path / "history.jsonl").open("ab") as file:
                file.write(b'{"epoch": ')
            self.kill()

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 1), well=st.booleans(), kill_at=st.none() | st.tuples(st.integers(0, 1), st.booleans()))
    def end(self, which: int, well: bool, kill_at: tuple[int, bool] | None) -> None:
        """A trial to its end, and the driver hears of it, or is killed before it can."""
        record = self.running.pop(which % len(self.running))
        for epoch in range(len(record.history()) + 1, record.spec().epochs + 1):
            record.checkpoint(epoch).write_bytes(b"weights")
            record.append(epoch_of(record, epoch))
        history = record.history()
        if well:
            record.write_predictions(made_predictions(20))
            record.write_scores({"val/accuracy": max(row.val_accuracy for row in history), "val/images": 20})
            record.model.write_bytes(b"model")
            outcome = Outcome(state=State.FINISHED, best_epoch=best_epoch(history), seconds=1.0)
        else:
            outcome = Outcome(state=State.FAILED, reason=f"why {(len(self.ends) % 2 and 'so') or 'not'}")
        record.end(outcome, keep_checkpoints=True)
        with self.dying(kill_at):
            self.driver().ended(record)

    # -- the user

    @precondition(lambda self: self.work is None and self.trials < 6)
    @rule(more=st.integers(1, 2))
    def want_more_trials(self, more: int) -> None:
        self.trials += more

    @precondition(lambda self: self.work is None and (self.folder / "campaign.json").exists())
    @rule(change=st.sampled_from(["space", "epochs", "seed", "baseline"]))
    def change_what_trials_depend_on(self, change: str) -> None:
        """Is refused, and nothing is written."""
        order = self.order()
        settings, campaign = order.settings, order.campaign
        if change == "space":
            campaign = replace(campaign, space=lambda hp: space(hp).but(ema=hp.Choice("ema", [0.0, 0.5], default=0.0)))
        elif change == "baseline":
            campaign = replace(campaign, baseline=baseline_recipe().but(ema=0.5))
        else:
            settings = settings.model_copy(update={change: getattr(settings, change) + 1})
        before = self.files()
        with pytest.raises(BadCampaign, match="started with other choices"):
            SearchWork(self.folder, replace(order, campaign=campaign, settings=settings))
        assert self.files() == before

    @precondition(lambda self: self.ends)
    @rule()
    def look_at_the_test_part(self) -> None:
        """As evaluate writes: a line in the ledger, results beside a record that has ended."""
        record = Record(self.folder / min(self.ends))
        look = Opening(
            time_ms=now_ms(),
            campaign="toy",
            record=min(self.ends),
            data_digest="d",
            protocol="official",
            images=20,
            reason="?",
        )
        write_down(self.home, look)
        record.write_scores({"test/accuracy": 0.5, "test/images": 20}, "test/scores.json")
        self.looks += 1

    # -- what holds after every step

    @invariant()
    def every_trial_ended_at_most_once(self) -> None:
        for record in self.records():
            name = str(record.path.relative_to(self.folder))
            if (record.path / "outcome.json").exists():
                end = (record.path / "outcome.json").read_bytes()
                assert self.ends.setdefault(name, end) == end
        there = {str(record.path.relative_to(self.folder)) for record in self.records()}
        assert self.ends.keys() <= there

    @invariant()
    def epochs_are_without_gap_and_none_was_trained_again(self) -> None:
        for record in self.records():
            assert [row.epoch for row in record.history()] == list(range(1, len(record.history()) + 1))
            lines = (record.path / "history.jsonl").read_bytes().split(b"\n")[:-1] if record.history() else []
            known = self.epochs.get(str(record.path), [])
            assert lines[: len(known)] == known
            self.epochs[str(record.path)] = lines

    @invariant()
    def numbers_are_unique_and_no_more_than_wanted(self) -> None:
        numbers = [record.spec().number for record in self.records()]
        assert len(set(numbers)) == len(numbers)
        assert [int(record.path.name) for record in self.records()] == numbers
        if self.algorithm is not Algorithm.HYPERBAND:
            assert len(numbers) <= self.trials + 1

    @invariant()
    def the_leaderboard_ranks_finished_trials_alone(self) -> None:
        rows = leaderboard(self.records(), Settings().objective)
        assert len(rows) == len(self.records())
        for row in rows:
            assert (row.objective is not None) == (row.state is State.FINISHED)
        ranked = [row.objective for row in rows if row.objective is not None]
        assert ranked == sorted(ranked, reverse=True)

    @invariant()
    def what_stands_on_disk_can_be_taken_up(self) -> None:
        assert len(all_openings(self.home)) == self.looks
        if self.work is None and (self.folder / "state.json").exists():
            clean(self.home, "toy")

    # -- how

    def driver(self) -> SearchWork:
        assert self.work is not None
        return self.work

    def records(self) -> list[Record]:
        return list(records_in(self.folder / "trials"))

    def files(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    def order(self) -> SearchRequest:
        chosen = Settings(algorithm=self.algorithm, max_trials=self.trials, epochs=EPOCHS)
        toy = Campaign("toy", "Which is best?", space, chosen, data="demo")
        return SearchRequest(toy, chosen, "toy.py", "fingerprint", Development(self.folder, DATA))

    def dying(self, kill_at: tuple[int, bool] | None) -> "Dying":
        return Dying(self, kill_at)


class Dying:
    """Kills the driver at its n-th write, before it or right after."""

    def __init__(self, machine: CampaignMachine, kill_at: tuple[int, bool] | None) -> None:
        self.machine, self.left, self.after = machine, *(kill_at or (-1, False))
        self.patch = pytest.MonkeyPatch()

    def __enter__(self) -> None:
        for name in ("write_state", "write_atomically"):
            self.patch.setattr(search_trials, name, self.deadly(getattr(search_trials, name)))

    def deadly(self, write: Callable[..., None]) -> Callable[..., None]:
        def written(*arguments: object) -> None:
            self.left -= 1
            if self.left != -1:
                write(*arguments)
                return
            if self.after:
                write(*arguments)
            raise Killed

        return written if self.left >= 0 else write

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self.patch.undo()
        if kind is Killed:
            self.machine.kill()
        return kind is Killed


def epoch_of(record: Record, epoch: int) -> Epoch:
    value = accuracy(record.spec().recipe, epoch)
    return Epoch(
        epoch=epoch,
        train_loss=1 / epoch,
        train_accuracy=value,
        val_loss=1 / epoch,
        val_accuracy=value,
        learning_rate=1e-3,
        seconds=1.0,
        images_per_second=1.0,
        time_ms=now_ms(),
    )


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_campaign_stays_whole_whatever_happens_to_it(algorithm: Algorithm) -> None:
    class Machine(CampaignMachine):
        pass

    Machine.algorithm = algorithm
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,  # the same sequences in every run of CI
            suppress_health_check=list(HealthCheck),
        ),
    )
