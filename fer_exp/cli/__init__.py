"""The command line: a skin. It turns options into calls, values into text, and errors into two lines and an exit code.

In: arguments. Out: text and an exit code.

    app         the application and how errors reach a person
    help        commands in the order people need them, each with an example
    complete    what a shell may complete: campaigns, records, models
    options     options that several commands share
    reading     from what a user says about a source to how it is read
    names       from a name that a user gave to what it names
    search      search, baseline, retrain-best
    settings    settings as options change them
    dry_run     what a search would do, before it does it
    evaluate    evaluate
    results     status, sync, ui
    overview    what status shows
    compare     compare
    init        init
    delete      delete
    doctor      doctor
    records     records pack, records unpack
    data        data check, data convert
    cluster     cluster check
    in_place    options in the place of a parameter, for several commands
    place       where trials run: this machine or a cluster, how many, with what
    audit       data audit
    view        what a running search looks like, on a terminal and without one
    texts       results as text

Commands import what they need when they run: `fer-exp --help` loads neither Keras nor MLflow.
"""

# Each adds its commands to the application when it is imported.
from fer_exp.cli import (
    audit,
    cluster,
    compare,
    data,
    delete,
    doctor,
    evaluate,
    init,
    records,
    results,
    search,
)
from fer_exp.cli.app import app, main

__all__ = [
    "app",
    "audit",
    "cluster",
    "compare",
    "data",
    "delete",
    "doctor",
    "evaluate",
    "init",
    "main",
    "records",
    "results",
    "search",
]
