"""Reading: how a source becomes faces, where the user or the campaign said so.

In: choices. Out: a value that stands in records, so that the same faces can be read again.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from fer_exp.data.classes import SLUG
from fer_exp.system.values import Value

SMALLEST, LARGEST, STEP = 32, 224, 8  # pixels; CLAHE's 8x8 tiles divide the side

Word = Annotated[str, Field(min_length=1, max_length=100)]


class Reading(Value):
    """What a source is turned into, and what is read in it. The defaults are FER2013's."""

    side: Annotated[int, Field(ge=SMALLEST, le=LARGEST, multiple_of=STEP)] = 48  # pixels
    colour: bool = False
    skip_bad_rows: bool = False  # leave rows out that cannot be used, and list them
    layout: str | None = None  # how the source is laid out, where it could be told in two ways
    classes: dict[Word, str] = Field(default_factory=dict)  # what a number or word of the source means, in label order
    merge: dict[str, str] = Field(default_factory=dict)  # a class that counts as another
    drop: tuple[str, ...] = ()  # classes whose faces are left out
    groups: str | None = None  # a CSV of image and group
    licence: Annotated[str, Field(max_length=500)] = ""  # of the data, where the user knows it better than the layout
    votes: str | None = None  # FER+'s file of annotators' votes on FER2013
    rule: str = "majority"  # by which votes become labels

    @model_validator(mode="after")
    def _names_are_classes(self) -> Self:
        names = {*self.classes.values(), *self.merge, *self.merge.values(), *self.drop}
        wrong = sorted(name for name in names if not SLUG.fullmatch(name))
        if wrong:
            raise ValueError(f"expected names of a-z, 0-9 and -, received {', '.join(wrong)}")
        chained = sorted(
            ({*self.merge.values()} & {*self.merge}) | ({*self.merge.values(), *self.merge} & {*self.drop})
        )
        if chained:
            raise ValueError(f"{', '.join(chained)}: merged or dropped, and the aim of a merge too")
        return self

    def __str__(self) -> str:
        """What differs from the defaults, for people; empty where nothing does."""
        told = [f"{self.side} pixels"] if self.side != 48 else []
        told += ["colour"] if self.colour else []
        told += [f"{one} as {other}" for one, other in self.merge.items()]
        told += [f"without {one}" for one in self.drop]
        return ", ".join(told)
