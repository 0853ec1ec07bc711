"""The parts of the data that a record was trained and validated on, as MLflow's datasets.

In: a Record and its campaign's DataInfo. Out: a dataset for each part, named by our own digest (MLflow's reads about
four faces) and with the counts of each class. The test part is not among them: only `evaluate` opens it.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from mlflow.entities import Dataset, DatasetInput, InputTag

from fer_exp.data.split.info import DataInfo
from fer_exp.records import RecordContents
from fer_exp.tracking.mapping import provenance_of


def datasets_of(read: RecordContents, info: DataInfo) -> list[DatasetInput]:
    """The training and the validation part; none until the record says what oversampling made of the first.

    MLflow knows a dataset by name and digest and keeps its first profile, so the ratio of oversampling is in the name.
    """
    stored = provenance_of(read.record)
    if not stored and read.outcome is None:
        return []
    spec = read.spec
    ratio = spec.recipe.oversampling
    made = f" oversampled x{ratio:g}" if ratio and not info.oversampled else ""
    after = stored.get("train_counts_after")
    return [
        _dataset(f"{info.source} train{made}", "train", spec.split_digest, info, info.train_counts, after),
        _dataset(f"{info.source} validation", "validation", spec.split_digest, info, info.validation_counts, None),
    ]


def _dataset(name: str, part: str, digest: str, info: DataInfo, counts: tuple[int, ...], after: object) -> DatasetInput:
    profile: dict[str, object] = {"num_rows": sum(counts), "class_counts": _by_class(counts, info)}
    if isinstance(after, list) and len(after) == len(info.class_names):
        profile["class_counts_after_oversampling"] = _by_class(after, info)
    profile |= {"data_digest": info.data_digest, "protocol": info.protocol.value, "split_seed": info.seed}
    side, _, channels = info.form.face
    faces = [side, side] if channels == 1 else [side, side, channels]
    tensors = [("images", "uint8", [-1, *faces]), ("labels", "uint8", [-1])]
    features, targets = (
        json.dumps([{"name": column, "type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}}])
        for column, dtype, shape in tensors
    )
    schema = json.dumps({"mlflow_tensorspec": {"features": features, "targets": targets}})
    demo = info.kind == "demo"  # made by code, so there is no file to name
    source = {"tags": {"mlflow.source.name": "demo"}} if demo else {"uri": str(Path(info.path).absolute())}
    dataset = Dataset(name[:500], digest, "code" if demo else "local", json.dumps(source), schema, json.dumps(profile))
    return DatasetInput(dataset, [InputTag("mlflow.data.context", part)])


def _by_class(counts: Iterable[int], info: DataInfo) -> dict[str, int]:
    return {name: int(count) for name, count in zip(info.class_names, counts, strict=True)}
