"""A comparison as a page: `fer-exp compare A B --report FILE`.

In: two groups and the verdict on them. Out: a Page: verdict, recipes, curves, confusion, slices, where each comes from.
"""

from datetime import UTC, datetime

from fer_exp import __version__
from fer_exp.report.blocks import Block, Drawing, Facts, Missing, Multiples, Page, Section, Table, Text
from fer_exp.report.charts import Group as Row
from fer_exp.report.charts import Mark, interval_chart, marks_chart
from fer_exp.report.contents import NO_PREDICTIONS, Side, side_of
from fer_exp.report.cost import provenance
from fer_exp.report.matrices import confusion_chart, difference_chart
from fer_exp.report.sections.course import curves_of
from fer_exp.report.sections.outcome import TONES, comparison_blocks, told, verdict_line
from fer_exp.report.slices import share_on, slices_of
from fer_exp.report.svg import percent
from fer_exp.verdict import Comparison, Group

FROM = ("fer_exp", "git_commit", "python", "version.keras", "backend", "device", "processor")


def comparison_page(a: Group, b: Group, comparison: Comparison) -> Page:
    """The page of a comparison."""
    ours, theirs = side_of(a), side_of(b)
    judged = comparison.judgement
    found = judged.of(judged.deciding)
    tone = TONES[judged.answer]
    picture = interval_chart(
        100 * found.difference, 100 * found.low, 100 * found.high, {"better": "a", "worse": "b", "": "t"}[tone]
    )
    interval = Drawing(picture, f"Difference in points of {judged.deciding}; right of nought A is ahead.")
    keys = (("a", f"A: {a.title}"), ("b", f"B: {b.title}"))
    sections = (
        Section("verdict", "Verdict", (interval, *comparison_blocks(comparison))),
        Section("recipes", "What the recipes differ in", _recipes(a, b)),
        Section("curves", "Learning curves", curves_of([(ours, "a"), (theirs, "b")])),
        Section("confusion", "Confusion", _confusion(ours, theirs)),
        Section("slices", "By class", _slices(ours, theirs, keys)),
        Section("provenance", "Provenance", _origin(ours, theirs)),
    )
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Page(
        title=f"{a.title} against {b.title}",
        kicker="Comparison",
        lead=verdict_line(comparison, a.title, b.title),
        sections=sections,
        tone=tone,
        made=f"Made by fer-exp {__version__} on {now} from stored predictions on validation. It is about apparent "
        "expressions in pictures, not what a person feels, and is no ground for decisions about people.",
    )


def _recipes(a: Group, b: Group) -> tuple[Block, ...]:
    ours, theirs = a.specs[0].recipe.flat(), b.specs[0].recipe.flat()
    lines = tuple((name, told(ours[name]), told(theirs[name])) for name in ours if ours[name] != theirs[name])
    if not lines:
        return (Text("Both sides are one recipe."),)
    return (Table("Fields that differ", ("Field", "A", "B"), lines),)


def _confusion(ours: Side, theirs: Side) -> tuple[Block, ...]:
    if not (ours.scores and theirs.scores):
        return (Missing(f"confusion matrices: {NO_PREDICTIONS}"),)
    names = ours.scores[0].classes.titles
    drawn = (
        confusion_chart("A", ours.confusion, names, "a"),
        confusion_chart("B", theirs.confusion, names, "b"),
        difference_chart("A less B, in points", ours.confusion, theirs.confusion, names),
    )
    return (Multiples(drawn, "Each row is a true class, in percent of its images; all seeds of a side together."),)


def _slices(ours: Side, theirs: Side, keys: tuple[tuple[str, str], ...]) -> tuple[Block, ...]:
    if not (ours.predictions and theirs.predictions):
        return (Missing(f"figures by class: {NO_PREDICTIONS}"),)
    rows = []
    for part in slices_of(ours.predictions[0], None):
        shares = [(style, share_on(part, side.predictions)) for style, side in (("a", ours), ("b", theirs))]
        marks = tuple(
            Mark(style, one.accuracy, one.interval.low, one.interval.high, percent(round(one.accuracy, 3)))
            for style, one in shares
        )
        rows.append(Row(part.name, marks, f"n = {int(part.chosen.sum()):,}"))
    chart = marks_chart("Share predicted right", rows)
    return (Drawing(chart, "Share predicted right, with the 95 % interval for the images of the part.", keys),)


def _origin(ours: Side, theirs: Side) -> tuple[Block, ...]:
    facts = [provenance(side.trainings[0]) for side in (ours, theirs)]
    lines = tuple((name, *(str(one.get(name, "unknown")) for one in facts)) for name in FROM)
    records = tuple(
        (
            f"Records of {name}",
            ", ".join(
                f"{one.spec.campaign}/{one.record.path.parent.name}/{one.record.path.name}" for one in side.trainings
            ),
        )
        for name, side in (("A", ours), ("B", theirs))
    )
    return (Table("Of the first seed of each side", ("", "A", "B"), lines, numbers=False), Facts(records))
