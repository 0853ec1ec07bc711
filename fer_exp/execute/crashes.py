"""Processes that died: what is noted about each, and when their trial is given up.

In: a record, and how a process of its ended. Out: a line in the record's `deaths.jsonl`, and in the end an outcome with
the signal or exit code, the last lines of the log and the peak of memory.
"""

import signal

from fer_exp.files import append_line, drop_torn_line, whole_lines
from fer_exp.records import Outcome, Record, State
from fer_exp.values import Value

MAX_DEATHS = 2  # of a trial's own processes, before it is given up
LOG_TAIL = 400  # characters of a dead process's log that are kept
UNKNOWN = "an unknown cause"
LINE = 120  # of its last line that go into the reason


class Death(Value):
    """A process that ended without an outcome while its parent was there."""

    attempt: int
    how: str  # "killed by SIGKILL", "exit code 1"
    last_lines: str
    peak_memory_mib: float = 0.0  # the most that was seen, looking a few times a second


def note_death(record: Record, attempt: int, code: int, peak_memory_mib: float) -> None:
    """Writes down that the process of `attempt` ended with `code`, which is minus the signal where one killed it."""
    log = record.attempt_log(attempt)
    tail = log.read_text(errors="replace")[-LOG_TAIL:].strip() if log.exists() else ""
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    notes = record.path / "deaths.jsonl"
    drop_torn_line(notes)
    append_line(notes, Death(attempt=attempt, how=how, last_lines=tail, peak_memory_mib=peak_memory_mib).sealed())


def give_up(record: Record) -> bool:
    """Ends the record where too many of its processes died; whether that is so."""
    deaths = _deaths(record)
    if len(deaths) < MAX_DEATHS:
        return False
    last, peak = deaths[-1], max(death.peak_memory_mib for death in deaths)
    record.end(
        Outcome(
            state=State.FAILED,
            reason=_reason(last, peak),
            attempts=last.attempt,
            peak_memory_mib=peak,
            died=last.how,
            last_lines=last.last_lines,
        )
    )
    return True


def _reason(last: Death, peak: float) -> str:
    """One line."""
    killed = last.how.startswith("killed")
    said = f"its process was {last.how}" if killed else f"its process ended with {last.how}"
    hint = " (out of memory?)" if last.how == "killed by SIGKILL" else ""
    memory = f"; it used up to {peak:.0f} MiB" if peak else ""
    line = last.last_lines.rpartition("\n")[2][:LINE]
    return f"{said}{hint}, {MAX_DEATHS} times{memory}" + (f"; its log ends: {line}" if line else "")


def _deaths(record: Record) -> list[Death]:
    """Those noted, in order."""
    return [_death(number, line) for number, line in enumerate(whole_lines(record.path / "deaths.jsonl"), start=1)]


def _death(number: int, line: str) -> Death:
    """What the line says; a damaged one is a death too, of which nothing else is known."""
    try:
        return Death.from_json(line)
    except ValueError:
        return Death(attempt=number, how=UNKNOWN, last_lines="")
