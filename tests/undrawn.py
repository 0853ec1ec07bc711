"""Real trainings whose figures are not drawn, for tests of something else: six pictures take longer than an epoch.

In: a monkeypatch, or a task. Out: the same records without figures.
"""

import functools
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import pytest

from fer_exp.execute.entry import train_record
from fer_exp.execute.task import Task
from fer_exp.tuning import run as search_run


def draw_nothing(replace: Callable[[Any, str, Any], None] = setattr) -> None:
    """No figure is drawn in this process from now on, and none is written."""
    from fer_exp import figures

    for name in figures.__all__:
        replace(figures, name, lambda *_: None)


def train_undrawn(task: Task, parent: Connection) -> None:
    """Entry of an attempt's process, in the place of `fer_exp.execute.entry.train_record`."""
    draw_nothing()
    train_record(task, parent)


def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands in this process draw no figures, nor do the trainings they start."""
    monkeypatch.setattr(search_run, "Conditions", functools.partial(search_run.Conditions, entry=train_undrawn))
    draw_nothing(monkeypatch.setattr)
