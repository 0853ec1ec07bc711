"""How a search went, and the error that says that somebody stopped it.

In: a campaign's name, and what the search gave back. Out: values that say themselves; records are read when asked for.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fer_exp.api.told import Told
from fer_exp.system.errors import ExitCode, FerExpError, Interrupted
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.api.recorded import RecordedCampaign
    from fer_exp.tuning.values import Result

GO_ON = "Nothing is lost: the same call goes on where it stopped."


class SearchStopped(Interrupted):
    """Somebody stopped the search, by Ctrl-C or by interrupting the kernel; the same call goes on.

    Attributes:
        result: What there is so far.
    """

    def __init__(self, result: "SearchResult") -> None:
        super().__init__(f"{result.name} was stopped before its end", GO_ON)
        self.result = result


@dataclass(frozen=True, repr=False)
class SearchResult(Told):
    """How a search went."""

    name: str
    home: Home
    tracking: bool
    result: "Result"
    reproduction: str = ""  # validation, test and the reference's figures, where its procedure was reproduced
    behind: FerExpError | None = None  # why MLflow does not show that

    @property
    def stopped(self) -> bool:
        """Whether the time given was over before the campaign's end."""
        from fer_exp.execute.loop import Ending

        return self.result.ending is Ending.STOPPED

    @property
    def campaign(self) -> "RecordedCampaign":
        """Its records: leaderboard, histories, figures."""
        from fer_exp.api.recorded import load_campaign

        return load_campaign(self.name, home=self.home)

    @property
    def text(self) -> str:
        """The leaderboard, where to look and the next step."""
        from fer_exp.api.texts import CALLS, after_search

        told = after_search(self.name, self.home, self.result, tracking=self.tracking, steps=CALLS)[0]
        return f"{told}\n\n{self.reproduction}" if self.reproduction else told

    def told(self) -> tuple[str, ExitCode]:
        """The same as a command tells it, with its exit code."""
        from fer_exp.api.texts import after_search

        text, code = after_search(self.name, self.home, self.result, tracking=self.tracking)
        return (f"{text}\n\n{self.reproduction}" if self.reproduction else text), code
