"""The ledger of a home: who looked at a test part, when and why; one line an opening.

In: a home and the digest of a test part. Out: its openings, and a line more. The first model to be opened has the test
part's one unbiased look: a choice between models by their test results would make the test part a second validation
part. So another model needs a reason, which is written down. It does not matter which campaign the models are of.

Each opening stands in the home's ledger and, so that it travels with a pack, in its campaign's own; both are read.
Lines of earlier versions, in campaigns' ledgers alone, know no digest: they count where data, protocol and number of
images are the same, so that rather too many openings are counted than too few.
"""

import fcntl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field

from fer_exp.data.split.info import DataInfo
from fer_exp.records import Record, now_ms
from fer_exp.records.digest import model_is_vouched_for
from fer_exp.system.errors import BadInput, BadRecord
from fer_exp.system.files import append_line, drop_torn_line, sha256_of, whole_lines
from fer_exp.system.home import Home
from fer_exp.system.values import Value, first_line

LEDGER = "ledger.jsonl"
EXTERNAL = "external"  # in the place of a protocol: all of another set
LAST_MS = 253_402_300_800_000  # the end of the year 9999, behind which there are no dates


class Opening(Value):
    """A line of the ledger."""

    time_ms: Annotated[int, Field(ge=0, lt=LAST_MS)]
    campaign: str
    record: str  # folder of the record inside the campaign's
    data_digest: str
    protocol: str
    split: str = (
        ""  # what of it was drawn: the seed, the fold; empty where nothing was, and in lines of earlier versions
    )
    images: int
    model: str = ""  # sha256 of its file; lines of earlier versions have none
    reason: str = ""  # why it was opened although another model had been
    test_digest: str = ""  # of the test part's images and labels; lines of earlier versions have none

    def is_of(self, other: "Opening") -> bool:
        """Whether it was the same model that was opened, by its bytes where they are known."""
        if self.model:
            return self.model == other.model
        return (self.campaign, self.record) == (other.campaign, other.record)

    def opens(self, other: "Opening") -> bool:
        """Whether it was the same test part that was opened."""
        if self.test_digest:
            return self.test_digest == other.test_digest
        drawn = not (self.split and other.split) or self.split == other.split
        mine, theirs = ((o.data_digest, o.protocol, o.images) for o in (self, other))
        return drawn and mine == theirs


@dataclass(frozen=True)
class Looks:
    """All openings of one test part so far."""

    openings: tuple[Opening, ...]  # in order

    @property
    def models(self) -> int:
        """How many models it was opened for."""
        return len({look.model or f"{look.campaign}/{look.record}" for look in self.openings})

    @property
    def campaigns(self) -> tuple[str, ...]:
        """The campaigns of those models, by name."""
        return tuple(sorted({look.campaign for look in self.openings}))

    def __str__(self) -> str:
        times, campaigns = len(self.openings), ", ".join(self.campaigns)
        return (
            f"opened {times} time{'s' if times > 1 else ''}, for {self.models} model{'s' if self.models > 1 else ''}, "
            f"by {'campaigns' if len(self.campaigns) > 1 else 'campaign'} {campaigns}"
        )


def all_openings(home: Home) -> list[Opening]:
    """The openings of every test part in a home, in order of time.

    Raises:
        BadRecord: A ledger is damaged.
    """
    ledgers = [home.ledger, *sorted(home.campaigns.glob(f"*/{LEDGER}"))]
    known = {opening: None for ledger in ledgers for opening in _read(ledger)}
    return sorted(known, key=lambda opening: opening.time_ms)


def write_down(home: Home, opening: Opening) -> Looks:
    """Adds a line, unless another model was opened before and no reason is given; it is on disk when this returns.

    A lock is held from the first look at the ledger until the line stands, so that of two that come at once the second
    finds the line of the first.

    Returns:
        All openings of that test part, this one included.

    Raises:
        BadInput: The test part was opened for other models alone, and `opening` gives no reason.
        BadRecord: A ledger is damaged.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    with (home.root / "ledger.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        before = [line for line in all_openings(home) if line.opens(opening)]
        if not opening.reason:
            _refuse_another(before, opening)
        for ledger in (home.ledger, home.campaign(opening.campaign) / LEDGER):
            drop_torn_line(ledger)
            append_line(ledger, opening.sealed())
    return Looks((*before, opening))


def refuse_early(home: Home, record: Record, model: Path, info: DataInfo, again: str) -> None:
    """Says before anything is loaded what `write_down` would say: that another model met this test part.

    The data are not read yet, so the test part is known by data, protocol and number of images alone; they are enough,
    because a data digest fixes them, and by the seed that drew it, where one did.

    Raises:
        BadInput: As `write_down`.
        BadRecord: A ledger is damaged, or the file is not the model that the record ended with.
    """
    model_is_vouched_for(record, model)  # a file that is not the record's is worse than a second model
    asked = opening_of(record, model, record.data(info), sum(info.test_counts), again=again)
    if not again:
        _refuse_another([line for line in all_openings(home) if asked.opens(line)], asked)


def opening_of(record: Record, model: Path, info: DataInfo, images: int, *, again: str, digest: str = "") -> Opening:
    """The line that says that the record's model met the test part now.

    Args:
        record: Whose model it is.
        model: Its file.
        info: How its data were split.
        images: Of the test part.
        again: Why, where another model met it before.
        digest: Of the test part's images and labels; empty while they are not read.
    """
    folder = record.path.parents[1]
    return Opening(
        time_ms=now_ms(),
        campaign=folder.name,
        record=record.path.relative_to(folder).as_posix(),
        data_digest=info.data_digest,
        protocol=info.protocol,
        split=info.drawn,
        images=images,
        model=sha256_of(model),
        reason=again,
        test_digest=digest,
    )


def _refuse_another(before: Iterable[Opening], opening: Opening) -> None:
    """Lets a model pass that the test part was opened for already, whatever else it was opened for since."""
    first, *others = [*before] or [opening]
    if any(look.is_of(opening) for look in (first, *others)):
        return
    when = datetime.fromtimestamp(first.time_ms / 1000, UTC).date().isoformat()
    raise BadInput(
        f"the test part was opened for {first.campaign}/{first.record} on {when} already, and "
        f"{opening.campaign}/{opening.record} is another model",
        'Nothing was opened. Choose between models on validation; --again "REASON" opens it and writes that down.',
    )


def _read(ledger: Path) -> list[Opening]:
    try:
        return [Opening.from_json(line) for line in whole_lines(ledger)]
    except ValueError as error:
        raise BadRecord(
            f"{ledger}: expected a line for each opening of the test part, received {first_line(error)}",
            "Nothing was opened. Restore the file: it says how often the test part has been looked at.",
        ) from error
