"""The ledger: who looked at a campaign's test part, when and why; one line an opening.

In: a campaign's folder. Out: its openings, and a line more. The first model to be opened has the campaign's one
unbiased look: a choice between models by their test results would make the test part a second validation part. So
another model needs a reason, which is written down.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field

from fer_exp.errors import BadInput, BadRecord
from fer_exp.files import append_line, drop_torn_line, whole_lines
from fer_exp.values import Value, first_line

LEDGER = "ledger.jsonl"
LAST_MS = 253_402_300_800_000  # the end of the year 9999, behind which there are no dates


class Opening(Value):
    """A line of the ledger."""

    time_ms: Annotated[int, Field(ge=0, lt=LAST_MS)]
    campaign: str
    record: str  # folder of the record inside the campaign's
    data_digest: str
    protocol: str
    images: int
    model: str = ""  # sha256 of its file; lines of earlier versions have none
    reason: str = ""  # why it was opened although another model had been

    def is_of(self, record: str, model: str) -> bool:
        """Whether it was the same model that was opened, by its bytes where they are known."""
        return self.model == model if self.model else self.record == record


def openings(folder: Path, data_digest: str) -> list[Opening]:
    """The openings of these data's test part in the campaign in `folder`, in order.

    Raises:
        BadRecord: The ledger is damaged.
    """
    ledger = folder / LEDGER
    try:
        found = [Opening.from_json(line) for line in whole_lines(ledger)]
    except ValueError as error:
        raise BadRecord(
            f"{ledger}: expected a line for each opening of the test part, received {first_line(error)}",
            "Nothing was opened. Restore the file: it says how often the test part has been looked at.",
        ) from error
    return [opening for opening in found if opening.data_digest == data_digest]


def refuse_another(before: list[Opening], record: str, model: str) -> None:
    """Lets the model pass that the test part was opened for already, or any where it was not.

    Raises:
        BadInput: It was opened for another model.
    """
    first = next((opening for opening in before if not opening.is_of(record, model)), None)
    if first is not None:
        when = datetime.fromtimestamp(first.time_ms / 1000, UTC).date().isoformat()
        raise BadInput(
            f"the test part was opened for {first.record} on {when} already, and {record} is another model",
            'Nothing was opened. Choose between models on validation; --again "REASON" opens it and writes that down.',
        )


def write_down(folder: Path, opening: Opening) -> None:
    """Adds a line; it is on disk when this returns."""
    drop_torn_line(folder / LEDGER)
    append_line(folder / LEDGER, opening.sealed())
