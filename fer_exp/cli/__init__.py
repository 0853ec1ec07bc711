"""The command line: a skin. It turns options into calls, values into text, and errors into two lines and an exit code.

In: arguments. Out: text and an exit code.

    app         the application and how errors reach a person
    help        commands in the order people need them, each with an example
    complete    what a shell may complete: campaigns, records, models
    options     options that several commands share
    reading     from what a user says about a source to how it is read
    search      search, baseline, retrain-best
    evaluate    evaluate
    ensemble    ensemble
    predict     predict
    page        app
    watch       how far a run over files has come
    export      export
    results     status, sync, ui
    overview    what status shows
    compare     compare
    report      report
    reproduce   reproduce
    replay      replay
    init        init
    delete      delete
    doctor      doctor
    records     records pack, records unpack
    data        data check, data convert
    cluster     cluster check
    in_place    options in the place of a parameter, for several commands
    place       where trials run, as options
    audit       data audit
    fetch       data fetch

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
    ensemble,
    evaluate,
    export,
    fetch,
    init,
    page,
    predict,
    records,
    replay,
    report,
    reproduce,
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
    "ensemble",
    "evaluate",
    "export",
    "fetch",
    "init",
    "main",
    "page",
    "predict",
    "records",
    "replay",
    "report",
    "reproduce",
    "results",
    "search",
]
