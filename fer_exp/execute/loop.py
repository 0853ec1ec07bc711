"""The loop that searches and retrains share: fill the free places, wait, take in what ended, show how things stand.

In: work that hands out records and takes them back ended. Out: whether the work was done or stopped. The first Ctrl-C,
SIGTERM or SIGUSR1, and a deadline, ask every trial to end after its epoch; the second ends them at once. Either way
the same command goes on later.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from types import FrameType

from fer_exp.execute.dispatch import Dispatch, Work
from fer_exp.execute.engine import Attempt, Engine
from fer_exp.execute.eta import EtaEstimator
from fer_exp.execute.progress import RunningTrial, Snapshot, Watcher
from fer_exp.execute.tracker import Tracker
from fer_exp.metrics.registry import shown
from fer_exp.records import Epoch, Record, State, title_of

TICK = 0.25  # seconds between looks; what comes in earlier is taken in at once, and shown with the next
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)  # schedulers announce their end with the last


class Ending(Enum):
    """How the loop ended."""

    DONE = "done"
    STOPPED = "stopped"  # on request, or at the deadline


@contextmanager
def hearing_signals(hear: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Calls `hear` at every signal that asks for a stop, while the block runs."""
    before = {number: signal.signal(number, hear) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Loop:
    """Carries work out.

    Args:
        work: Hands out records and takes them back.
        engine: Trains them.
        watcher: Is shown how things stand.
        tracker: Shows records in MLflow; None where nobody does.
        seconds: When to stop; None never does.
        check: Raises when the campaign is no longer this process's; asked a few times a second.
    """

    def __init__(
        self,
        work: Work,
        engine: Engine,
        watcher: Watcher,
        tracker: Tracker | None,
        seconds: float | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._check = check
        self._work = work
        self._engine = engine
        self._watcher = watcher
        self._tracker = tracker
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self.requests = 0  # to stop, so far
        self._stopping = False
        self._was_behind = False
        self._pace = EtaEstimator()
        self._shown, self._at_work = 0.0, list[int]()
        self._dispatch = Dispatch(work, engine, self._take_in, watcher.say)

    def run(self) -> Ending:
        """Until the work is done or a stop was asked for."""
        with hearing_signals(self._hear):
            try:
                return self._run()
            except BaseException:
                self._engine.kill()
                raise
            finally:
                self._engine.close()

    def _run(self) -> Ending:
        exhausted = False
        while True:
            self._look_for_requests()
            exhausted = self._dispatch.fill() if not self._stopping else False
            if not self._engine.attempts and (exhausted or self._stopping):
                return Ending.DONE if exhausted else Ending.STOPPED
            self._check()
            over = self._engine.wait(TICK)
            for ended in over:
                self._dispatch.over(ended)
            if self._tracker is not None:
                self._listen_to(self._tracker)
            self._show(anyhow=bool(over))

    def _show(self, *, anyhow: bool) -> None:
        """Shows how things stand, where attempts came or went since, or a while has gone by."""
        now, at_work = time.monotonic(), [id(attempt) for attempt in self._engine.attempts]
        if anyhow or at_work != self._at_work or now - self._shown >= TICK:
            self._shown, self._at_work = now, at_work
            self._watcher.show(self._snapshot())

    def _listen_to(self, tracker: Tracker) -> None:
        """Takes in what the tracker has said; a line that stays when MLflow falls behind, and when it has caught up."""
        tracker.hear()
        behind = tracker.behind
        if (behind is not None) != self._was_behind:
            self._was_behind = behind is not None
            told = f"Tracking behind: {behind}. Training does not wait for it." if behind else "Tracking level again."
            self._watcher.say(told)

    def _take_in(self, record: Record) -> None:
        self._check()
        self._pace.forget(record)
        self._work.ended(record)
        self._watcher.say(_told(record, self._work.objective))

    def _look_for_requests(self) -> None:
        if self._deadline is not None and time.monotonic() > self._deadline and not self._stopping:
            self._watcher.say("The time given is over: finishing the epochs in progress.")
            self._stop()
        if self.requests == 1 and not self._stopping:
            self._watcher.say("Stopping: finishing the epochs in progress. Once more stops at once; nothing is lost.")
            self._stop()
        if self.requests > 1:
            self._engine.kill()

    def _stop(self) -> None:
        self._stopping = True
        self._engine.ask_to_stop()

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self.requests += 1

    def _snapshot(self) -> Snapshot:
        rows = self._work.rows()
        ended = self._work.so_far()
        running = tuple(_running(attempt, self._pace.note(attempt)) for attempt in self._engine.attempts)
        behind = self._tracker.behind if self._tracker is not None else None
        return Snapshot(
            campaign=self._work.name,
            ended=ended.ended,
            planned=self._work.planned,
            failed=ended.failed,
            running=running,
            rows=rows,
            objective=self._work.objective,
            seconds_left=self._pace.seconds_left(ended, self._engine.attempts, self._work.planned_epochs),
            tracking="off" if self._tracker is None else (f"behind: {behind}" if behind else "level"),
            stopping=self._stopping,
        )


def _running(attempt: Attempt, last: Epoch | None) -> RunningTrial:
    return RunningTrial(
        kind=attempt.spec.kind,
        number=attempt.spec.number,
        seed=attempt.spec.seed,
        epoch=attempt.epoch,
        epochs=attempt.spec.epochs,
        step=attempt.step,
        steps=attempt.steps,
        val_accuracy=last.val_accuracy if last else None,
        images_per_second=last.images_per_second if last else None,
        waits=attempt.waits,
    )


def _told(record: Record, objective: str) -> str:
    """One line on a record that has ended."""
    spec, outcome = record.spec(), record.outcome()
    name = title_of(spec.kind, spec.number, spec.seed)
    if outcome is None or outcome.state is State.FAILED:
        return f"{name}: failed: {outcome.reason if outcome else 'no outcome'}"
    told = f"{name}: {objective} {shown(objective, record.scores().get(objective))}"
    if outcome.answered_by:
        return f"{told} (the same as {outcome.answered_by}, not trained again)"
    return f"{told} (best of {len(record.history())} epochs: {outcome.best_epoch}, {outcome.seconds:.0f} s)"
