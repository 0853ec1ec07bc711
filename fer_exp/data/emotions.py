"""The seven expressions, by FER2013's label; read by everything, so it loads nothing.

In: nothing. Out: names and numbers.
"""

from enum import IntEnum


class Emotion(IntEnum):
    """The seven expressions, by FER2013's label."""

    ANGRY = 0
    DISGUST = 1
    FEAR = 2
    HAPPY = 3
    SAD = 4
    SURPRISE = 5
    NEUTRAL = 6

    @property
    def title(self) -> str:
        """The name as reports print it: `Angry`."""
        return self.name.capitalize()

    @property
    def slug(self) -> str:
        """The name as metrics carry it: `angry`."""
        return self.name.lower()
