"""The command line: a skin. It turns options into calls, values into text, and errors into two lines and an exit code.

In: arguments. Out: text and an exit code.

    app         the application and how errors reach a person
    help        commands in the order people need them, each with an example
    complete    what a shell may complete: campaigns, records, models
    options     options that several commands share
    reading     from what a user says about a source to how it is read
    search      search, baseline, retrain-best
    evaluate    evaluate
    results     status, sync, ui
    overview    what status shows
    compare     compare
    replay      replay
    init        init
    delete      delete
    doctor      doctor
    records     records pack, records unpack
    data        data check, data convert
    audit       data audit

Commands import what they need when they run: `fer-exp --help` loads neither Keras nor MLflow.
"""

# Each adds its commands to the application when it is imported.
from fer_exp.cli import (
    audit,
    compare,
    data,
    delete,
    doctor,
    evaluate,
    init,
    records,
    replay,
    results,
    search,
)
from fer_exp.cli.app import app, main

__all__ = [
    "app",
    "audit",
    "compare",
    "data",
    "delete",
    "doctor",
    "evaluate",
    "init",
    "main",
    "records",
    "replay",
    "results",
    "search",
]
