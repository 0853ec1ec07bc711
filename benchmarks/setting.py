"""What a run is given: where FER2013 is, how large to measure, and whether to take the long rows too.

In: options and environment. Out: a Setting, handed to every subject.
"""

import os
from dataclasses import dataclass
from pathlib import Path

NAME = "fer2013.csv.gz"
CHECKOUT = Path(__file__).resolve().parent.parent


class NoData(Exception):
    """A row needs FER2013, and it is not at hand."""


@dataclass(frozen=True)
class Setting:
    """How to measure."""

    data: Path | None = None  # folder that holds `fer2013.csv.gz`
    tiny: bool = False  # as little as shows that it works; its figures mean nothing
    long: bool = False  # rows that take hours too

    def packed(self) -> Path:
        """FER2013's packed CSV.

        Raises:
            NoData: It is not at hand.
        """
        if self.data is None:
            raise NoData(f"left out: no {NAME} in --data, FER_EXP_DATA or ../shared/data")
        return self.data / NAME

    def pick(self, usual: int, tiny: int) -> int:
        """A size or a count."""
        return tiny if self.tiny else usual


def find_data(given: str | None) -> Path | None:
    """The folder with the packed CSV: as given, else in FER_EXP_DATA, else `../shared/data` beside the checkout."""
    if given is not None:
        folders = [Path(given)]
    else:
        folders = [Path(os.environ["FER_EXP_DATA"])] if "FER_EXP_DATA" in os.environ else []
        folders.append(CHECKOUT.parent / "shared" / "data")
    return next((folder.resolve() for folder in folders if (folder / NAME).is_file()), None)
