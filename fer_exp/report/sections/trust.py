"""Trust: test beside validation, what is known about the data, and who looked at the test part.

In: Contents. Out: blocks of these sections.
"""

from datetime import UTC, datetime
from itertools import islice

from fer_exp.audit.findings import Audit
from fer_exp.audit.text import summary
from fer_exp.campaign import CampaignSpec
from fer_exp.data.classes import Classes
from fer_exp.holdout.gap import GAP, Gap
from fer_exp.holdout.ledger import EXTERNAL, Looks, Opening, all_openings
from fer_exp.metrics.registry import shown
from fer_exp.records import RecordContents, title_of
from fer_exp.report.blocks import Block, Drawing, Facts, Missing, Table, Text
from fer_exp.report.charts import Spot, history_chart
from fer_exp.report.contents import Contents
from fer_exp.report.sections.course import best_so_far, is_share
from fer_exp.system.errors import BadRecord
from fer_exp.system.values import first_line

MOST_OPENINGS = 30
MOST_NOTES = 12


def overtuning(contents: Contents) -> tuple[Block, ...]:
    """The best validation so far beside the test value of the models that met the test part."""
    opened = [one for one in contents.records if one.test_scores]
    if not opened:
        return (
            Missing(
                "test beside validation: the test part has not been opened. That is as it should be until one model is "
                f"chosen; `fer-exp evaluate --record {contents.spec.name}` opens it for that one, and writes it down."
            ),
        )
    lines = tuple(_tested(contents, one) for one in opened)
    metric = contents.metric.replace("val/", "test/", 1)
    spots = [
        Spot(
            one.spec.number,
            one.test_scores[metric],
            "b",
            f"{_title(one)} on test: {shown(metric, one.test_scores[metric])}",
        )
        for one in opened
        if metric in one.test_scores
    ]
    stairs = best_so_far(contents)
    blocks: list[Block] = []
    if spots and stairs:
        chart = history_chart("Validation so far and test", spots, stairs, None, shares=is_share(contents.metric))
        blocks.append(
            Drawing(
                chart,
                "The line is the best trial so far on validation, which rises with the number of trials by luck alone; "
                "the dots are what its like reached on test, at the trial whose recipe it is.",
                (("ink", "best so far, validation"), ("b", "test")),
            )
        )
    return (
        *blocks,
        Table("Models that met the test part", ("Model", "Validation", "Test", "Gap", "Test without copies"), lines),
        Text(
            "± is one standard error, from the images alone. A gap of many points says that validation measured "
            "something else, such as memory: the reference notebook's is 19.",
            "note",
        ),
    )


def _title(one: RecordContents) -> str:
    return title_of(one.spec.kind, one.spec.number, one.spec.seed)


def _tested(contents: Contents, one: RecordContents) -> tuple[str, ...]:
    try:
        gap = Gap.read(one.record.path / GAP)
    except BadRecord:
        metric = contents.metric.replace("val/", "test/", 1)
        return (
            _title(one),
            shown(contents.metric, one.scores.get(contents.metric)),
            shown(metric, one.test_scores.get(metric)),
            "-",
            "-",
        )
    return (
        _title(one),
        f"{100 * gap.validation.accuracy:.2f} ± {100 * gap.validation.error:.2f} %",
        f"{100 * gap.test.accuracy:.2f} ± {100 * gap.test.error:.2f} %",
        f"{gap.points:+.2f} ± {gap.standard_error:.2f} points",
        shown("accuracy", gap.test.accuracy_without_copies),
    )


def data(contents: Contents) -> tuple[Block, ...]:
    """The source, its classes, what reading and splitting noted, and what an audit found."""
    info = contents.spec.data
    names = Classes(info.class_names).titles
    parts = (info.train_counts, info.validation_counts, info.test_counts)
    counts = tuple((name, *(f"{part[place]:,}" for part in parts)) for place, name in enumerate(names))
    total = ("all", *(f"{sum(part):,}" for part in parts))
    facts = [
        ("Source", f"{info.source} ({info.kind}, {info.faces:,} faces, {info.form.side} pixels a side)"),
        (
            "Protocol",
            f"{info.protocol.value}{'; leaky: validation holds training images' if info.protocol.leaky else ''}",
        ),
        ("Training images kept", "all" if info.limit is None else f"{info.limit:,}, stratified"),
        ("Left out of training", str(info.cleaning)),
        ("Licence", info.licence or "not recorded"),
        ("Digest", f"{info.data_digest}, split {info.split_digest}"),
    ]
    if info.grouped_by:
        facts.append(("Groups", f"{info.groups:,}, by {info.grouped_by}"))
    if info.dropped_total:
        facts.append(("Rows dropped when read", f"{info.dropped_total:,}; the first: {info.dropped[0]}"))
    faces = contents.validation
    if faces is not None:
        facts.append(
            (
                "Validation images that training holds too",
                f"{int(faces.copied.sum()):,} of {len(faces.copied):,}, to the pixel",
            )
        )
    return (
        Facts(tuple(facts)),
        Table(
            "Images by class, before any balancing",
            ("Class", "Training", "Validation", "Test"),
            (*counts, total),
            (len(counts),),
        ),
        *(Text(f"Note: {note}") for note in info.notes[:MOST_NOTES]),
        *_audit(contents),
    )


def _audit(contents: Contents) -> tuple[Block, ...]:
    path = contents.home.audits / contents.spec.data.data_digest / "audit.json"
    if not path.exists():
        return (
            Missing(
                "an audit of these data: none was made here. `fer-exp data audit PATH` looks for copies, conflicting "
                "labels, blank images and images without a face."
            ),
        )
    try:
        audit = Audit.read(path)
    except BadRecord as error:
        return (Missing(f"the audit: {error.problem}."),)
    exact = audit.exact
    lines = (
        ("exact copies of other images", f"{exact.extra:,} in {len(exact.groups):,} groups"),
        ("groups of these with conflicting labels", f"{exact.conflicts:,}"),
        ("blank images", f"{len(audit.blank):,}"),
        *summary(audit),
    )
    return (Table("What the audit found", ("Finding", "Number"), lines),)


def ledger(contents: Contents) -> tuple[Block, ...]:
    """Every opening of this test part, by any campaign of the home."""
    try:
        openings = all_openings(contents.home)
    except (BadRecord, OSError) as error:
        return (Missing(f"the ledger: {first_line(error)}."),)
    mine = [one for one in openings if _is_of(one, contents.spec)]
    elsewhere = [one for one in openings if one.protocol == EXTERNAL and one.campaign == contents.spec.name]
    if not mine and not elsewhere:
        return (Text("The test part of these data has not been opened by any campaign in this home."),)
    blocks: list[Block] = []
    if mine:
        blocks.append(Text(f"This test part was {Looks(tuple(mine))}."))
    lines = tuple(
        (
            _day(one),
            f"{one.campaign}/{one.record}",
            "another set" if one.protocol == EXTERNAL else "test part",
            f"{one.images:,}",
            one.reason or "-",
        )
        for one in islice(reversed([*mine, *elsewhere]), MOST_OPENINGS)
    )
    return (
        *blocks,
        Table("The latest first", ("Day", "Model of", "On", "Images", "Reason given"), lines, numbers=False),
        Text(
            "A choice between models by their test results would make the test part a second validation part, so "
            "another model than the first needs a reason.",
            "note",
        ),
    )


def _is_of(one: Opening, spec: CampaignSpec) -> bool:
    same = (one.data_digest, one.protocol) == (spec.data.data_digest, spec.data.protocol.value)
    return same and one.images == sum(spec.data.test_counts)


def _day(one: Opening) -> str:
    return datetime.fromtimestamp(one.time_ms / 1000, UTC).date().isoformat()
