"""What an attempt takes of a machine while it trains.

In: numbers of a campaign file or of options. Out: a value. It changes how many trials run at a time and how fast; what
a training gives does not depend on it beyond the order in which sums are taken.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from fer_exp.system.values import Value


class Resources(Value):
    """Of one attempt; None leaves it to the engine."""

    cpus: Annotated[float, Field(gt=0, le=4096)] | None = None  # processors, as threads of the backend
    gpus: Annotated[float, Field(ge=0, le=64)] | None = None  # graphics processors: a part of one, or whole ones

    @model_validator(mode="after")
    def _whole_or_part(self) -> Self:
        if self.gpus is not None and self.gpus > 1 and self.gpus != int(self.gpus):
            raise ValueError(f"gpus: expected a part of one, or a whole number, received {self.gpus:g}")
        return self

    def over(self, other: "Resources") -> "Resources":
        """This one's numbers where it has any, else those of `other`."""
        return Resources(
            cpus=other.cpus if self.cpus is None else self.cpus, gpus=other.gpus if self.gpus is None else self.gpus
        )
