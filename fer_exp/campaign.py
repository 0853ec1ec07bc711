"""Campaign: a question, a space around a baseline, an algorithm and budgets. One Python file under `experiments/`.

In: a campaign file that defines `campaign = Campaign(...)`. Out: the Campaign, its fingerprint, and `CampaignSpec`, the form
in which its folder keeps what was run. The fingerprint is taken from the file's syntax tree without docstrings, so writing
the result into the file later changes nothing.
"""

import ast
import hashlib
import runpy
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol as Interface

from fer_exp.data.protocol import DataInfo, Protocol
from fer_exp.errors import BadCampaign, FerExpError
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.values import Value, first_line


class Algorithm(StrEnum):
    """Keras Tuner's search algorithms."""

    RANDOM = "random"
    BAYESIAN = "bayesian"
    HYPERBAND = "hyperband"
    GRID = "grid"


class Direction(StrEnum):
    """Which way an objective is better."""

    MAX = "max"
    MIN = "min"


class Objective(Value):
    """The final validation metric that decides between trials."""

    metric: str = "val/accuracy"
    direction: Direction = Direction.MAX

    def better(self, a: float, b: float) -> bool:
        """Whether `a` beats `b`."""
        return a > b if self.direction is Direction.MAX else a < b


class HyperParameters(Interface):
    """The part of `keras_tuner.HyperParameters` that a space uses."""

    # Keras Tuner's own names and loose types.
    def Float(self, name: str, min_value: float, max_value: float, **options: Any) -> float: ...  # noqa: N802
    def Int(self, name: str, min_value: int, max_value: int, **options: Any) -> int: ...  # noqa: N802
    def Choice(self, name: str, values: list[Any], **options: Any) -> Any: ...  # noqa: N802
    def Boolean(self, name: str, **options: Any) -> bool: ...  # noqa: N802
    def Fixed(self, name: str, value: Any, **options: Any) -> Any: ...  # noqa: N802


Space = Callable[[HyperParameters], Recipe]


class Settings(Value):
    """Budgets and choices of a campaign that the command line may override. Raising budgets of a started one is fine."""

    algorithm: Algorithm = Algorithm.RANDOM
    objective: Objective = Objective()
    max_trials: int = 20  # not counting the baseline; Hyperband derives its own number from `epochs`
    epochs: int = 30  # a trial's full budget
    max_hours: float | None = None  # of wall time per start
    protocol: Protocol = Protocol.OFFICIAL
    limit: int | None = None  # training images kept, stratified
    seed: int = 1  # of proposals, splits and trainings; Keras Tuner takes 0 for "random", so it starts at 1
    keep_models: int = 3  # models of the best so many trials stay on disk and in MLflow
    hyperband_factor: int = 3
    hyperband_iterations: int = 1


@dataclass(frozen=True)
class Campaign:
    """What to search, as a campaign file says it."""

    name: str
    question: str
    space: Space
    settings: Settings = Settings()
    baseline: Recipe = baseline_recipe()
    data: str | None = None  # default data: "demo" or a path; None leaves it to --data and FER_EXP_DATA

    def __post_init__(self) -> None:
        if not self.name or not all(c.isalnum() or c in "-_" for c in self.name) or len(self.name) > 80:
            raise BadCampaign(
                f"campaign name: expected up to 80 letters, digits, '-' and '_', received {self.name!r}",
                "Nothing was started. Change the name in the campaign file.",
            )


class CampaignSpec(Value):
    """What a campaign's folder says about it: `campaign.json`."""

    schema_version: int = 1
    name: str
    question: str
    settings: Settings
    baseline: Recipe
    data: DataInfo
    fingerprint: str  # of the campaign file
    space: list[dict[str, Any]]  # Keras Tuner's description of each hyperparameter
    file: str  # the campaign file, as given
    created_ms: int
    identity: str  # random; tells two campaigns of one name apart (on two machines, or after a deletion)


def load_campaign(path: Path) -> Campaign:
    """The campaign that the file at `path` defines as `campaign`.

    Raises:
        BadCampaign: The file is missing, does not run, or defines no campaign.
    """
    if not path.is_file():
        raise BadCampaign(
            f"campaign file: expected a Python file, found none at {path}",
            "Nothing was started. Give a file such as experiments/demo.py.",
        )
    try:
        names = runpy.run_path(str(path))
    except FerExpError:
        raise
    except Exception as error:  # whatever the user's file raises is the user's to see, in one line
        raise BadCampaign(
            f"{path} cannot be run: {type(error).__name__}: {first_line(error)}",
            "Nothing was started. Mend the file; -vv shows where it fails.",
        ) from error
    campaign = names.get("campaign")
    if not isinstance(campaign, Campaign):
        raise BadCampaign(
            f"{path}: expected it to define `campaign = Campaign(...)`, found {type(campaign).__name__}",
            "Nothing was started. experiments/demo.py shows the form.",
        )
    return campaign


def fingerprint(path: Path) -> str:
    """Sixteen hexadecimal digits of the file's syntax tree, without docstrings, comments and layout."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16]
