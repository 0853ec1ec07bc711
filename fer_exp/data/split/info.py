"""DataInfo, Fold and Cleaning: what training leaves out, and what a split looks like.

In: nothing. Out: values that every other part may use; `prepare.py` makes the first, a campaign's settings the second.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from fer_exp.data.classes import FER2013, Classes
from fer_exp.data.form import Form
from fer_exp.data.reading import Reading
from fer_exp.data.split.protocol import Protocol
from fer_exp.system.values import Value

LEAST_FOLDS = 3  # one to test on, one to validate on, and one to train on
MOST_FOLDS = 100


class Cleaning(Value):
    """What training leaves out; all off by default, because published numbers are of the whole split."""

    drop_leaks: bool = False  # images that validation or test holds too, pixel for pixel
    drop_conflicts: bool = False  # images that training holds under several labels
    drop_blank: bool = False  # images of a single grey level

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rules that are on."""
        return tuple(name for name, on in self if on)

    def __str__(self) -> str:
        return ", ".join(self.rules) or "none"


class Fold(Value):
    """Which of K folds is the test part; the one behind it is for validation, the others are for training."""

    number: Annotated[int, Field(ge=1)]
    of: Annotated[int, Field(ge=LEAST_FOLDS, le=MOST_FOLDS)]

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if self.number > self.of:
            raise ValueError(f"fold {self.number} of {self.of}")
        return self

    def __str__(self) -> str:
        return f"{self.number}-of-{self.of}"


class DataInfo(Value):
    """Where a campaign's data came from and how they were split; written into its record, shown in MLflow.

    Class counts are in label order, a number for each class, before oversampling.
    """

    path: str  # as given: a file, a folder, or "demo"
    source: str  # what was recognised, as reports show it
    kind: str  # "csv", "parquet", "folder", "demo"
    data_digest: str  # of all faces
    split_digest: str  # of the development rows and their order
    protocol: Protocol
    seed: int
    fold: Fold | None = None  # under `subject-kfold`
    limit: int | None  # training images kept, stratified; None keeps all
    cleaning: Cleaning = Cleaning()  # what training leaves out; before the limit
    oversampled: bool  # the protocol has oversampled already (reference); training must not do it again
    faces: int
    train_counts: tuple[int, ...]
    validation_counts: tuple[int, ...]
    test_counts: tuple[int, ...]
    notes: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()  # rows left out at the user's wish, "file row n: problem"
    dropped_total: int = 0  # how many; `dropped` lists the first hundred
    class_names: tuple[str, ...] = FER2013.names  # in label order
    reading: Reading = Reading()
    grouped_by: str = ""  # what a group is: "subject", "photo"; empty where the source knows none
    groups: int = 0
    licence: str = ""  # of the data, as far as it is known
    voted: bool = False  # annotators' votes are there, for recipes that train on them

    @property
    def classes(self) -> Classes:
        """What the labels mean."""
        return Classes(self.class_names)

    @property
    def form(self) -> Form:
        """What a model of these data takes and gives."""
        return Form(self.reading.side, 3 if self.reading.colour else 1, len(self.class_names))

    @property
    def split_title(self) -> str:
        """How the data were split, as reports show it: "official", "subject-kfold, fold 2 of 5"."""
        fold = "" if self.fold is None else f", fold {self.fold.number} of {self.fold.of}"
        return f"{self.protocol}{fold}"

    @property
    def drawn(self) -> str:
        """What the test part depends on besides data and protocol: "seed 3", "seed 1, fold 2 of 5"; else empty."""
        if not self.protocol.draws_test:
            return ""
        fold = "" if self.fold is None else f", fold {self.fold.number} of {self.fold.of}"
        return f"seed {self.seed}{fold}"

    @property
    def reading_again(self) -> Reading:
        """How the same faces are read; records of earlier versions say by what was dropped that rows were skipped."""
        return self.reading.model_copy(update={"skip_bad_rows": self.reading.skip_bad_rows or self.dropped_total > 0})
