"""Protocol: the closed list of ways in which rows become training, validation and test.

In: nothing. Out: names that every other part may use, the command line before anything is loaded; `assign.py` beside
this file does the splitting.
"""

from enum import StrEnum


class Protocol(StrEnum):
    """How rows become training, validation and test."""

    OFFICIAL = "official"  # by Usage: the split the literature reports on
    STRATIFIED = "stratified"  # 70/15/15 at random, copies of an image on one side
    GROUPED = "grouped"  # 70/15/15 by person, sequence or photo: no group on two sides
    SUBJECT_KFOLD = "subject-kfold"  # by the same groups into K folds; each is the test part once
    REFERENCE = "reference"  # the reference notebook's own procedure, its leak included: to reproduce its number only

    @property
    def draws_test(self) -> bool:
        """Whether the test part depends on a campaign's seed."""
        return self in (Protocol.STRATIFIED, Protocol.GROUPED, Protocol.SUBJECT_KFOLD)

    @property
    def leaky(self) -> bool:
        """Whether validation holds copies of training images by construction."""
        return self is Protocol.REFERENCE
