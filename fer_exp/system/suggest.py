"""The word that was probably meant.

In: a word and those that are known. Out: text for the end of a sentence, empty where nothing is near.
"""

from collections.abc import Iterable

NEAR = 0.6  # of difflib's ratio, from 0 (no letter in common) to 1


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """`; did you mean 'block_dropout'?`, or nothing. Small and capital letters count as the same."""
    from difflib import get_close_matches  # only an error needs it

    names = {name.lower(): name for name in known if name != word}
    nearest = get_close_matches(str(word).lower()[:80], names, n=1, cutoff=NEAR)
    return f"; did you mean {names[nearest[0]]!r}?" if nearest else ""
