"""The command line: a skin. It turns options into calls, values into text, and errors into two lines and an exit code.

app.py       the application and how errors reach a person
options.py   options that several commands share
search.py    search, baseline, retrain-best
evaluate.py  evaluate
results.py   status, sync, ui
compare.py   compare
doctor.py    doctor
records.py   records pack, records unpack
data.py      data check, data convert
audit.py     data audit
view.py      what a running search looks like, on a terminal and without one
texts.py     results as text

Commands import what they need when they run: `fer-exp --help` loads neither Keras nor MLflow.
"""

from fer_exp.cli import (  # each adds its commands to the application
    audit,  # noqa: F401
    compare,  # noqa: F401
    data,  # noqa: F401
    doctor,  # noqa: F401
    evaluate,  # noqa: F401
    records,  # noqa: F401
    results,  # noqa: F401
    search,  # noqa: F401
)
from fer_exp.cli.app import app, main

__all__ = ["app", "main"]
