"""What shows the progress of a search: a notebook's output that is drawn anew, else a terminal's view.

In: nothing, or a watcher of the caller's own. Out: a watcher for as long as a block runs.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fer_exp.execute.progress import Watcher


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook; a prompt of IPython in a terminal is none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def watching(watcher: "Watcher | None" = None) -> Iterator["Watcher"]:
    """A watcher that leaves its display in order however the block ends.

    Args:
        watcher: The caller's own; None for the one that fits where this process runs.
    """
    if watcher is not None:
        yield watcher
        return
    if in_notebook():
        from fer_exp.api.notebook import NotebookView

        with NotebookView() as shown:
            yield shown
        return
    from fer_exp.api.view import View

    with View() as drawn:
        yield drawn
