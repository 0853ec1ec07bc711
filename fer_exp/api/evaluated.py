"""What an evaluation found: of the test part, and of another face set.

In: the model, and what came out. Out: values that say themselves, and their parts as DataFrames and pictures.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fer_exp.api.told import Picture, Told
from fer_exp.choosing import Recorded
from fer_exp.system.errors import FerExpError
from fer_exp.system.home import Home

if TYPE_CHECKING:
    import pandas as pd

    from fer_exp.campaign import CampaignSpec
    from fer_exp.holdout.result import ExternalResult, TestResult
    from fer_exp.metrics.scores import Scores


@dataclass(frozen=True, repr=False)
class Evaluation(Told):
    """A model on the test part."""

    home: Home
    spec: "CampaignSpec"
    chosen: Recorded
    result: "TestResult"
    behind: FerExpError | None = None  # why MLflow does not show it yet

    @property
    def accuracy(self) -> float:
        """On the test part, from 0 to 1."""
        return self.result.scores.accuracy

    @property
    def metrics(self) -> dict[str, float]:
        """All of them by name, `test/accuracy` and on."""
        return self.chosen.record.test_scores()

    def report(self) -> "pd.DataFrame":
        """Precision, recall, F1 and images of each class."""
        return class_frame(self.result.scores)

    def confusion(self) -> Picture:
        """The confusion matrices, as counts and by row."""
        return confusion_picture(self.result.scores)

    @property
    def text(self) -> str:
        """The report on test with validation beside it, and how often the test part was opened."""
        from fer_exp.api.texts import after_evaluation
        from fer_exp.records import title_of
        from fer_exp.results import full_report

        asked = self.chosen.record.spec()
        title = f"{self.spec.name} {title_of(asked.kind, asked.number, asked.seed)} on the test part, "
        title += f"protocol {self.spec.data.split_title}"
        report = full_report(self.result.scores, self.result.calibration, "test")
        return after_evaluation(title, report, self.result, self.chosen.record.path / "test")

    def document(self) -> dict[str, Any]:
        """The same for a program."""
        record = self.chosen.record
        return {
            "campaign": self.spec.name,
            "record": str(record.path.relative_to(self.home.root)),
            "run_id": self.chosen.run_id,
            "metrics": record.test_scores(),
            "report": json.loads((record.path / "test" / "report.json").read_text()),
        }


@dataclass(frozen=True, repr=False)
class ExternalEvaluation(Told):
    """A model on another face set."""

    home: Home
    spec: "CampaignSpec"
    chosen: Recorded
    result: "ExternalResult"
    behind: FerExpError | None = None  # why MLflow does not show it yet

    @property
    def accuracy(self) -> float:
        """On the set, by the classes that both know, from 0 to 1."""
        return self.result.scores.accuracy

    def report(self) -> "pd.DataFrame":
        """Precision, recall, F1 and images of each class."""
        return class_frame(self.result.scores)

    def confusion(self) -> Picture:
        """The confusion matrices, as counts and by row."""
        return confusion_picture(self.result.scores)

    @property
    def text(self) -> str:
        """What the model reached, and what of both was left out."""
        from fer_exp.api.texts import after_external

        return after_external(self.chosen.title, self.result, self.chosen.record.path / self.result.folder)

    def document(self) -> dict[str, Any]:
        """The same for a program."""
        record = self.chosen.record
        return {
            "campaign": self.spec.name,
            "record": str(record.path.relative_to(self.home.root)),
            "on": self.result.source,
            "accuracy_error": self.result.error,
            "left_out": self.result.left_out,
            "unused": self.result.unused,
            "report": json.loads((record.path / self.result.folder / "report.json").read_text()),
        }


def class_frame(scores: "Scores") -> "pd.DataFrame":
    """A row for each class: precision, recall, F1, images."""
    import pandas as pd

    rows = [(one.precision, one.recall, one.f1, one.support) for one in scores.per_class]
    names = [one.emotion for one in scores.per_class]
    return pd.DataFrame(rows, index=pd.Index(names, name="class"), columns=["precision", "recall", "f1", "images"])


def confusion_picture(scores: "Scores") -> Picture:
    """The confusion matrices, as counts and by row."""
    from fer_exp import figures

    return Picture(figures.confusion_figure(scores))
