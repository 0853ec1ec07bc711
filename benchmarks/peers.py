"""The same search by other packages, each as its documentation shows it, everything logged.

In: prepared faces, a folder, how many trials and epochs. Out: what that way leaves behind. Each trial trains the
network of `benchmarks.toy`, writes a classification report and a confusion figure, and keeps its model.

    python -m benchmarks.peers WAY FACES FOLDER TRIALS EPOCHS
    WAY: notebook, tuner, autolog, callback, optuna
"""

import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import keras
import numpy as np

from benchmarks.bare import arrays, toy_model

# Given, so that MLflow does not spend 12 seconds a model on guessing them; autolog has no such option, and does.
REQUIREMENTS = ["keras", "tensorflow"]


class Work:
    """What all ways share: data, budget, and what a trial leaves."""

    def __init__(self, faces: Path, folder: Path, trials: int, epochs: int) -> None:
        self.train, self.validation = arrays(faces, "train"), arrays(faces, "validation")
        self.folder, self.trials, self.epochs = folder, trials, epochs
        folder.mkdir(parents=True, exist_ok=True)

    def fit(self, model: keras.Model, *callbacks: Any) -> float:
        """Trains; the best validation accuracy."""
        history = model.fit(
            *self.train, validation_data=self.validation, epochs=self.epochs, callbacks=[*callbacks], verbose=0
        )
        return float(max(history.history["val_accuracy"]))

    def report(self, model: keras.Model, number: int) -> Path:
        """Report and figure of a trial, in a folder."""
        from matplotlib.figure import Figure
        from sklearn.metrics import ConfusionMatrixDisplay, classification_report

        folder = self.folder / f"trial-{number}"
        folder.mkdir(exist_ok=True)
        said = np.argmax(model.predict(self.validation[0], verbose=0), axis=1)
        text = classification_report(self.validation[1], said, labels=range(7), zero_division=0)
        (folder / "report.txt").write_text(text)
        figure = Figure()
        ConfusionMatrixDisplay.from_predictions(self.validation[1], said, labels=range(7), ax=figure.subplots())
        figure.savefig(folder / "confusion.png")
        return folder


def notebook(work: Work) -> None:
    """A loop over random values; CSVLogger, the best model, no tracking."""
    random = np.random.default_rng(1)
    for number in range(work.trials):
        model = toy_model(10 ** random.uniform(-3.3, -2), random.uniform(0, 0.4), random.uniform(0, 0.6))
        best = work.folder / f"trial-{number}.keras"
        work.fit(
            model,
            keras.callbacks.CSVLogger(work.folder / f"trial-{number}.csv"),
            keras.callbacks.ModelCheckpoint(best, monitor="val_accuracy", save_best_only=True),
        )
        work.report(model, number)


def tuner(work: Work, tracking: str = "") -> None:
    """Stock Keras Tuner; with `tracking`, MLflow by autolog or by its Keras callback."""
    import keras_tuner
    import psutil

    if tracking:
        import mlflow

        track(work)
        if tracking == "autolog":
            mlflow.autolog()

    class Hyper(keras_tuner.HyperModel):  # type: ignore[misc]  # Keras Tuner ships no types
        number = 0

        def build(self, hp: Any) -> keras.Model:
            return toy_model(*_proposed(hp))

        def fit(self, hp: Any, model: keras.Model, *given: Any, **options: Any) -> Any:
            self.number += 1
            if not tracking:
                return model.fit(*given, **options)
            with mlflow.start_run(run_name=f"trial {self.number}"):
                mlflow.log_params(hp.values)
                more = [mlflow.keras.MlflowCallback()] if tracking == "callback" else []
                options["callbacks"] = [*options.get("callbacks", []), *more]
                history = model.fit(*given, **options)
                mlflow.log_artifacts(str(work.report(model, self.number)))
                if tracking == "callback":
                    mlflow.keras.log_model(model, name="model", pip_requirements=REQUIREMENTS)
                return history

    class Searching(keras_tuner.RandomSearch):  # type: ignore[misc]  # as above
        def on_trial_end(self, trial: Any) -> None:
            super().on_trial_end(trial)
            print(f"rss {psutil.Process().memory_info().rss / 2**20}", flush=True)

    searching = Searching(
        Hyper(),
        objective=keras_tuner.Objective("val_accuracy", "max"),
        max_trials=work.trials,
        seed=1,
        directory=work.folder,
        project_name="stock",
    )
    searching.search(*work.train, validation_data=work.validation, epochs=work.epochs, verbose=0)


def optuna(work: Work) -> None:
    """Optuna with its MLflow callback."""
    import mlflow
    import optuna as package
    from optuna_integration.mlflow import MLflowCallback

    uri = track(work)
    callback = MLflowCallback(tracking_uri=uri, metric_name="val_accuracy")

    @callback.track_in_mlflow()  # type: ignore[untyped-decorator]  # Optuna's integration ships no types
    def objective(trial: Any) -> float:
        model = toy_model(
            trial.suggest_float("learning_rate", 5e-4, 1e-2, log=True),
            trial.suggest_float("block_dropout", 0.0, 0.4),
            trial.suggest_float("pooled_dropout", 0.0, 0.6),
        )
        value = work.fit(model, mlflow.keras.MlflowCallback())
        mlflow.log_artifacts(str(work.report(model, trial.number)))
        mlflow.keras.log_model(model, name="model", pip_requirements=REQUIREMENTS)
        return value

    study = package.create_study(direction="maximize", sampler=package.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=work.trials, callbacks=[callback])


def _proposed(hp: Any) -> tuple[float, float, float]:
    return (
        hp.Float("learning_rate", 5e-4, 1e-2, sampling="log"),
        hp.Float("block_dropout", 0.0, 0.4),
        hp.Float("pooled_dropout", 0.0, 0.6),
    )


def track(work: Work) -> str:
    """Points MLflow at a file in the work's folder; its address."""
    import mlflow

    uri = f"sqlite:///{work.folder.resolve() / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    mlflow.create_experiment("toy", artifact_location=str(work.folder.resolve() / "artifacts"))
    mlflow.set_experiment("toy")
    return uri


def main(way: str, faces: str, folder: str, trials: str, epochs: str) -> None:
    """Runs one way."""
    work = Work(Path(faces), Path(folder), int(trials), int(epochs))
    if way in ("autolog", "callback"):
        tuner(work, way)
    else:
        {"notebook": notebook, "tuner": tuner, "optuna": optuna}[way](work)


if __name__ == "__main__":
    main(*sys.argv[1:])
