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
    from fer_exp.api.texts import Steps
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
    folds: tuple["SearchResult", ...] = ()  # of a k-fold search, those that ended; this one is the last of them
    of_folds: tuple[str, int] = ("", 0)  # what such a search is called, and how many folds it has

    @property
    def stopped(self) -> bool:
        """Whether the time given was over before the campaign's end."""
        from fer_exp.execute.loop import Ending

        return self.result.ending is Ending.STOPPED

    @property
    def failed(self) -> bool:
        """Whether no training finished."""
        return self.told()[1] is ExitCode.TRIALS_FAILED

    @property
    def campaign(self) -> "RecordedCampaign":
        """Its records: leaderboard, histories, figures."""
        from fer_exp.api.recorded import load_campaign

        return load_campaign(self.name, home=self.home)

    @property
    def text(self) -> str:
        """The leaderboard, where to look and the next step."""
        from fer_exp.api.texts import CALLS

        return self._told(CALLS)[0]

    def told(self) -> tuple[str, ExitCode]:
        """The same as a command tells it, with its exit code."""
        from fer_exp.api.texts import COMMANDS

        return self._told(COMMANDS)

    def _told(self, steps: "Steps") -> tuple[str, ExitCode]:
        from fer_exp.api.texts import after_search

        texts = []
        for one in self.folds or (self,):
            text, code = after_search(one.name, one.home, one.result, tracking=one.tracking, steps=steps)
            texts += [f"{one.name}\n{text}" if self.folds else text]
        texts += [self.reproduction] if self.reproduction else []
        name, many = self.of_folds
        if many and len(self.folds) == many and code is ExitCode.OK:
            texts.append(f"All {many} folds ended. Next, the test parts of all: {steps.evaluate_folds(name)}")
        return "\n\n".join(texts), code
