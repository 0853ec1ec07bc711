"""Vocabulary: from what a source calls its classes to Classes, by name; the user's own words decide first.

In: labels as a source writes them, and a Reading. Out: label numbers, given in the order in which classes turn up, and
at the end the Classes and the place of each number in them. A bare number is read only where something says what it
means: FER2013's own column, a layout whose order is documented, or `--classes`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fer_exp.data.classes import FER2013, SLUG, Classes
from fer_exp.data.reading import Reading
from fer_exp.data.sources.names import class_named
from fer_exp.system.errors import BadData

UNCHANGED = "Nothing was changed."
LEFT_OUT = 255  # the place of a class that was dropped; labels are bytes
_FIRST = (*FER2013.names, "contempt")  # of classes that no source puts in an order


@dataclass
class Vocabulary:
    """The classes of one source while it is read."""

    reading: Reading
    order: Sequence[str] = ()  # what the numbers 0, 1, ... mean in this source; empty where nothing says so
    declared: tuple[str, ...] = ()  # classes that the source has, whether or not a face of each turns up
    _numbers: dict[str, int] = field(default_factory=dict)  # of slugs
    _known: dict[str, int | None] = field(default_factory=dict)  # of labels as they are written

    def number_of(self, label: str) -> int | None:
        """The number of a label as the source writes it; None where nobody knows what it means."""
        if label not in self._known:
            slug = self._slug_of(label)
            self._known[label] = None if slug is None else self.of_class(slug)
        return self._known[label]

    def of_class(self, slug: str) -> int:
        """The number of a class by its name, merged or dropped ones too."""
        return self._numbers.setdefault(slug, len(self._numbers))

    @property
    def expected(self) -> str:
        """What a label may be, for messages."""
        if self.reading.classes:
            return f"one of {', '.join(self.reading.classes)} or a known class"
        return f"0-{len(self.order) - 1} or a known class" if self.order else "a known class"

    def _slug_of(self, label: str) -> str | None:
        word = label.strip()
        number = whole_number(word)
        for name in (word, word.lower(), "" if number is None else str(number)):
            if name in self.reading.classes:
                return self.reading.classes[name]
        if number is not None:
            if self.reading.classes or not 0 <= number < len(self.order):
                return None
            self.declared = self.declared or tuple(self.order)  # whoever numbers its classes has them all
            return self.order[number]
        return class_named(word)

    def classes(self, source: str) -> Classes:
        """The classes in label order: as `--classes` names them all, else as the source declares them, else sorted.

        Raises:
            BadData: There are fewer than two.
        """
        seen, declared, said = map(self._kept, (self._numbers, self.declared, self.reading.classes.values()))
        names = said if set(said) >= {*seen, *declared} else (*declared, *in_order(set(seen) - set(declared)))
        if len(names) < 2:
            raise BadData(
                f"{source}: expected faces of two classes or more, received {', '.join(names) or 'none'}",
                f"{UNCHANGED} Give a source with more classes.",
            )
        return Classes(names)

    def _kept(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those that are not dropped, merged, each once."""
        return tuple(dict.fromkeys(self._merged(name) for name in names if name not in self.reading.drop))

    def _merged(self, slug: str) -> str:
        return self.reading.merge.get(slug, slug)

    def places(self, classes: Classes) -> list[int]:
        """The place in `classes` of each number that was given, in the order of the numbers; `LEFT_OUT` of dropped."""
        return [
            LEFT_OUT if slug in self.reading.drop else classes.names.index(self._merged(slug)) for slug in self._numbers
        ]

    def notes(self, faces: Sequence[int]) -> list[str]:
        """What the user's words did, a sentence each; `faces` of each number."""
        counted = list(zip(self._numbers, faces, strict=False))
        told = [
            f"{count:,} faces of {one} were left out, as asked." for one, count in counted if one in self.reading.drop
        ]
        merged = [(one, count) for one, count in counted if one in self.reading.merge]
        return told + [f"{count:,} faces of {one} count as {self._merged(one)}, as asked." for one, count in merged]


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Names as they stand where nothing gives an order: FER2013's first, then contempt, then the others sorted."""
    return tuple(sorted(names, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)))


def whole_number(label: str) -> int | None:
    """A label as a whole number: `3`, or `3.0` as tools write it where a column once had gaps."""
    try:
        number = float(label)
    except ValueError:
        return None
    return int(number) if number.is_integer() else None


def slug_of(word: str) -> str | None:
    """A class's name made from a word that no table knows: `Very Happy` is `very-happy`; None where it cannot be."""
    made = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in word.lower()).split())
    return made if SLUG.fullmatch(made) else None
