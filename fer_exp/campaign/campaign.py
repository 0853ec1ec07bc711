"""Campaign: a question, a space around a baseline, an algorithm and budgets. One Python file under `experiments/`.

In: its fields, as a campaign file gives them. Out: the Campaign, checked; and `CampaignSpec`, the form in which its
folder keeps what was run.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Self
from typing import Protocol as Interface

from pydantic import Field, model_validator

from fer_exp.campaign.objective import MEND, Objective, refuse_unknown
from fer_exp.campaign.resources import Resources
from fer_exp.campaign.space import dimensions
from fer_exp.data.reading import Reading
from fer_exp.data.split.info import LEAST_FOLDS, MOST_FOLDS, Cleaning, DataInfo, Fold
from fer_exp.data.split.protocol import Protocol
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.system.errors import BadCampaign, BadRecord
from fer_exp.system.values import Value, first_line


class Algorithm(StrEnum):
    """Keras Tuner's search algorithms, and fer-exp's own."""

    RANDOM = "random"
    BAYESIAN = "bayesian"
    HYPERBAND = "hyperband"
    GRID = "grid"
    ADAPTIVE = "adaptive"  # fer-exp's: short trainings, a forecast, longer ones of the most promising recipes

    @property
    def promotes(self) -> bool:
        """Whether a trial may go on from an earlier one's last checkpoint."""
        return self in (Algorithm.HYPERBAND, Algorithm.ADAPTIVE)


class HyperParameters(Interface):
    """The part of `keras_tuner.HyperParameters` that a space uses."""

    # Keras Tuner's own names and loose types.
    def Float(self, name: str, min_value: float, max_value: float, **options: Any) -> float: ...
    def Int(self, name: str, min_value: int, max_value: int, **options: Any) -> int: ...
    def Choice(self, name: str, values: list[Any], **options: Any) -> Any: ...
    def Boolean(self, name: str, **options: Any) -> bool: ...
    def Fixed(self, name: str, value: Any, **options: Any) -> Any: ...


Space = Callable[[HyperParameters], Recipe]

AT_REST = "at rest"  # in the place of a campaign's state: whatever its folder says, as after a retrain
NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,79}")  # fit for a folder, a URL, a shell and MLflow's filters


class Settings(Value):
    """Budgets and choices of a campaign; the command line may override them, and a started one's budgets may rise."""

    algorithm: Algorithm = Algorithm.RANDOM
    objective: Objective = Objective()
    max_trials: Annotated[int, Field(ge=0)] = 20  # without the baseline; Hyperband derives its own from `epochs`
    epochs: Annotated[int, Field(ge=1)] = 30  # a trial's full budget
    max_hours: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None  # of wall time per start
    protocol: Protocol = Protocol.OFFICIAL
    folds: Annotated[int, Field(ge=LEAST_FOLDS, le=MOST_FOLDS)] = 5  # of the protocol `subject-kfold`
    fold: Annotated[int, Field(ge=1)] | None = None  # which of them is the test part; None: each in turn
    limit: Annotated[int, Field(ge=1)] | None = None  # training images kept, stratified
    cleaning: Cleaning = Cleaning()  # what training leaves out
    reading: Reading = Reading()  # side and colour of faces, and how classes are read
    # Of proposals, splits and trainings. Keras Tuner takes 0 for "random", and scikit-learn ends at 32 bits.
    seed: Annotated[int, Field(ge=1, lt=2**32)] = 1
    # The record whose model teaches recipes with `distillation`: "demo/trials/0003", or a campaign with one model.
    teacher: str | None = None
    # Models of the best so many trials stay on disk and in MLflow, and the baseline's; None keeps every trial's.
    keep_models: Annotated[int, Field(ge=0)] | None = None
    hyperband_factor: Annotated[int, Field(ge=2)] = 3
    hyperband_iterations: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _fold_is_one_of_them(self) -> Self:
        if self.fold is not None and self.fold > self.folds:
            raise ValueError(f"fold: expected a number up to folds = {self.folds}, received {self.fold}")
        return self

    @property
    def test_fold(self) -> Fold | None:
        """The fold that is the test part; None under other protocols."""
        return Fold(number=self.fold or 1, of=self.folds) if self.protocol is Protocol.SUBJECT_KFOLD else None


_KINDS = {"name": str, "question": str, "settings": Settings, "baseline": Recipe, "resources": Resources}


@dataclass(frozen=True)
class Campaign:
    """What to search, as a campaign file says it."""

    name: str
    question: str
    space: Space
    settings: Settings = Settings()
    baseline: Recipe = baseline_recipe()
    data: str | None = None  # default data: "demo" or a path; None leaves it to --data and FER_EXP_DATA
    resources: Resources = Resources()  # what an attempt takes; options win

    def __post_init__(self) -> None:
        for field, kind in _KINDS.items():
            if not isinstance(getattr(self, field), kind):
                received = type(getattr(self, field)).__name__
                raise BadCampaign(f"campaign {field}: expected a {kind.__name__}, received {received}", MEND)
        if not callable(self.space):
            raise BadCampaign("campaign space: expected a function, received something else", MEND)
        if not isinstance(self.data, str | None):
            raise BadCampaign("campaign data: expected 'demo', a path as text, or None", MEND)
        try:
            self.question.encode()
        except UnicodeEncodeError as error:
            raise BadCampaign(f"campaign question: expected text, received {first_line(error)}", MEND) from error
        refuse_unknown(self.settings.objective)
        if not NAME.fullmatch(self.name):
            raise BadCampaign(
                "campaign name: expected up to 80 of a-z, A-Z, 0-9, '-' and '_', beginning with a letter or digit, "
                f"received {self.name[:100]!r}",
                "Nothing was started. Change the name in the campaign file.",
            )


class Sample(Value):
    """What `space` made of one point when the campaign started."""

    values: dict[str, bool | int | float | str]  # of the hyperparameters
    changes: dict[str, bool | int | float | str] | None  # recipe fields other than the baseline's; None: it refused


class Teacher(Value):
    """Whose model a campaign's recipes distil, as it was found when the campaign started."""

    record: str  # "demo/retrains/0003-seed2-2e"
    model_sha256: str


class CampaignSpec(Value):
    """What a campaign's folder says about it: `campaign.json`."""

    schema_version: Annotated[int, Field(ge=1, le=1)] = 1
    name: str
    question: str
    settings: Settings
    baseline: Recipe
    data: DataInfo
    fingerprint: str  # of the campaign file
    space: list[dict[str, Any]]  # Keras Tuner's description of each hyperparameter
    file: str  # the campaign file, as given
    created_ms: Annotated[int, Field(ge=0, lt=2**63)]
    teacher: Teacher | None = None
    samples: tuple[Sample, ...] = ()  # of the space; none in campaigns of earlier versions
    identity: str  # random; tells two campaigns of one name apart (on two machines, or after a deletion)

    @model_validator(mode="after")
    def _space_is_described(self) -> Self:
        try:
            dimensions(self.space)
        except BadRecord as error:
            raise ValueError(error.problem) from error
        return self
