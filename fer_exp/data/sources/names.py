"""The words data sources use for classes and parts, and how values of a bad row are shown.

In: a class name, a folder name, a cell. Out: a class's name, Usage, or None where the word is unknown. Words are
matched whole, after lower-casing; numbers are unknown here, because editions disagree on their order.
"""

import re

from fer_exp.data.faces import Usage

_SHOWN = 40  # characters of a bad value in a message

_SYNONYMS = {  # the one table of aliases
    "angry": ("angry", "anger"),
    "disgust": ("disgust", "disgusted"),
    "fear": ("fear", "fearful", "afraid", "scared"),
    "happy": ("happy", "happiness", "joy"),
    "sad": ("sad", "sadness"),
    "surprise": ("surprise", "surprised"),
    "neutral": ("neutral", "neutrality"),
    "contempt": ("contempt", "contemptuous"),
}
_CLASSES = {word: slug for slug, words in _SYNONYMS.items() for word in words}
_PARTS = {
    "train": Usage.TRAINING,
    "training": Usage.TRAINING,
    "valid": Usage.PUBLIC_TEST,
    "validation": Usage.PUBLIC_TEST,
    "val": Usage.PUBLIC_TEST,
    "dev": Usage.PUBLIC_TEST,
    "publictest": Usage.PUBLIC_TEST,
    "test": Usage.PRIVATE_TEST,
    "testing": Usage.PRIVATE_TEST,
    "privatetest": Usage.PRIVATE_TEST,
}
_NUMBER = re.compile(r"^\d{1,3}[ _.-]+(?=[^\W\d])")
_USAGES = {usage.title: usage for usage in Usage}

EMOTION_COLUMNS = ("emotion", "emotions", "label", "labels")  # lower case
USAGE_COLUMNS = ("usage", "split", "subset", "partition")
GROUP_COLUMNS = {  # and what a group then is
    **dict.fromkeys(("subject", "subject_id", "person", "person_id", "participant", "identity"), "subject"),
    **dict.fromkeys(("group", "group_id"), "group"),
    **dict.fromkeys(("photo", "photo_id"), "photo"),
}
PIXEL_COLUMNS = ("pixels", "pixel")
IMAGE_COLUMNS = ("image", "images", "img")  # arrays of numbers under one of these names


def class_named(word: str) -> str | None:
    """The class that a folder or a text label means."""
    return _CLASSES.get(word.strip().lower())


def without_number(word: str) -> str:
    """A class folder's name without the number before it, `0_angry`: the name decides, and numbers differ."""
    return _NUMBER.sub("", word)


def class_words() -> tuple[str, ...]:
    """All words that mean a class."""
    return tuple(_CLASSES)


def part_words() -> tuple[str, ...]:
    """All words that mean a part."""
    return tuple(_PARTS)


def part_named(word: str) -> Usage | None:
    """The usage that a folder or cell means: `validation` is PublicTest, `test` is PrivateTest."""
    return _PARTS.get(word.strip().lower())


def usage_titled(word: str) -> Usage | None:
    """The usage that a cell of the `Usage` column means: FER2013's own words, or those that folders may have."""
    found = _USAGES.get(word.strip())
    return part_named(word) if found is None else found


def usage_prefixed(file_name: str) -> Usage | None:
    """The official usage that begins a file name, as in `PublicTest_123.jpg`."""
    prefix, underscore, _ = file_name.partition("_")
    return _USAGES.get(prefix) if underscore else None


def shown(value: object) -> str:
    """A value as messages show it: quoted, escaped, at most forty characters."""
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return repr(value[:_SHOWN])[1:]  # without the b
    text = str(value)
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
