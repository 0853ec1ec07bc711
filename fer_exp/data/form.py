"""Form: what a model takes and gives, as numbers; read by everything, so it loads nothing.

In: numbers. Out: a Form, from which a network is built and its weights are counted.
"""

from typing import NamedTuple


class Form(NamedTuple):
    """The side and the channels of a face, and how many classes are told apart. The default is FER2013's."""

    side: int = 48  # pixels
    channels: int = 1  # 1 grey, 3 red, green and blue
    classes: int = 7

    @property
    def face(self) -> tuple[int, int, int]:
        """The shape of one face: (side, side, channels)."""
        return self.side, self.side, self.channels


FER2013_FORM = Form()
