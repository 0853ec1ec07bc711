"""model.keras as MLflow's logged model, so that `mlflow.keras.load_model`, `mlflow.pyfunc` and the registry can use it.

In: a record with a model file. Out: a LoggedModel linked to its run, made without a fluent run and without Keras: the
file is already what `mlflow.keras.save_model` would write, so only MLflow's description is put beside it. That takes
0.05 s instead of the ten that starting TensorFlow costs.
"""

import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Run
from mlflow.models import Model, ModelSignature
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

from fer_exp.campaign import CampaignSpec
from fer_exp.data.form import Form
from fer_exp.records import Record, RecordContents
from fer_exp.records.facts import FACTS, ModelFacts, facts_of
from fer_exp.tracking.mapping import RECORD, final_metrics, provenance_of
from fer_exp.tracking.store import Store, local_path, quoted

MODEL_FILE = "data/model.keras"  # where MLflow's keras flavour looks within a model's folder
SHA = "fer_exp.sha256"
_PACKAGES = {"tensorflow": ("tensorflow",), "jax": ("jax", "jaxlib"), "torch": ("torch",)}  # by Keras's backend
_LAYERS = Path(__file__).parents[1] / "model" / "layers.py"
_LOADER = Path(__file__).with_name("serving.py")
EXAMPLE, SERVING_EXAMPLE = "input_example.json", "serving_input_example.json"  # MLflow's names
LABEL, RAW = "label", "raw"  # as in `serving.py`, which is copied and not imported: it loads Keras
_CODE = {"fer_exp_layers": _LAYERS, "fer_exp_loader": _LOADER}  # modules that lie in the model's folder


def models_of(store: Store, experiment_id: str, key: str) -> list[LoggedModel]:
    """The models, not deleted, that carry the tag of a record."""
    found: list[LoggedModel] = []
    token: str | None = None
    while True:
        page = store.client.search_logged_models(
            [experiment_id], f"tags.`{RECORD}` = {quoted(key)}", max_results=50, page_token=token
        )
        found.extend(page)
        token = page.token
        if not token:
            return sorted(found, key=lambda model: (model.creation_timestamp, model.model_id))


def is_current(model: LoggedModel, sha: str, run: Run) -> bool:
    """Whether `model` is complete, of this file and of this run."""
    of_run = model.source_run_id == run.info.run_id and model.model_id in _linked(run)
    return model.status == LoggedModelStatus.READY and model.tags.get(SHA) == sha and of_run


def _linked(run: Run) -> set[str]:
    return {output.model_id for output in (run.outputs.model_outputs if run.outputs else [])}


def begun(models: list[LoggedModel], sha: str, run: Run) -> LoggedModel | None:
    """The one of `models` that an earlier sync began for this file and this run and did not bring to its end."""
    for model in models:
        of_file = model.tags.get(SHA) == sha and model.source_run_id == run.info.run_id
        if of_file and model.status == LoggedModelStatus.PENDING:
            return model
    return None


def log_model(
    store: Store,
    run: Run,
    read: RecordContents,
    tags: dict[str, str],
    sha: str,
    model: LoggedModel | None,
    campaign: CampaignSpec,
) -> LoggedModel:
    """A logged model of the record's file, ready only when everything about it is told: `model`, begun before, or new.

    A run keeps its link to a model that is deleted, so what was begun is not thrown away.
    """
    client, run_id = store.client, run.info.run_id
    if model is None:
        about = {name: value for name, value in tags.items() if name.startswith("fer_exp.")} | {SHA: sha}
        model = client.create_logged_model(run.info.experiment_id, "model", run_id, about, model_type="classifier")
    with tempfile.TemporaryDirectory(prefix="fer-exp-") as folder:
        _describe(Path(folder), read.record, model, run_id, facts_of(read, campaign))
        client.log_model_artifacts(model.model_id, folder)
    if model.model_id not in _linked(run):
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    if metrics := final_metrics(read, model.model_id):
        client.log_batch(run_id, metrics)
    return client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)


def delete_model(store: Store, model: LoggedModel) -> bool:
    """Deletes a model with its files, unless a version of the registry rests on it; whether it did."""
    if any(_versions(store, model)):
        return False
    # Files first: MLflow gives no access to the files of a model that is deleted.
    repository = get_artifact_repository(model.artifact_location, store.uri)
    repository.delete_artifacts()  # type: ignore[no-untyped-call]
    if store.own and (folder := local_path(model.artifact_location).parent).name == model.model_id:
        shutil.rmtree(folder, ignore_errors=True)
    store.client.delete_logged_model(model.model_id)
    return True


def _versions(store: Store, model: LoggedModel) -> Iterator[str]:
    for found in store.client.search_model_versions(f"run_id = {quoted(model.source_run_id or '')}"):
        if model.model_id in (found.model_id, str(found.source).removeprefix("models:/")):
            yield found.version


def signature(facts: ModelFacts) -> ModelSignature:
    """Raw faces in, a label and a probability for each class out. pyfunc takes this type and rank only.

    With the parameter `raw` the answer is the model's own array `(n, classes)`.
    """
    faces = TensorSpec(np.dtype(np.float32), (-1, *facts.form.face))  # unnamed: MLflow passes named ones as a dict
    columns = [ColSpec(DataType.string, LABEL), *(ColSpec(DataType.float, name) for name in facts.classes)]
    raw = ParamSpec(RAW, DataType.boolean, False)
    return ModelSignature(Schema([faces]), Schema([*columns]), ParamSchema([raw]))


def example_request(form: Form) -> list[Any]:
    """One made face, a bright disc on a dark ground, as nested lists of whole numbers: `(1, side, side, channels)`."""
    place = np.linspace(-1, 1, form.side)
    disc = 230 - 200 * np.clip(np.hypot(place[:, None], place[None]), 0, 1)
    return [np.repeat(disc.round().astype(int)[..., np.newaxis], form.channels, axis=-1).tolist()]


def requirements(backend: str) -> list[str]:
    """What a process that loads the model needs, at the installed versions: all of it is in package indexes."""
    found = []
    for package in (*_PACKAGES.get(backend, ()), "keras", "numpy", "mlflow"):
        try:
            found.append(f"{package}=={version(package)}")
        except PackageNotFoundError:
            continue  # trained on another machine, with another backend
    return found


def _describe(folder: Path, record: Record, model: LoggedModel, run_id: str, facts: ModelFacts) -> None:
    """Writes the folder that MLflow's keras flavour defines around the record's model file."""
    (folder / "data").mkdir()
    shutil.copyfile(record.model, folder / MODEL_FILE)
    (folder / "data" / "keras_module.txt").write_text("keras")
    (folder / "code").mkdir()
    for module, source in _CODE.items():
        shutil.copyfile(source, folder / "code" / f"{module}.py")
    (folder / FACTS).write_text(facts.to_json(indent=1))
    faces = example_request(facts.form)
    (folder / EXAMPLE).write_text(json.dumps(faces))
    (folder / SERVING_EXAMPLE).write_text(json.dumps({"inputs": faces}))
    backend = str(provenance_of(record).get("backend") or os.environ.get("KERAS_BACKEND", "tensorflow"))
    needs = requirements(backend)
    (folder / "requirements.txt").write_text("\n".join(needs) + "\n")
    python = platform.python_version()
    (folder / "python_env.yaml").write_text(f"python: {python}\ndependencies:\n- -r requirements.txt\n")
    pip = "".join(f"  - {need}\n" for need in needs)
    (folder / "conda.yaml").write_text(
        f"name: fer-exp\nchannels:\n- conda-forge\ndependencies:\n- python={python}\n- pip\n- pip:\n{pip}"
    )
    described = Model(
        artifact_path=model.artifact_location,
        run_id=run_id,
        signature=signature(facts),
        saved_input_example_info={
            "artifact_path": EXAMPLE,
            "serving_input_path": SERVING_EXAMPLE,
            "type": "ndarray",
            "format": "tf-serving",
        },
        model_uuid=model.model_id,
        model_id=model.model_id,
        model_size_bytes=record.model.stat().st_size,
    )
    described.add_flavor(
        "keras", data="data", keras_version=version("keras"), keras_backend=backend, save_exported_model=False
    )
    # Not MLflow's own loader: fer-exp's layers must be imported before Keras can read a model that holds them. Not by
    # `pyfunc.add_to_model` either, which writes the same: importing mlflow.pyfunc takes a second and prints a warning.
    environment = {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}
    described.add_flavor(
        "python_function", loader_module="fer_exp_loader", code="code", python_version=python, env=environment
    )
    described.save(str(folder / "MLmodel"))
