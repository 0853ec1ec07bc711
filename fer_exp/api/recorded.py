"""load_campaign: what a campaign's records say, as DataFrames and pictures.

In: a campaign by name. Out: a RecordedCampaign. Records are read when they are asked for, so that a campaign which is
still running shows how far it has come; nothing is written.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fer_exp.api.told import Picture, Told, preformatted
from fer_exp.system.errors import NotFound
from fer_exp.system.home import Home

if TYPE_CHECKING:
    import pandas as pd

    from fer_exp.campaign import CampaignSpec
    from fer_exp.leaderboard.rows import Row
    from fer_exp.metrics.scores import Scores
    from fer_exp.records import Record, RecordContents

TRAINING = re.compile(r"(?:(trials|retrains)/)?(\d{1,18}[\w-]*)")


@dataclass(frozen=True, repr=False)
class RecordedCampaign(Told):
    """A campaign's folder, to look at."""

    name: str
    home: Home

    @property
    def folder(self) -> Path:
        """Where its records are."""
        return self.home.campaign(self.name)

    @property
    def spec(self) -> "CampaignSpec":
        """Question, settings, space, baseline and data."""
        from fer_exp.api.names import known_campaign

        return known_campaign(self.home, self.name)

    def leaderboard(self) -> "pd.DataFrame":
        """A row for each trial and the baseline, best first: metrics, state, epochs, and a column a hyperparameter.

        The columns are those of `leaderboard.csv`; hyperparameters are called `hp/<name>`. What a row does not have is
        missing, and a trial without a finite objective has no rank.
        """
        from fer_exp.leaderboard.table import leaderboard_frame

        return leaderboard_frame(self._rows("trials"))

    def retrains(self) -> "pd.DataFrame":
        """The same of the trainings of `retrain_best`; `seed` tells those of one trial apart."""
        from fer_exp.leaderboard.table import leaderboard_frame

        rows = self._rows("retrains")
        frame = leaderboard_frame(rows)
        frame.insert(2, "seed", [row.seed for row in rows])
        return frame

    def history(self, training: int | str | None = None) -> "pd.DataFrame":
        """A row for each epoch: losses, accuracies, learning rate, seconds, images per second.

        Args:
            training: A trial by number (0 is the baseline), or `retrains/...`; None for all trials.
        """
        import pandas as pd

        contents = [self._record(training).read()] if training is not None else self._whole("trials")
        from fer_exp.records import Epoch

        columns = [name for name in Epoch.model_fields if name != "checkpoint_sha256"]
        rows = [
            {"number": one.spec.number, "seed": one.spec.seed, **epoch.model_dump(include=set(columns))}
            for one in contents
            for epoch in one.history
        ]
        return pd.DataFrame(rows, columns=["number", "seed", *columns])

    def plot_search(self) -> Picture:
        """Every trial's objective in the order of the search, and the best so far."""
        from fer_exp import figures

        return Picture(figures.history_figure(self._rows("trials"), self.spec.settings.objective, self.name))

    def plot_hyperparameters(self) -> Picture:
        """Parallel coordinates: a line for each trial through its hyperparameters.

        Raises:
            NotFound: No trial has finished.
        """
        from fer_exp import figures
        from fer_exp.campaign.space import dimensions
        from fer_exp.records import Kind

        rows, spec = self._rows("trials"), self.spec
        if not any(row.kind is Kind.TRIAL and row.objective is not None for row in rows):
            raise self._nothing("a finished trial")
        return Picture(figures.parallel_figure(rows, dimensions(spec.space), spec.settings.objective, self.name))

    def plot_importance(self) -> Picture:
        """Which hyperparameters mattered.

        Raises:
            NotFound: Too few trials have finished to say so.
        """
        from fer_exp import figures
        from fer_exp.campaign.space import dimensions
        from fer_exp.leaderboard.importance import importance

        found = importance(self._rows("trials"), dimensions(self.spec.space), self.spec.settings.objective)
        if not found.shares:
            raise self._nothing("enough finished trials")
        return Picture(figures.importance_figure(found, self.name))

    def plot_curves(self, training: int | str | None = None) -> Picture:
        """Loss and accuracy by epoch of one training; None for the best trial.

        Raises:
            NotFound: It has no epoch yet.
        """
        from fer_exp import figures

        history = self._record(training).history()
        if not history:
            raise self._nothing("an epoch")
        return Picture(figures.curves_figure(history))

    def plot_confusion(self, training: int | str | None = None) -> Picture:
        """The confusion matrices on validation of one training; None for the best trial."""
        from fer_exp import figures

        return Picture(figures.confusion_figure(self.scores(training)))

    def scores(self, training: int | str | None = None) -> "Scores":
        """Everything measured on validation, from stored predictions; None for the best trial."""
        from fer_exp.metrics.scores import score

        said = self._record(training).predictions()
        return score(said.labels, said.probabilities, said.classes)

    @property
    def text(self) -> str:
        """Its question, its state and its leaderboard."""
        from fer_exp.leaderboard.table import leaderboard_table
        from fer_exp.records.folder import state_of

        spec = self.spec
        state = state_of(self.folder)
        head = f"{self.name}: {spec.question}\n{spec.data.source}, protocol {spec.data.protocol}; {state}\n\n"
        return head + leaderboard_table(self._rows("trials"), spec.settings.objective, at_rest=state != "running")

    def _repr_html_(self) -> str:
        head, _, table = self.text.partition("\n\n")
        lines = "<br>".join(map(html.escape, head.splitlines()))
        return f"<p>{lines}</p>{preformatted(table)}"

    def _rows(self, part: str) -> "list[Row]":
        from fer_exp.leaderboard.rows import leaderboard

        return leaderboard(self._whole(part), self.spec.settings.objective)

    def _whole(self, part: str) -> "list[RecordContents]":
        """What of its trials or retrains can be read; the doctor says what is wrong with the others."""
        from fer_exp.leaderboard.rows import whole
        from fer_exp.records import records_in

        return whole(records_in(self.folder / part))[0]

    def _record(self, training: int | str | None) -> "Record":
        """The record of one training; None for the best trial's.

        Raises:
            NotFound: There is no such training.
        """
        from fer_exp.leaderboard.rows import best
        from fer_exp.records import Record, records_in

        if training is None:
            found = best(records_in(self.folder / "trials"), self.spec.settings.objective)
            if found is None:
                raise self._nothing("a finished trial")
            return found
        if match := TRAINING.fullmatch(f"{training:04d}" if isinstance(training, int) else training):
            record = Record(self.folder / (match[1] or "trials") / match[2])
            if record.exists():
                return record
        trainings = ", ".join(one.relative_to(self.folder).as_posix() for one in self._folders()) or "none"
        raise NotFound(
            f"campaign {self.name!r}: expected a trial by number or retrains/..., received {training!r}; "
            f"there: {trainings}",
            "Nothing was changed. `leaderboard()` and `retrains()` list them.",
        )

    def _folders(self) -> Iterator[Path]:
        from fer_exp.records.folder import records_of

        yield from (record.path for record in records_of(self.folder))

    def _nothing(self, what: str) -> NotFound:
        return NotFound(
            f"campaign {self.name!r}: expected {what}, found none", "Nothing was changed. Go on with the search."
        )


def load_campaign(name: str, *, home: Path | str | Home | None = None) -> RecordedCampaign:
    """The campaign of that name, as far as it has come.

    Args:
        name: As the leaderboard and `fer-exp status` show it.
        home: Where it is; None for `FER_EXP_HOME`, else `./mlruns`.

    Raises:
        NotFound: There is none; the error names those there are.
    """
    from fer_exp.api.names import known_campaign

    place = Home.at(home)
    return RecordedCampaign(known_campaign(place, name).name, place)
