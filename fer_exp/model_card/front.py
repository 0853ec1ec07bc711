"""Front: the fields of Hugging Face's model cards, in YAML.

In: a campaign and a record. Out: the lines between two `---`. Text is written as JSON strings, which YAML reads too.
"""

import json
import math
from collections.abc import Iterator, Mapping

from fer_exp.campaign import CampaignSpec
from fer_exp.records import Record

TAGS = ("image-classification", "facial-expression-recognition", "keras", "fer-exp")
SPLITS = {"val": "validation", "test": "test"}


def front(spec: CampaignSpec, record: Record) -> str:
    """The fields of the record's model, from `---` to `---`."""
    results = [
        line
        for part, values in (("val", record.scores()), ("test", record.test_scores()))
        for line in _results(spec, part, values)
    ]
    lines = [
        "---",
        "library_name: keras",
        "license: unknown",
        "pipeline_tag: image-classification",
        *_listed("tags", TAGS),
        *_listed("datasets", (_slug(spec.data.source),)),
        *_listed("metrics", ("accuracy", "f1")),
        "model-index:",
        f"- name: {json.dumps(spec.name)}",
        *(["  results:", *results] if results else ["  results: []"]),
        "---",
        "",
    ]
    return "\n".join(lines)


def _listed(name: str, values: tuple[str, ...]) -> list[str]:
    return [f"{name}:", *(f"- {json.dumps(value)}" for value in values)]


def _slug(source: str) -> str:
    return "-".join("".join(letter if letter.isalnum() else " " for letter in source.lower()).split())


def _results(spec: CampaignSpec, part: str, values: Mapping[str, float]) -> Iterator[str]:
    measured = [
        (kind, name, values[f"{part}/{key}"])
        for kind, name, key in (("accuracy", "Accuracy", "accuracy"), ("f1", "Macro F1", "macro_f1"))
        if math.isfinite(values.get(f"{part}/{key}", math.nan))
    ]
    if not measured:
        return
    yield "  - task:"
    yield "      type: image-classification"
    yield "    dataset:"
    yield f"      name: {json.dumps(f'{spec.data.source}, protocol {spec.data.split_title}')}"
    yield f"      type: {json.dumps(_slug(spec.data.source))}"
    yield f"      split: {SPLITS[part]}"
    yield "    metrics:"
    for kind, name, value in measured:
        yield f"    - type: {kind}"
        yield f"      name: {name}"
        yield f"      value: {value:.6f}"
