"""compare: is one group of trainings really better than another?

In: two names. Out: a ComparisonResult: better, not shown or worse, with an interval. The command line calls this same
function.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fer_exp.api.names import refuse_no_page
from fer_exp.api.told import Told
from fer_exp.system.errors import BadInput
from fer_exp.system.home import Home

if TYPE_CHECKING:
    import pandas as pd

    from fer_exp.verdict import Answer, Comparison, Group

RUN_ID = re.compile("[0-9a-f]{32}")
LEVELS = (0.5, 0.999)  # the first left out; beyond the second, 2,000 resamples say too little about the tail

MOST_POINTS = 100


@dataclass(frozen=True, repr=False)
class ComparisonResult(Told):
    """The verdict on A against B."""

    comparison: "Comparison"
    groups: "tuple[Group, Group] | None" = None  # the trainings compared, where they were named

    @property
    def answer(self) -> "Answer":
        """Better, not shown, or worse."""
        return self.comparison.judgement.answer

    @property
    def equivalent(self) -> bool | None:
        """Whether A and B are shown to be alike within the points that were given; None where none were."""
        found = self.comparison.judgement.equivalence
        return None if found is None else found.shown

    @property
    def sentence(self) -> str:
        """The verdict in one sentence with its interval."""
        from fer_exp.verdict import sentence

        return sentence(self.comparison)

    @property
    def text(self) -> str:
        """Who is compared, every metric, what was corrected for, and the sentence."""
        from fer_exp.verdict import verdict_text

        return verdict_text(self.comparison)

    def metrics(self) -> "pd.DataFrame":
        """A row for each metric: A's mean, B's, their difference and its interval, as shares."""
        import pandas as pd

        judged = self.comparison.judgement
        rows = [(one.metric, one.a.mean, one.b.mean, one.difference, one.low, one.high) for one in judged.metrics]
        return pd.DataFrame(rows, columns=["metric", "a", "b", "difference", "low", "high"])

    def write_report(self, path: Path | str) -> Path:
        """Writes the comparison as one HTML page that opens without a network; where it lies.

        Raises:
            BadInput: `path` is a folder or no name of a page, or the trainings were not named to `compare`.
        """
        target = Path(path)
        refuse_no_page(target, "write_report")
        if self.groups is None:
            raise BadInput(
                "write_report: expected a comparison of two names, received one that came with a retrain",
                "Nothing was written. fer_exp.compare(campaign, f'{campaign}:baseline') makes such a one.",
            )
        from fer_exp.report import write_comparison

        write_comparison(*self.groups, self.comparison, target)
        return target


def compare(
    a: str,
    b: str,
    *,
    level: float = 0.95,
    equivalence: float | None = None,
    home: Path | str | Home | None = None,
) -> ComparisonResult:
    """Whether A is better than B on the same validation images.

    Args:
        a: A campaign (its retrains, else its best trial), `CAMPAIGN:baseline`, `CAMPAIGN/trials/0003`,
            `CAMPAIGN/retrains`, or an MLflow run id.
        b: The same.
        level: Confidence of the intervals.
        equivalence: Points within which A and B count as alike; None asks nothing of the kind.
        home: Where the campaigns are; None for `FER_EXP_HOME`, else `./mlruns`.

    Raises:
        FerExpError: A name means nothing here, or the two cannot be compared; the error says why.
    """
    if not LEVELS[0] < level <= LEVELS[1]:
        raise BadInput(
            f"--level: expected a number above {LEVELS[0]:g}, at most {LEVELS[1]:g}, received {level:g}",
            "Nothing was compared. 0.95 is usual.",
        )
    if equivalence is not None and not 0 < equivalence <= MOST_POINTS:
        raise BadInput(
            f"--equivalence: expected points above 0, at most {MOST_POINTS}, received {equivalence:g}",
            "Nothing was compared. 1.0 says: alike within one point.",
        )
    place = Home.at(home)
    from fer_exp.verdict import compare_groups, find_groups, matching

    ours = find_groups(place, record_of(place, a))[0]
    theirs = matching(find_groups(place, record_of(place, b)), ours)
    margin = None if equivalence is None else equivalence / 100
    return ComparisonResult(compare_groups(ours, theirs, level, margin), (ours, theirs))


def record_of(home: Home, name: str) -> str:
    """The folder that a run of MLflow shows; any other name as it is."""
    if not RUN_ID.fullmatch(name) or home.campaign(name).exists():
        return name
    from fer_exp.tracking import find_run

    return find_run(home, name).record.as_posix()
