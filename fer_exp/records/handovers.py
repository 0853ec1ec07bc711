"""Hand-overs: which models of a campaign were registered, and which of them became the champion, in its folder.

In: a campaign's folder. Out: `handovers.jsonl`, a line each time. A sync makes versions and alias again
from here where MLflow's store was lost or made anew.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from fer_exp.metrics.registry import shown
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import append_line, drop_torn_line, whole_lines
from fer_exp.system.values import Value, first_line

FILE = "handovers.jsonl"


class Handover(Value):
    """One model handed over to the registry."""

    schema_version: Annotated[int, Field(ge=1, le=1)] = 1
    time_ms: Annotated[int, Field(ge=0)]  # milliseconds since 1970
    version: Annotated[int, Field(ge=0)]  # as it was then; another one where the registry was made again since
    record: str  # within the campaign's folder: "retrains/0003-2"
    metric: str  # the campaign's objective
    value: float
    champion: bool  # whether the alias moved to it, or stayed with it
    reason: str  # why
    verdict: str = ""  # on its recipe against the baseline's, where that was asked


def note_handover(folder: Path, handover: Handover) -> None:
    """Adds a line to the campaign's hand-overs."""
    path = folder / FILE
    if path.exists():
        drop_torn_line(path)
    append_line(path, handover.sealed())


def handovers_of(folder: Path) -> list[Handover]:
    """All hand-overs of the campaign in `folder`, in order.

    Raises:
        BadRecord: A line is damaged.
    """
    path = folder / FILE
    found = []
    for number, line in enumerate(whole_lines(path), start=1):
        try:
            found.append(Handover.from_json(line))
        except ValueError as error:
            raise BadRecord(
                f"{path}, line {number}: expected a hand-over in JSON, received something else ({first_line(error)})",
                "Nothing was changed. Restore the file, or move it away: registered models stay.",
            ) from error
    return found


def readable_handovers(folder: Path) -> list[Handover]:
    """All hand-overs; none where a line is damaged, which is for the doctor to name."""
    try:
        return handovers_of(folder)
    except BadRecord:
        return []


def handover_lines(folder: Path) -> list[str]:
    """A line for each hand-over, for people."""
    return [_line(one) for one in readable_handovers(folder)]


def _line(one: Handover) -> str:
    became = "champion" if one.champion else "not champion"
    verdict = f" Against the baseline: {one.verdict}" if one.verdict else ""
    value = shown(one.metric, one.value)
    return f"Version {one.version}: `{one.record}`, {one.metric} {value}, {became} ({one.reason}).{verdict}"
