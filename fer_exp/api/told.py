"""Results that say themselves: as text where they are printed, as HTML or a picture where a notebook shows them.

In: a text, or a figure. Out: what `print` and a cell's last line show. IPython looks for `_repr_html_` and
`_repr_png_` on whatever a cell ends with; nothing of it is imported here.
"""

import html
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Told:
    """A result with a text; subclasses say which."""

    @property
    def text(self) -> str:
        """What is printed."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return preformatted(self.text)


@dataclass(frozen=True, repr=False)
class Text(Told):
    """A text that a notebook shows with its columns in line."""

    content: str

    @property
    def text(self) -> str:
        """The content itself."""
        return self.content


@dataclass(frozen=True)
class Picture:
    """A figure that shows itself in a notebook, whatever its matplotlib backend is."""

    figure: "Figure"

    def _repr_png_(self) -> bytes:
        written = io.BytesIO()
        self.figure.savefig(written, format="png", dpi=SCREEN, metadata={"Software": None})
        return written.getvalue()

    def save(self, path: Path | str) -> None:
        """Writes it to `path` as PNG, whole or not at all."""
        from fer_exp import figures

        figures.save(self.figure, Path(path))


SCREEN = 80  # dots per inch: a figure of 11 inches is 880 pixels wide, as a notebook's column


def preformatted(text: str) -> str:
    """Text as HTML that keeps its columns."""
    return f'<pre style="white-space: pre; overflow-x: auto">{html.escape(text)}</pre>'
