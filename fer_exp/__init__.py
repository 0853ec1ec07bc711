"""fer-exp: hyperparameter campaigns on facial-expression recognition.

What a notebook or a program calls is here: `fer_exp.search`, `retrain_best`, `evaluate`, `compare`, `load_campaign` and
what they take. Each is loaded when it is first asked for, so that `import fer_exp` takes no time; for type checkers
they stand in `__init__.pyi`.

The way of the data, top to bottom; nothing flows back up:

    data         a source becomes Faces, Faces become a development part and a sealed test part
    recipe       everything that changes a trained model except data and seed
    campaign     a question, its baseline recipe and the space around it
    model        Recipe -> keras.Model
    training     (Recipe, development part, seed) -> epochs and weights
    execute      trainings in child processes, one per attempt
    metrics      predictions -> Scores; `figures` draws them, `results` writes them beside the record
    records      a trial's folder: the only truth
    tuning       a proposer proposes, records answer
    tracking     MLflow shows what the records say
    leaderboard  finished records in order; `verdict` judges, `summary` writes the campaign's end
    prediction   faces in pictures and videos, and the expression that each appears to show
    holdout      the test part, opened once for a chosen model
    api          what a notebook calls, and the command line too
    cli          a skin over it; `doctor`, `portable` and `audit` are tools beside the way
    system       files, locks, errors and provenance beneath all of it
"""

import importlib
import os

os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**26))  # read by OpenCV once; its own limit takes gigabytes

__version__ = "0.1.0"

_FROM = {
    "fer_exp.api.comparing": ("ComparisonResult", "compare"),
    "fer_exp.api.ensembling": ("EnsembleResult", "ensemble"),
    "fer_exp.api.evaluated": ("Evaluation", "ExternalEvaluation"),
    "fer_exp.api.evaluating": ("evaluate", "evaluate_on"),
    "fer_exp.api.folding": ("FoldsEvaluation", "evaluate_folds"),
    "fer_exp.api.recorded": ("RecordedCampaign", "load_campaign"),
    "fer_exp.api.retraining": ("RetrainResult", "RetrainStopped", "retrain_best"),
    "fer_exp.api.searched": ("SearchResult", "SearchStopped"),
    "fer_exp.api.searching": ("baseline", "dry_run", "search"),
    "fer_exp.campaign": ("Algorithm", "Campaign", "HyperParameters", "Objective", "Settings"),
    "fer_exp.data.reading": ("Reading",),
    "fer_exp.data.split.protocol": ("Protocol",),
    "fer_exp.prediction.api": ("predict",),
    "fer_exp.recipe": ("Recipe", "baseline_recipe"),
    "fer_exp.system.errors": ("FerExpError",),
}
_WHERE = {name: module for module, names in _FROM.items() for name in names}

__all__ = ["__version__", *sorted(_WHERE)]  # names as text, out of the table above


def __getattr__(name: str) -> object:
    """Loads what is asked for by name, once."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(importlib.import_module(_WHERE[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
