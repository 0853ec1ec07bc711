"""The proposer as an earlier start left it: from the state file, or from the records where that file is of no use.

In: a campaign's folder, its trials, a maker of new proposers. Out: a proposer that knows every recorded trial, and what
the user should be told. The records are the truth; the state spares asking the oracle everything again, and that of a
long search is a few changes behind them. An oracle proposes the same when it is asked and told the same in the same
order, so that conversation, or the end of it, is held again: trials are asked for by number, and each one's
`asked.json` says which had been told about before.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from fer_exp.records import ASKED, Record
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import write_atomically
from fer_exp.system.values import Value
from fer_exp.tuning.proposer import BASELINE, Proposer
from fer_exp.tuning.state import CampaignState, LaterState, lag, read_state, set_aside

LAST_TOLD = 1_000  # that `asked.json` names at most: all of them, in each trial, would come to gigabytes in the end
INEXACT = "What was proposed cannot be repeated exactly; every recorded trial stands, and the search goes on."
Score = Callable[[Record], float | None]
Course = Callable[[Record], Mapping[int, float]]
AnyProposer = TypeVar("AnyProposer", bound=Proposer)


class Asked(Value):
    """`asked.json` of a trial: where in the conversation with the oracle it was proposed."""

    told: tuple[int, ...]  # the last trials that had been told about by then, in order
    before: int = 0  # how many had been told about before those; the notes of earlier trials name them
    values: dict[str, bool | int | float | str]  # as the oracle proposed them, its bookkeeping included


def note_asked(path: Path, proposer: Proposer, number: int) -> None:
    """Writes `asked.json` for the trial that was just asked for, into the folder its record has or will have."""
    told = proposer.told()
    last = told[-LAST_TOLD:]
    note = Asked(told=last, before=len(told) - len(last), values=proposer.raw_values(number))
    write_atomically(path / ASKED, note.sealed())


def resume_proposer(
    folder: Path, records: Sequence[Record], make: Callable[[], AnyProposer], score: Score, course: Course
) -> tuple[AnyProposer, list[str]]:
    """A proposer that knows the trials among `records`, and the baseline if it wants to; and lines for the user.

    Args:
        folder: The campaign's.
        records: Of the baseline and all trials.
        make: A new proposer.
        score: How a trial ended: its objective, None where it failed.
        course: What the baseline had reached by how many epochs.

    Raises:
        LaterState: `state.json` was written by a later version.
        BadRecord: A record is damaged.
    """
    said: list[str] = []
    proposer = make()
    trials = [record for record in records if record.spec().number != BASELINE or BASELINE in proposer.known()]
    state, problem = _readable(folder)
    if state is not None:
        try:
            proposer.restore(state.proposer)
        except BadRecord as error:
            problem = error
        else:
            new = _unknown(proposer, trials)
            if new is not None:
                if new and not _replay(proposer, trials, score, course):
                    said.append(INEXACT)
                return proposer, said
            said.append("state.json does not fit the records: it is made again from them.")
    if problem is not None:
        aside = set_aside(folder)
        said.append(f"state.json is damaged ({problem.problem}): kept as {aside.name}, made again from the records.")
    elif state is None and trials:
        said.append("state.json is missing: it is made again from the records.")
    proposer = make()
    exact = _replay(proposer, trials, score, course)
    if not exact:
        said.append(INEXACT)
    return proposer, said


def _readable(folder: Path) -> tuple[CampaignState | None, BadRecord | None]:
    try:
        return read_state(folder), None
    except LaterState:
        raise
    except BadRecord as error:
        return None, error


def _unknown(proposer: Proposer, trials: Sequence[Record]) -> list[int] | None:
    """Which trials, begun or ended since, a state lacks; None where it does not fit the records.

    One that a kill left unnamed is asked for again, and found: it is not among them.
    """
    there = {record.spec().number: record for record in trials}
    known = proposer.known()
    ended = [number for number, running in known.items() if not running]
    if not all(number in there and there[number].outcome() is not None for number in ended):
        return None
    last, behind = max(known, default=0), lag(max(there, default=0))
    new = sorted(number for number in there if number not in known)
    if new == [last + 1] and not _was_tried(there[last + 1]):
        new = []
    told = [number for number, running in known.items() if running and _has_ended(there.get(number))]
    if new != list(range(last + 1, last + 1 + len(new))) or len(new) > (behind if behind > 1 else 0):
        return None
    return [*new, *told] if behind > 1 else new


def _has_ended(record: Record | None) -> bool:
    return record is not None and record.outcome() is not None


def _was_tried(record: Record) -> bool:
    return any(record.path.glob("attempt-*.log"))


def _replay(proposer: Proposer, trials: Sequence[Record], score: Score, course: Course) -> bool:
    """Asks and tells as the campaign did, from where the proposer is; whether the same came out."""
    there = {record.spec().number: record for record in trials}
    ended = {number: record for number, record in there.items() if record.outcome() is not None}
    by_end = _by_end(ended)
    known, told, exact = set(proposer.known()), set(proposer.told()), True

    def tell(numbers: Iterable[int]) -> None:
        for number in numbers:
            if number in ended and number in known and number not in told:
                told.add(number)
                if number == BASELINE:
                    proposer.tell_baseline(course(ended[number]))
                else:
                    proposer.tell(number, score(ended[number]))

    for number in range(max(known, default=0) + 1, max(there, default=0) + 1):
        record = there.get(number)
        # Where a record is gone, the next one tells at least what had been told before both.
        asked = _asked(there[number if record else min(later for later in there if later > number)], ended)
        # Nor is anything known of those that only the notes of records gone by now named, but their number.
        named = set(asked.told)
        lacking = asked.before - len(told) + len(told & named)
        others = (one for one in by_end if one in known and one not in told and one not in named)
        tell(itertools.islice(others, max(lacking, 0)))
        tell(asked.told)
        exact &= proposer.repeat(number, None if record is None else record.spec(), asked.values)
        known.add(number)
    tell(by_end)
    return exact


def _asked(record: Record, ended: dict[int, Record]) -> Asked:
    """The record's note; where it has none that can be read, what its times and its question say."""
    try:
        return Asked.read(record.path / ASKED)
    except BadRecord:
        spec = record.spec()
        began_ms = (record.path / "trial.json").stat().st_mtime_ns // 1_000_000
        before = [number for number in _by_end(ended) if _ended_ms(ended[number]) <= began_ms and number < spec.number]
        return Asked(told=tuple(before), values={**spec.values, **_bookkeeping(spec.epochs, spec.continues)})


def _bookkeeping(epochs: int, continues: int | None) -> dict[str, int | str]:
    """What Hyperband wants to find in a trial's values, as far as a question shows it."""
    return {"tuner/epochs": epochs} | ({} if continues is None else {"tuner/trial_id": f"{continues - 1:04d}"})


def _by_end(ended: dict[int, Record]) -> list[int]:
    return sorted(ended, key=lambda number: (_ended_ms(ended[number]), number))


def _ended_ms(record: Record) -> int:
    outcome = record.outcome()
    return 0 if outcome is None else outcome.ended_ms
