"""Attempts that the machine failed: what is noted about each, and the outcome of a trial that is given up for them.

In: a record, and how an attempt at it ended. Out: a line in the record's `deaths.jsonl`, and in the end an outcome with
the cause, the last lines of the log and the peak of memory. `failures.py` decides when that end has come.
"""

from fer_exp.execute.engine import Ended
from fer_exp.execute.fault import Fault
from fer_exp.records import Outcome, Record, State
from fer_exp.system.files import append_line, drop_torn_line, whole_lines
from fer_exp.system.values import Value

LOG_TAIL = 400  # characters of a dead process's log that are kept
UNKNOWN = "an unknown cause"
LINE = 120  # of its last line that go into the reason


class Crash(Value):
    """An attempt that ended without an outcome while its parent was there."""

    attempt: int
    how: str  # "killed by SIGKILL", "exit code 1", "FileNotFoundError: ..."
    last_lines: str
    peak_memory_mib: float = 0.0  # the most that was seen, looking a few times a second


def note_crash(ended: Ended, fault: Fault) -> None:
    """Writes down that the machine failed an attempt."""
    record = ended.record
    log = record.attempt_log(ended.attempt)
    tail = log.read_text(errors="replace")[-LOG_TAIL:].strip() if log.exists() else ""
    notes = record.path / "deaths.jsonl"
    drop_torn_line(notes)
    death = Crash(attempt=ended.attempt, how=fault.cause, last_lines=tail, peak_memory_mib=ended.peak_memory_mib)
    append_line(notes, death.sealed())


def give_up(record: Record, failures: int) -> None:
    """Ends the record for what was noted last.

    Args:
        record: At least one crash of it was noted.
        failures: How often in a row its attempts failed.
    """
    deaths = crashes_of(record) or [Crash(attempt=0, how=UNKNOWN, last_lines="")]
    last, peak = deaths[-1], max(death.peak_memory_mib for death in deaths)
    record.end(
        Outcome(
            state=State.FAILED,
            reason=_reason(last, peak, failures),
            attempts=last.attempt,
            peak_memory_mib=peak,
            died=last.how,
            last_lines=last.last_lines,
        )
    )


def _reason(last: Crash, peak: float, failures: int) -> str:
    """One line."""
    killed = last.how.startswith("killed")
    said = f"its process was {last.how}" if killed else f"its process ended with {last.how}"
    hint = " (out of memory?)" if last.how == "killed by SIGKILL" else ""
    memory = f"; it used up to {peak:.0f} MiB" if peak else ""
    line = last.last_lines.rpartition("\n")[2][:LINE]
    return f"{said}{hint}, {failures} times{memory}" + (f"; its log ends: {line}" if line else "")


def crashes_of(record: Record) -> list[Crash]:
    """Those noted, in order; a damaged line is one of which nothing else is known."""
    return [_death(number, line) for number, line in enumerate(whole_lines(record.path / "deaths.jsonl"), start=1)]


def _death(number: int, line: str) -> Crash:
    """What the line says; a damaged one is a death too, of which nothing else is known."""
    try:
        return Crash.from_json(line)
    except ValueError:
        return Crash(attempt=number, how=UNKNOWN, last_lines="")
