"""What a process that many commands are forked from loads beforehand, and what it leaves undone.

In: nothing, or the conditions of searches. Out: imported modules, and functions of the product in whose place others
stand.
"""

import functools
import importlib
from typing import Any

from tests.undrawn import draw_nothing

DEMO_VALIDATION = 400  # faces
IMPORTED_LATE = (  # by a command, when it needs them: of the two proposers one, with seconds of Keras
    "fer_exp.api.retraining",
    "fer_exp.api.texts",
    "fer_exp.api.view",
    "fer_exp.api.watching",
    "fer_exp.campaign.folds",
    "fer_exp.data.sources.demo",
    "fer_exp.tuning.adaptive_proposer",
    "fer_exp.tuning.keras_tuner_proposer",
    "fer_exp.tuning.trials",
    "pandas.io.formats.csvs",
    "pyarrow.pandas_compat",
)


def warm_up(**conditions: Any) -> None:
    """Loads what the command needs, and has it work under these conditions."""
    import typer.main

    from fer_exp import summary
    from fer_exp.cli import app
    from fer_exp.leaderboard.importance import importance
    from fer_exp.report import write as report_write
    from fer_exp.tuning import run as search_run
    from fer_exp.verdict.resample import bootstrap_weights

    for name in IMPORTED_LATE:
        importlib.import_module(name)
    setattr(typer.main, "get_command", functools.cache(typer.main.get_command))  # noqa: B010  # an app calls it so
    typer.main.get_command(app)
    for images in (1, DEMO_VALIDATION):  # so many has a fake trial predicted, and so many a real one
        bootstrap_weights(images)
    # The command makes its conditions by this name.
    setattr(search_run, "Conditions", functools.partial(search_run.Conditions, **conditions))  # noqa: B010
    # Forests and figures take ten times the rest, and say nothing about what survives; the leaderboard is written.
    setattr(summary, "importance", lambda _, space, objective: importance((), space, objective))  # noqa: B010  # as above
    draw_nothing()
    setattr(report_write, "page_of", lambda contents: contents.spec.name)  # noqa: B010  # as above; the page is written
    setattr(report_write, "render", str)  # noqa: B010  # as above
