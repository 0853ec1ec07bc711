"""Classes: the expressions that a data set tells apart, named and in order; read by everything, so it loads nothing.

In: names. Out: Classes, whose members are their own label numbers. Numbers mean nothing without the names: at least
eight orders of them circulate, so what is stored or compared is always the names.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from fer_exp.system.errors import BadInput

MOST = 200  # classes; labels are bytes
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class FaceClass(int):
    """A class by its label number, which it is, and its name."""

    slug: str  # as metrics and records carry it: `angry`

    def __new__(cls, number: int, slug: str) -> "FaceClass":
        """Class `number`, counted from 0, called `slug`."""
        made = super().__new__(cls, number)
        made.slug = slug
        return made

    @property
    def title(self) -> str:
        """The name as reports print it: `Angry`."""
        return title_of_class(self.slug)


class Classes(Sequence[FaceClass]):
    """Two or more classes in label order.

    Args:
        names: Slugs, each once: lower-case letters and digits, words joined by `-`.

    Raises:
        ValueError: There are fewer than two or more than 200, or a name is none or occurs twice.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        if not 2 <= len(self.names) <= MOST:
            raise ValueError(f"classes: expected 2 to {MOST}, received {len(self.names)}")
        wrong = [name for name in self.names if not SLUG.fullmatch(name)]
        if wrong or len(set(self.names)) < len(self.names):
            raise ValueError(f"classes: expected names of a-z, 0-9 and -, each once, received {', '.join(self.names)}")
        self._members = tuple(FaceClass(number, name) for number, name in enumerate(self.names))

    @property
    def titles(self) -> tuple[str, ...]:
        """Names as reports print them, in label order."""
        return tuple(one.title for one in self._members)

    def named(self, slug: str) -> FaceClass | None:
        """The class of that name; None where there is none."""
        return self._members[self.names.index(slug)] if slug in self.names else None

    @overload
    def __getitem__(self, index: int) -> FaceClass: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[FaceClass, ...]: ...

    def __getitem__(self, index: int | slice) -> FaceClass | tuple[FaceClass, ...]:
        """The class of a label number."""
        return self._members[index]

    def __iter__(self) -> Iterator[FaceClass]:
        """In label order."""
        return iter(self._members)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._members)

    def __eq__(self, other: object) -> bool:
        """The same names in the same order."""
        return isinstance(other, Classes) and self.names == other.names

    def __hash__(self) -> int:
        """Of the names."""
        return hash(self.names)

    def __repr__(self) -> str:
        """For messages and tests."""
        return f"Classes({', '.join(self.names)})"


def title_of_class(slug: str) -> str:
    """A class's name as reports print it: `very-happy` is `Very happy`."""
    return slug.replace("-", " ").capitalize()


FER2013 = Classes(("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"))


def named_classes(names: Sequence[str], count: int, unchanged: str) -> Classes:
    """The classes of a model as a user names them with --classes, in the order of its answer.

    Raises:
        BadInput: They are no names of classes, or not `count`; its second sentence begins with `unchanged`.
    """
    try:
        classes = Classes(names)
        if len(classes) != count:
            raise ValueError(f"expected {count} names, as many as the model tells apart, received {len(classes)}")
    except ValueError as error:
        raise BadInput(
            f"--classes: {error}", f"{unchanged} Give them in the order of the model's answer, joined by commas."
        ) from error
    return classes
