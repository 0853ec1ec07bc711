"""Outcome: what was asked, the verdict, the leaderboard, and what sets the recipes apart.

In: Contents. Out: blocks of these sections.
"""

from fer_exp.campaign.space import Scalar
from fer_exp.leaderboard.rows import Row
from fer_exp.leaderboard.table import duration, indistinguishable
from fer_exp.metrics.registry import metric_of, shown
from fer_exp.records import Kind
from fer_exp.report.blocks import Block, Drawing, Missing, Table, Text
from fer_exp.report.charts import interval_chart
from fer_exp.report.contents import Contents, story_of
from fer_exp.verdict import Answer, Comparison
from fer_exp.verdict.compare import Described
from fer_exp.verdict.interval import MOST_SEEDS
from fer_exp.verdict.judge import Scope, Spread

MOST_ROWS = 20  # of the leaderboard; leaderboard.csv has all
MOST_RECIPES = 15
RETRAIN = "fer-exp retrain-best {} --seeds 3"
TONES = {Answer.BETTER: "better", Answer.WORSE: "worse", Answer.NOT_SHOWN: ""}


def question(contents: Contents) -> tuple[Block, ...]:
    """Question, hypothesis and result, in the words of whoever wrote the campaign."""
    story = story_of(contents.spec, contents.folder)
    blocks: list[Block] = [Text(_capital(story.told.get("Question") or contents.spec.question), "lead")]
    told_too = [heading for heading in ("Hypothesis", "Result") if heading in story.told]
    blocks += [Text(f"{heading}: {_capital(story.told[heading])}") for heading in told_too]
    if "Hypothesis" not in story.told:
        blocks.append(Missing(f"the hypothesis: {story.why_not or 'the campaign file states none.'}"))
    return tuple(blocks)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def verdict_line(comparison: Comparison, a: str, b: str) -> str:
    """The verdict in one sentence with its interval, by the names of the two."""
    judged = comparison.judgement
    found = judged.of(judged.deciding)
    way = "above" if found.difference >= 0 else "below"
    joint = "but" if judged.answer is Answer.NOT_SHOWN else "and"
    word = {Answer.BETTER: "Better", Answer.WORSE: "Worse", Answer.NOT_SHOWN: "Not shown to be better"}[judged.answer]
    return (
        f"{word}: the {a} is {abs(100 * found.difference):.2f} points of {_title(judged.deciding)} {way} the {b}, "
        f"{joint} the {100 * judged.level:.4g} % interval reaches from {100 * found.low:+.2f} to "
        f"{100 * found.high:+.2f} points."
    )


def verdict(contents: Contents) -> tuple[Block, ...]:
    """The sentence, the interval as a picture, and the whole table of metrics."""
    comparison = contents.comparison
    if comparison is None or contents.winner is None or contents.baseline is None:
        return (Missing(f"a verdict: {contents.uncompared}"),)
    judged = comparison.judgement
    found = judged.of(judged.deciding)
    tone = {"better": "a", "worse": "b", "": "t"}[TONES[judged.answer]]
    scope = (
        "The interval allows for other images of this kind and for other seeds."
        if judged.scope is Scope.RECIPES
        else "The interval allows for other images of this kind, not for other seeds: with one seed on a side it is "
        f"about these models, not their recipes. `{RETRAIN.format(contents.spec.name)}` would say more."
    )
    return (
        Text(verdict_line(comparison, contents.winner.title, contents.baseline.title), "lead"),
        Drawing(
            interval_chart(100 * found.difference, 100 * found.low, 100 * found.high, tone),
            f"Difference in points of {judged.deciding}; right of nought the winner is ahead. {scope}",
        ),
        *comparison_blocks(comparison),
    )


def comparison_blocks(comparison: Comparison) -> tuple[Block, ...]:
    """Who was compared, every metric with its interval, and what else a reader needs to judge it."""
    judged = comparison.judgement
    level = f"{100 * judged.level:.4g} % interval"
    lines = tuple(
        (
            _title(one.metric),
            _spread(one.a),
            _spread(one.b),
            f"{100 * one.difference:+.2f}",
            f"{100 * one.low:+.2f} to {100 * one.high:+.2f}",
            one.answer.value,
        )
        for one in judged.metrics
    )
    deciding = tuple(at for at, one in enumerate(judged.metrics) if one.metric == judged.deciding)
    notes = [
        f"{name} was picked from {count} trials on these images; the intervals allow for that."
        for name, count in zip("AB", judged.picked_from, strict=True)
        if count > 1
    ]
    if judged.mcnemar is not None:
        test = judged.mcnemar
        notes.append(f"Right where the other is wrong: A {test.a_alone}, B {test.b_alone} (McNemar, p = {test.p:.3g}).")
    if judged.answer is Answer.NOT_SHOWN and judged.scope is Scope.RECIPES:
        seeds = judged.of(judged.deciding).seeds_to_decide
        many = f"not even {MOST_SEEDS}" if seeds is None else f"{seeds}"
        notes.append(f"If all stays as measured, {many} seeds a side would show a difference.")
    groups = "" if judged.groups is None else f" in {judged.groups:,} groups"
    return (
        Table(
            f"A is {_described(comparison.a)}; B is {_described(comparison.b)}. On {judged.images:,} validation images"
            f"{groups}; in %, differences in points; ± is the standard deviation over seeds; what decides is set off.",
            ("Metric", "A", "B", "A less B", level, "Shown"),
            lines,
            deciding,
        ),
        *(Text(note, "note") for note in (*notes, *comparison.notes)),
    )


def _title(metric: str) -> str:
    known = metric_of(metric)
    return metric if known is None else known.title


def _spread(spread: Spread) -> str:
    deviation = "" if spread.deviation is None else f" ± {100 * spread.deviation:.2f}"
    return f"{100 * spread.mean:.2f}{deviation}"


def _described(side: Described) -> str:
    seeds = "seed" if len(side.seeds) == 1 else "seeds"
    return f"{side.title}, {seeds} {', '.join(map(str, side.seeds))}, up to {side.epochs} epochs"


def board(contents: Contents) -> tuple[Block, ...]:
    """Trials, best first, with intervals, and which of them validation cannot tell apart."""
    if not contents.rows:
        return (Missing("a leaderboard: no trial has begun."),)
    kept = [(rank, row) for rank, row in enumerate(contents.rows, 1) if rank <= MOST_ROWS or row.kind is Kind.BASELINE]
    first = contents.rows[0]
    ties = sum(indistinguishable(row, first) for row in contents.rows[1:])
    blocks: list[Block] = [
        Text(
            f"Validation cannot tell {ties} of the {len(contents.rows) - 1} others from the first: their accuracy lies "
            "within the 95 % interval of its own. They are marked with ~."
            if ties
            else "No other training's accuracy lies within the 95 % interval of the first."
        ),
        Table(
            f"Validation, best first by {contents.metric}; the baseline is set off",
            (
                "Trial",
                "Rank",
                *_objective(contents.metric),
                "Accuracy",
                "95 % interval",
                "Macro-F1",
                "Epochs",
                "Time",
                "Changes",
            ),
            tuple(_line(rank, row, first, contents.metric) for rank, row in kept),
            tuple(at for at, (_, row) in enumerate(kept) if row.kind is Kind.BASELINE),
            words=True,
        ),
    ]
    if len(contents.rows) > len(kept):
        blocks.append(Text(f"{len(contents.rows) - len(kept)} more are in leaderboard.csv beside this page.", "note"))
    return (*blocks, *(Missing(f"a record that cannot be read: {problem}") for problem in contents.damaged[:10]))


def _objective(metric: str) -> tuple[str, ...]:
    """A column for the objective, where the accuracy beside it does not say it."""
    return () if metric == "val/accuracy" else (metric,)


def _line(rank: int, row: Row, first: Row, metric: str) -> tuple[str, ...]:
    interval, accuracy = row.accuracy_interval, row.metrics.get("accuracy")
    tie = "~" if row is not first and indistinguishable(row, first) else ""
    changes = ", ".join(f"{_field(name)} {told(value)}" for name, value in row.changes.items())
    if row.objective is None:
        changes = f"{row.state.value}: {row.reason}" if row.reason else row.state.value
    if row.same_as is not None:
        changes += f" (answered by trial {row.same_as})"
    return (
        "baseline" if row.kind is Kind.BASELINE else f"trial {row.number}",
        f"{rank}{tie}" if row.objective is not None else "-",
        *((shown(metric, row.objective),) if _objective(metric) else ()),
        shown("accuracy", accuracy),
        "-" if interval is None else f"{100 * interval.low:.1f} to {100 * interval.high:.1f}",
        shown("macro_f1", row.metrics.get("macro_f1")),
        f"{row.epochs}/{row.budget}",
        duration(row.seconds),
        changes or "the baseline's recipe",
    )


def recipes(contents: Contents) -> tuple[Block, ...]:
    """The fields of the recipes that differ, and no others."""
    by_number = {one.spec.number: one.spec.recipe.flat() for one in contents.trials}
    rows = [row for row in contents.rows if row.number in by_number and row.objective is not None]
    kept = [row for rank, row in enumerate(rows, 1) if rank <= MOST_RECIPES or row.kind is Kind.BASELINE]
    if len(kept) < 2:
        return (Missing("a comparison of recipes: fewer than two trials have finished."),)
    flat = [by_number[row.number] for row in kept]
    fields = [name for name in flat[0] if len({one.get(name) for one in flat}) > 1]
    if not fields:
        return (Missing("a comparison of recipes: those that finished are one recipe."),)
    lines = tuple(
        (
            "baseline" if row.kind is Kind.BASELINE else f"trial {row.number}",
            shown(contents.metric, row.objective),
            *(told(one[name]) for name in fields),
        )
        for row, one in zip(kept, flat, strict=True)
    )
    more = len(rows) - len(kept)
    return (
        Table(
            f"Fields that differ, best trial first{f'; the first {MOST_RECIPES} of {len(rows)}' if more else ''}",
            ("Trial", contents.metric, *(_field(name) for name in fields)),
            lines,
            tuple(at for at, row in enumerate(kept) if row.kind is Kind.BASELINE),
        ),
        Text(f"All other fields, {len(flat[0]) - len(fields)} of them, are the same in all of these.", "note"),
    )


def _field(name: str) -> str:
    return name.removeprefix("augmentation.").replace("_", " ")


def told(value: Scalar) -> str:
    """A hyperparameter's value for people."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
