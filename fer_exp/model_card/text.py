"""Text: the sections of a model card.

In: a campaign and a record. Out: Markdown.
"""

import json
import math
from collections.abc import Mapping

from fer_exp.campaign import CampaignSpec
from fer_exp.data.split.info import DataInfo
from fer_exp.leaderboard.rows import accuracy_interval, effective
from fer_exp.metrics.registry import shown
from fer_exp.metrics.scores import Scores
from fer_exp.model_card.front import SPLITS
from fer_exp.records import Record, title_of
from fer_exp.records.handovers import readable_handovers
from fer_exp.system.files import read_file

CHAMPION = "champion"  # the alias of the registry
WEAK = 0.6  # recall below which a class is named among the limits
FEW = 100  # images of a class below which its figures are worth little


def how_to_load(model: str, info: DataInfo) -> list[str]:
    """Lines of Python that load a model of the registry, and what comes out of it."""
    classes, (side, _, channels) = ", ".join(info.classes.titles), info.form.face
    faces = f"{'grey' if channels == 1 else 'colour'} faces (n, {side}, {side}, {channels}) float32, 0 to 255"
    return [
        "import mlflow",
        f'model = mlflow.pyfunc.load_model("{model}")',
        f"model.predict(faces)  # {faces}",
        f"# gives a table: label, and probabilities of {classes}",
    ]


def body(spec: CampaignSpec, record: Record) -> str:
    """All sections, in the order of what a reader asks first."""
    asked = record.spec()
    sections = (
        (f"# {spec.name}", _about(spec, record)),
        ("## How to use it", _use(spec)),
        ("## Evaluation", _evaluation(spec, record)),
        ("## What it is for", _intended(spec)),
        ("## What it is not for", OUT_OF_SCOPE),
        ("## Bias and limits", _limits(record)),
        ("## Training data", _data(record.data(spec.data))),
        ("## Training", _training(record, asked.epochs)),
    )
    return "\n\n".join(f"{title}\n\n{text}" for title, text in sections) + "\n"


OUT_OF_SCOPE = (
    "It says how people would label a face in one picture, not what a person feels, thinks or intends. It is not for "
    "decisions about people. At work and in education the EU forbids systems that infer emotions, but for medical or "
    "safety reasons (AI Act, Regulation (EU) 2024/1689, Article 5(1)(f)); this one was made for neither. Elsewhere in "
    "the EU, whoever is exposed to such a system is to be told (Article 50(3))."
)


def _about(spec: CampaignSpec, record: Record) -> str:
    asked, metric = record.spec(), spec.settings.objective.metric
    title = title_of(asked.kind, asked.number, asked.seed)
    start = "random weights" if asked.start_from is None else "an earlier model's weights"
    lines = [
        f"{title} of {spec.name}: {metric} {shown(metric, record.scores().get(metric))}. "
        f"A convolutional network, trained from {start}, that labels the apparent expression of a face in a picture.",
        f"Question of its campaign: {spec.question}",
    ]
    folder = record.path.parents[1]
    within = f"{record.path.parent.name}/{record.path.name}"
    verdicts = [one.verdict for one in readable_handovers(folder) if one.record == within and one.verdict]
    if verdicts:
        lines.append(f"Against the baseline (A is its recipe, B the baseline's): {verdicts[-1]}")
    return "\n\n".join(lines)


def _use(spec: CampaignSpec) -> str:
    side, _, channels = spec.data.form.face
    kind = "grey" if channels == 1 else "colour"
    return "\n".join(
        [
            f"It takes {kind} faces, cropped as its training data are, {side} pixels a side, grey levels 0 to 255; all "
            "preprocessing is inside.",
            "",
            "```python",
            *how_to_load(f"models:/{spec.name}@{CHAMPION}", spec.data),
            "```",
        ]
    )


def _evaluation(spec: CampaignSpec, record: Record) -> str:
    found = [("val", record.scores()), ("test", record.test_scores())]
    rows = ["| part | images | accuracy | 95 % interval | macro-F1 | ECE |", "|---|---|---|---|---|---|"]
    rows += [_row(part, values) for part, values in found if values]
    lines = ["\n".join(rows)]
    lines.append(
        "Intervals are for other images of this kind. The model was chosen on validation, which flatters it there."
    )
    if not found[1][1]:
        lines.append("The test part has not been opened for this model.")
    if spec.data.protocol.leaky:
        lines.append(
            "The protocol is leaky: validation holds copies of training images, so its figures measure memory."
        )
    scores = _scores(record)
    if scores is not None:
        table = ["| class | precision | recall | F1 | images |", "|---|---|---|---|---|"]
        table += [
            f"| {one.title} | {one.precision:.3f} | {one.recall:.3f} | {one.f1:.3f} | {one.support:,} |"
            for one in scores.per_class
        ]
        lines.append("By class, on validation:\n\n" + "\n".join(table))
    return "\n\n".join(lines)


def _row(part: str, values: Mapping[str, float]) -> str:
    accuracy, images = values.get(f"{part}/accuracy", math.nan), values.get(f"{part}/images", math.nan)
    span = "-"
    if math.isfinite(accuracy) and images > 0:
        error = values.get(f"{part}/accuracy_error", math.nan)
        many = effective(accuracy, int(images), error) if math.isfinite(error) else images
        interval = accuracy_interval(accuracy, many)
        span = f"{100 * interval.low:.2f} to {100 * interval.high:.2f} %"
    told = [
        "-" if value is None or not math.isfinite(value) else shown(name, value)
        for name in ("accuracy", "macro_f1", "ece")
        for value in (values.get(f"{part}/{name}"),)
    ]
    count = f"{images:,.0f}" if math.isfinite(images) else "-"
    return f"| {SPLITS[part]} | {count} | {told[0]} | {span} | {told[1]} | {told[2]} |"


def _scores(record: Record) -> Scores | None:
    try:
        return Scores.from_json(read_file(record.path / "report.json"))
    except (OSError, ValueError):
        return None


def _intended(spec: CampaignSpec) -> str:
    return (
        f"Research on recognising apparent expressions ({', '.join(spec.data.classes.titles)}) in cropped faces, as a "
        "baseline or a starting point, on pictures like those it was trained on, with people who know of it."
    )


def _limits(record: Record) -> str:
    lines = [
        "Labels are what annotators saw, and annotators disagree; the classes are few, and faces show more. Who is "
        "in the data is not known by age, gender, skin or culture, so how the model differs between such groups was "
        "not measured.",
    ]
    scores = _scores(record)
    if scores is not None:
        weak = [
            f"{one.title} ({100 * one.recall:.0f} %)" for one in scores.per_class if one.support and one.recall < WEAK
        ]
        few = [f"{one.title} ({one.support:,})" for one in scores.per_class if one.support < FEW]
        errors = [f"{pair.true} taken for {pair.predicted}" for pair in scores.top_errors[:3]]
        lines += [f"It finds fewer than {100 * WEAK:.0f} % of the faces of: {', '.join(weak)}."] if weak else []
        lines += [f"Validation holds few faces of: {', '.join(few)}; their figures are rough."] if few else []
        lines += [f"Its most frequent errors: {', '.join(errors)}."] if errors else []
    return "\n\n".join(lines)


def _data(info: DataInfo) -> str:
    parts = ((info.train_counts, "train"), (info.validation_counts, "validate"), (info.test_counts, "test"))
    counts = ", ".join(f"{sum(count):,} {what}" for count, what in parts)
    licence = f"{info.licence}." if info.licence else "the licence of the data is not recorded."
    return (
        f"Trained on {info.source}, protocol {info.split_title}: of {info.faces:,} faces {counts}; data digest "
        f"{info.data_digest}. Licence: {licence} The model's own licence is not stated; the terms of "
        "the data bind it."
    )


def _training(record: Record, epochs: int) -> str:
    outcome, facts = record.outcome(), _facts(record)
    lines = [f"Up to {epochs} epochs from the recipe in `recipe.json` of its run."]
    if outcome is not None and outcome.best_epoch:
        lines.append(f"The weights are those after epoch {outcome.best_epoch} of {outcome.epochs or '?'}.")
    packages = ("keras", str(facts.get("backend", "")), "numpy")
    versions = [f"{name} {facts[f'version.{name}']}" for name in packages if f"version.{name}" in facts]
    if versions:
        lines.append(
            f"Environment: Python {facts.get('python', '?')}, {', '.join(versions)}; "
            f"{facts.get('device', 'device unknown')} ({facts.get('processor', 'processor unknown')})."
        )
    if outcome is not None and outcome.model_sha256:
        lines.append(f"SHA-256 of the model's file: `{outcome.model_sha256}`.")
    return " ".join(lines)


def _facts(record: Record) -> dict[str, object]:
    try:
        stored = json.loads(read_file(record.path / "provenance.json"))
    except (OSError, ValueError, RecursionError):
        return {}
    return stored if isinstance(stored, dict) else {}
