"""Which module measures what, in which order, and how long it may take.

In: a name. Out: the function that yields its rows. Modules are imported when they run: each runs in a process of its
own, so that no row inherits the memory, threads or failures of another.
"""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.setting import Setting
from benchmarks.sides import Row


@dataclass(frozen=True)
class Subject:
    """One module."""

    name: str  # on the command line, and of the module
    what: str
    minutes: float  # after which it is ended; the sum bounds a whole run
    long: bool = False  # only with --long

    def rows(self, setting: Setting) -> Iterator[Row | str]:
        """Measures; a text is why a row has no figure."""
        measure: Callable[[Setting], Iterator[Row | str]] = importlib.import_module(f"benchmarks.{self.name}").rows
        return measure(setting)


SUBJECTS = (
    Subject("data_loading", "CSV to training-ready CLAHE arrays, cold and warm", 3),
    Subject("command", "--help, commands that only look, and the way from the command to the first training steps", 4),
    Subject("trial_start", "the start of a trial's process", 4),
    Subject("parent", "the parent's work per trial, over 1,000 trials", 3),
    Subject("proposals", "bayesian proposals at 200 trials", 4),
    Subject("replays", "epochs to the best of tables: the adaptive search against the others", 8),
    Subject("memory", "memory per 100 trials", 6),
    Subject("tracking", "the cost of tracking a trial", 7),
    Subject("training", "training images per second", 6),
    Subject("campaigns", "the same campaign end to end", 18),
    Subject("promotion", "epochs to an accuracy: resumed hyperband", 16),
    Subject("growth", "1 to 1,000 trials, 1 to 4 workers, more faces", 10),
    Subject("scaling", "1 to 64 slots here and on a Ray cluster, searches of 2,000 and 10,000 trials", 150),
    Subject("detectors", "faces found of hard ones, and the time of a frame", 8),
    Subject("predict", "faces and frames a second in predictions", 12),
    Subject("exports", "faces per second of the same model in other formats", 6),
    Subject("gpu", "training images per second on a GPU", 3),
    Subject("sixty_percent", "seconds to 60 % validation accuracy on all real faces", 600, long=True),
)


def named(names: list[str], *, long: bool) -> list[Subject]:
    """The subjects of those names, in order; all that are not long where none is named.

    Raises:
        ValueError: A name is unknown.
    """
    unknown = set(names) - {subject.name for subject in SUBJECTS}
    if unknown:
        raise ValueError(f"no row {', '.join(sorted(unknown))}; there: {', '.join(s.name for s in SUBJECTS)}")
    if names:
        return [subject for subject in SUBJECTS if subject.name in names]
    return [subject for subject in SUBJECTS if long or not subject.long]
