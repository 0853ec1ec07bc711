"""The command line: a skin. It turns options into calls, values into text, and errors into two lines and an exit code.

app.py       the application and how errors reach a person
options.py   options that several commands share
search.py    search, baseline, retrain-best
evaluate.py  evaluate
results.py   status, sync, ui
overview.py  what status shows
compare.py   compare
doctor.py    doctor
records.py   records pack, records unpack
data.py      data check, data convert
audit.py     data audit
view.py      what a running search looks like, on a terminal and without one
texts.py     results as text

Commands import what they need when they run: `fer-exp --help` loads neither Keras nor MLflow.
"""

# Each adds its commands to the application when it is imported.
from fer_exp.cli import (
    audit,
    compare,
    data,
    doctor,
    evaluate,
    records,
    results,
    search,
)
from fer_exp.cli.app import app, main

__all__ = ["app", "audit", "compare", "data", "doctor", "evaluate", "main", "records", "results", "search"]
