"""Blocks: what a page is made of, as values; `page.py` and its template turn them into HTML.

In: text, numbers as text, drawings. Out: sections. All text is escaped by the template; a drawing is Markup that
`svg.py` has escaped.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from markupsafe import Markup


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"
    text: str
    style: str = ""  # "lead" for what is read first, "note" for small print


@dataclass(frozen=True)
class Missing:
    """Why something is not here."""

    kind: ClassVar[str] = "missing"
    why: str


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row is its header."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marked: tuple[int, ...] = ()  # rows that are set off
    numbers: bool = True  # columns behind the first are set to the right
    words: bool = False  # but the last is of words


@dataclass(frozen=True)
class Drawing:
    """A figure with its caption."""

    kind: ClassVar[str] = "drawing"
    svg: Markup
    caption: str = ""
    keys: tuple[tuple[str, str], ...] = ()  # of colours: class of the mark, what it is


@dataclass(frozen=True)
class Multiples:
    """Small drawings beside one another, as many as the page is wide."""

    kind: ClassVar[str] = "multiples"
    drawings: tuple[Markup, ...]
    caption: str = ""
    keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Picture:
    """One picture."""

    source: str  # a data: address
    alt: str
    caption: str
    second: str = ""  # a line below the caption


@dataclass(frozen=True)
class Pictures:
    """Pictures beside one another."""

    kind: ClassVar[str] = "pictures"
    pictures: tuple[Picture, ...]
    large: bool = False  # a sheet, and not single faces


@dataclass(frozen=True)
class Facts:
    """Names and values, such as versions."""

    kind: ClassVar[str] = "facts"
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Code:
    """Commands to copy."""

    kind: ClassVar[str] = "code"
    text: str


Block = Text | Missing | Table | Drawing | Multiples | Pictures | Facts | Code


@dataclass(frozen=True)
class Section:
    """A part of a page with its title."""

    name: str  # the anchor
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """A whole page."""

    title: str
    kicker: str  # above the title: what kind of page it is
    lead: str  # the answer in one sentence
    sections: tuple[Section, ...]
    made: str  # when and by what, at the foot
    figures: tuple[tuple[str, str], ...] = field(default=())  # key figures: value, what it is
    tone: str = ""  # of the answer: "better", "worse", or empty
