"""Everything that can go wrong in a way the user can act on, and the exit code it leads to.

In: what was wrong and what to do. Out: two lines on a terminal (the command line prints them; nothing here does).
An error that is not a `FerExpError` is a defect of fer-exp itself.
"""

from enum import IntEnum
from typing import ClassVar

from fer_exp.system.passwords import without_passwords


class ExitCode(IntEnum):
    """Exit codes of the `fer-exp` command; part of its interface, so numbers never change meaning."""

    OK = 0
    DEFECT = 1  # an error fer-exp did not foresee
    BAD_INPUT = 2  # an option, a data file or a campaign file is wrong
    NOT_BETTER = 3  # a comparison did not show what was asked for
    TRIALS_FAILED = 4  # a campaign stopped because its trials fail
    TRACKING = 5  # MLflow could not be reached or refused
    BUSY = 6  # another process holds the campaign
    NO_SPACE = 7  # the disk is full
    FINDINGS = 8  # doctor found something that is not mended
    DISK_FAILED = 9  # the disk, or the way to it, is broken
    NOT_EQUAL = 10  # an exported model answers otherwise than the model it was made of
    INTERRUPTED = 75  # stopped on request; the same command resumes (EX_TEMPFAIL of sysexits.h)


LONGEST = 2_000  # characters of a line: file names and values in it may have any length


def _line(text: str) -> str:
    line = without_passwords(" ".join(text.splitlines()))
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"


class FerExpError(Exception):
    """Base of all foreseen errors.

    Args:
        problem: What was expected and what came, in one line.
        remedy: What is unchanged and what to do next, in one line.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.DEFECT

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem, self.remedy = _line(problem), _line(remedy)
        super().__init__(self.problem)

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in the place of a traceback: the two lines that the command shows; IPython asks."""
        return [f"fer-exp: {self.problem}", f"         {self.remedy}"]


class BadInput(FerExpError):
    """An option or a file holds something fer-exp cannot use."""

    exit_code = ExitCode.BAD_INPUT


class BadData(BadInput):
    """A data source is not one of the known kinds, or a row of it is wrong."""


class BadCampaign(BadInput):
    """A campaign file cannot be loaded, or does not fit what was run under its name."""


class NotFound(BadInput):
    """A campaign, trial, run or model of that name does not exist."""


class BadRecord(BadInput):
    """A file of a record cannot be read: truncated, altered, or of a later version."""


class TrialsFailed(FerExpError):
    """A campaign has no trial it can go on with."""

    exit_code = ExitCode.TRIALS_FAILED


class TrackingFailed(FerExpError):
    """MLflow did not answer or refused; records are complete without it."""

    exit_code = ExitCode.TRACKING


class Busy(FerExpError):
    """Another process drives the same campaign."""

    exit_code = ExitCode.BUSY


class NoSpace(FerExpError):
    """The disk is full; what was complete stays complete."""

    exit_code = ExitCode.NO_SPACE


class DiskFailed(FerExpError):
    """The disk does not do what it is for; what was complete stays complete."""

    exit_code = ExitCode.DISK_FAILED


class NotEqual(FerExpError):
    """An exported model does not answer as the model that it was made of."""

    exit_code = ExitCode.NOT_EQUAL


FULL_DISK = "All that was complete is kept. Free some space and give the same command again."
BROKEN_DISK = (
    "All that was complete is kept. See to the disk (the system's log says more), then give the same command again."
)


class Interrupted(FerExpError):
    """The user or a scheduler asked to stop."""

    exit_code = ExitCode.INTERRUPTED
