"""Recognition: what the winner recognises and what it does not, beside the baseline and the reference.

In: Contents. Out: blocks of these sections. All of it is about validation, unless it says test.
"""

import numpy as np

from fer_exp.data.classes import FER2013, Classes
from fer_exp.holdout import reference
from fer_exp.metrics.calibration import CALIBRATION, Calibration, uncalibrated
from fer_exp.metrics.scores import Scores, expected_calibration_error, reliability, score
from fer_exp.metrics.temperature import tempered
from fer_exp.records import RecordContents
from fer_exp.report.blocks import Block, Drawing, Missing, Multiples, Picture, Pictures, Table, Text
from fer_exp.report.charts import Cluster, Group, Mark, clusters_chart, marks_chart, reliability_chart
from fer_exp.report.contents import NO_PREDICTIONS, Contents, Side
from fer_exp.report.faces import data_address, picture
from fer_exp.report.matrices import confusion_chart, difference_chart
from fer_exp.report.slices import Slice, confidence_slices, share_on, slices_of
from fer_exp.report.svg import percent
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import read_file

FER2013_FACES = 35_887
ABOUT_REFERENCE = (
    f"The reference's figures are those its notebook prints for its own test part of {reference.TEST_IMAGES:,} images, "
    "which is neither this validation part nor FER2013's PrivateTest."
)
NO_REFERENCE = "The reference's published figures are of FER2013; these faces are others, so they are not shown here."
SHOWN_MISTAKES = 24
MOST_CLASSES = 20  # of a confusion matrix; more would not be read
LARGEST_SHEET = 700_000  # bytes of a stored figure that goes into a page


def _keys(contents: Contents) -> tuple[tuple[str, str], ...]:
    return tuple((style, side.title) for style, side in zip("ab", contents.sides, strict=False) if side.predictions)


def confusion(contents: Contents) -> tuple[Block, ...]:
    """Winner, baseline and their difference as heat maps."""
    winner, baseline = contents.winner, contents.baseline
    if winner is None or not winner.scores:
        return (Missing(f"confusion matrices: {NO_PREDICTIONS}"),)
    names = winner.scores[0].classes.titles
    if len(names) > MOST_CLASSES:
        return (
            Missing(f"confusion matrices of {len(names)} classes, too many to be read; report.json has the counts."),
        )
    drawn = [confusion_chart(f"Winner: {winner.title}", winner.confusion, names, "a")]
    if baseline is not None and baseline.scores and baseline.scores[0].classes == winner.scores[0].classes:
        drawn.append(confusion_chart(f"Baseline: {baseline.title}", baseline.confusion, names, "b"))
        drawn.append(difference_chart("Winner less baseline, in points", winner.confusion, baseline.confusion, names))
    lines = [
        (
            f"{pair.true} taken for {pair.predicted}".capitalize(),
            f"{pair.count:,}",
            _share_of(pair.count, winner.scores[0], pair.true),
        )
        for pair in winner.scores[0].top_errors[:5]
    ]
    seeds = f", {len(winner.scores)} seeds together" if len(winner.scores) > 1 else ""
    return (
        Multiples(
            tuple(drawn),
            f"Each row is a true class, in percent of its {winner.scores[0].images:,} validation images{seeds}. In the "
            "difference, blue cells are the winner's and orange cells the baseline's: blue is good on the diagonal.",
        ),
        Table(
            "The winner's most frequent errors (its first seed)",
            ("Error", "Images", "Share of the class"),
            tuple(lines),
        ),
    )


def _share_of(count: int, scores: Scores, name: str) -> str:
    support = next(row.support for row in scores.per_class if row.emotion == name)
    return f"{100 * count / max(support, 1):.1f} %"


def classes(contents: Contents) -> tuple[Block, ...]:
    """F1 of each class; beside the reference's published figures where the faces are FER2013's, as those are."""
    winner = contents.winner
    if winner is None or not winner.scores:
        return (Missing(f"figures by class: {NO_PREDICTIONS}"),)
    known = winner.scores[0].classes
    is_fer = known == FER2013 and contents.spec.data.faces == FER2013_FACES
    test = next((one for one in winner.trainings if one.test_scores), None)
    sides = [(style, side) for style, side in zip("ab", contents.sides, strict=False) if side.scores]
    clusters, lines = [], []
    for one in known:
        values = [(style, _f1(side, one.slug)) for style, side in sides]
        cells = [f"{value:.3f}" for _, value in values]
        if test is not None:
            on_test = test.test_scores.get(f"test/{one.slug}/f1")
            cells.append("-" if on_test is None else f"{on_test:.3f}")
        if is_fer:
            published = reference.BY_CLASS[one.slug]
            values.append(("r", published.f1))
            cells += [f"{value:.3f}" for value in (published.f1, published.precision, published.recall)]
        row = winner.scores[0].per_class[one]
        clusters.append(Cluster(one.title, tuple(values), f"n = {row.support:,}"))
        lines.append((one.title, f"{row.precision:.3f}", f"{row.recall:.3f}", *cells))
    columns = ["Class", "Precision", "Recall", "F1", *(["F1, baseline"] if len(sides) > 1 else [])]
    columns += ["F1 on test"] if test is not None else []
    columns += ["Reference: F1", "precision", "recall"] if is_fer else []
    keys = (*_keys(contents), *((("r", "reference, on its own test part"),) if is_fer else ()))
    blocks: list[Block] = [
        Drawing(clusters_chart("F1 by class", clusters), "F1 on validation, the mean over seeds.", keys),
        Table("Precision and recall are those of the winner's first seed on validation", tuple(columns), tuple(lines)),
        Text(ABOUT_REFERENCE if is_fer else NO_REFERENCE, "note"),
    ]
    return tuple(blocks)


def _f1(side: Side, name: str) -> float:
    return float(np.mean([next(row.f1 for row in one.per_class if row.emotion == name) for one in side.scores]))


def slices(contents: Contents) -> tuple[Block, ...]:
    """Accuracy on parts of validation, winner beside baseline, each with its interval."""
    sides = [(style, side) for style, side in zip("ab", contents.sides, strict=False) if side.predictions]
    if not sides:
        return (Missing(f"slices: {NO_PREDICTIONS}"),)
    winner = sides[0][1].predictions
    parts = slices_of(winner[0], contents.validation)
    groups = [_group(part, sides, previous) for previous, part in zip([None, *parts], parts, strict=False)]
    bands = confidence_slices(winner[0])
    groups += [_group(part, sides[:1], previous) for previous, part in zip([None, *bands], bands, strict=False)]
    blocks: list[Block] = [
        Drawing(
            marks_chart("Accuracy on parts of validation", groups),
            f"Accuracy with the 95 % interval for other {'people' if winner[0].groups is not None else 'images'} of "
            "the slice's kind. Slices overlap, and there are many of them: one that stands out may do so by chance. "
            "Bands of confidence are the winner's own.",
            _keys(contents),
        )
    ]
    if contents.validation is None:
        blocks.append(
            Missing("slices by brightness, contrast and copies: the cache no longer holds the prepared faces.")
        )
    return tuple(blocks)


def _group(part: Slice, sides: list[tuple[str, Side]], previous: Slice | None) -> Group:
    marks = []
    for style, side in sides:
        share = share_on(part, side.predictions)
        hint = f"{side.title} {percent(round(share.accuracy, 3))}"
        marks.append(Mark(style, share.accuracy, share.interval.low, share.interval.high, hint))
    head = "" if previous is not None and previous.kind == part.kind else part.kind
    return Group(part.name, tuple(marks), f"n = {int(part.chosen.sum()):,}", head)


def calibration(contents: Contents) -> tuple[Block, ...]:
    """Confidence against accuracy, as trained and at the temperature that validation asks for."""
    winner = contents.winner
    if winner is None or not winner.predictions:
        return (Missing(f"calibration: {NO_PREDICTIONS}"),)
    first = winner.predictions[0]
    stored = _calibration(winner.trainings[0])
    if stored is None:
        bins = [one for one in reliability(first.labels, first.probabilities) if one.count]
        return (
            Multiples((reliability_chart("As it answers", bins, "a"),)),
            Missing("what a temperature would change: the record holds no calibration that can be read."),
        )
    plain = uncalibrated(first.probabilities, stored)
    drawn, lines = [], []
    for title, said in (
        ("As trained", plain),
        (f"At temperature {stored.temperature:.3f}", tempered(plain, stored.temperature)),
    ):
        bins = [one for one in reliability(first.labels, said) if one.count]
        drawn.append(reliability_chart(title, bins, "a"))
        scores = score(first.labels, said, first.classes)
        lines.append(
            (
                title,
                f"{scores.log_loss:.4f}",
                f"{100 * expected_calibration_error(bins):.2f} points",
                f"{100 * scores.confidence.mean:.2f} %",
                f"{100 * scores.accuracy:.2f} %",
            )
        )
    kept = "divides by it" if stored.applied else "does not apply it"
    return (
        Multiples(
            tuple(drawn),
            "Bars are the share of images that were right, by the confidence of the answer; on the "
            "broken line a model is as often right as it is sure.",
        ),
        Table("", ("Answers", "Log loss", "Calibration error (ECE)", "Mean confidence", "Accuracy"), tuple(lines)),
        Text(
            f"The temperature was fitted on these very images; it is one number, so that flatters little. The kept "
            f"model {kept}.",
            "note",
        ),
    )


def _calibration(training: RecordContents) -> Calibration | None:
    try:
        return Calibration.read(training.record.path / CALIBRATION)
    except BadRecord:
        return None


def mistakes(contents: Contents) -> tuple[Block, ...]:
    """The faces about which the winner was surest and wrong."""
    winner = contents.winner
    if winner is None or not winner.predictions:
        return (Missing(f"mistakes: {NO_PREDICTIONS}"),)
    if not contents.pictures:
        return (Missing("pictures of mistakes: faces were to be left out of this page."),)
    first = winner.predictions[0]
    guessed, sure = first.probabilities.argmax(axis=1), first.probabilities.max(axis=1)
    wrong = np.flatnonzero(guessed != first.labels)
    if not wrong.size:
        return (Text("The winner made no mistake on validation."),)
    about = Text(
        f"The {min(SHOWN_MISTAKES, wrong.size)} of {wrong.size:,} wrong answers about which the winner "
        f"({winner.trainings[0].record.path.name}) was surest. Some of them bear labels that people would not give."
    )
    if contents.validation is None:
        return (about, *_stored_sheet(winner.trainings[0]))
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:SHOWN_MISTAKES]
    return (
        about,
        Pictures(
            tuple(
                _mistake(
                    contents,
                    first.classes,
                    int(i),
                    int(first.labels[i]),
                    int(guessed[i]),
                    float(sure[i]),
                    int(first.rows[i]),
                )
                for i in worst
            )
        ),
    )


def _mistake(contents: Contents, known: Classes, index: int, label: int, guess: int, sure: float, row: int) -> Picture:
    faces = contents.validation
    source = "" if faces is None else picture(faces.images[index])
    true, predicted = known[label].title, known[guess].title
    alt = f"Face in row {row} of the data, labelled {true}, taken for {predicted} with confidence {100 * sure:.0f} %"
    return Picture(source, alt, f"{true} → {predicted}", f"{100 * sure:.0f} %, row {row}")


def _stored_sheet(training: RecordContents) -> tuple[Block, ...]:
    path = training.record.figures / "mistakes.png"
    try:
        png = read_file(path, LARGEST_SHEET)
    except OSError:
        return (
            Missing("their pictures: the cache no longer holds the prepared faces, and the record holds no figure."),
        )
    alt = "The surest mistakes as a sheet of faces, each with its label, the answer and its confidence"
    return (
        Pictures(
            (Picture(data_address(png), alt, "From the record: the prepared faces are not in the cache."),), large=True
        ),
    )
