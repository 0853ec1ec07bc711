"""The verdict in words: one plain sentence, and a table for a terminal.

In: a Comparison. Out: text. Differences are in points, hundredths of a metric.
"""

from collections.abc import Sequence

from fer_exp.metrics.registry import metric_of
from fer_exp.verdict.compare import Comparison, Described
from fer_exp.verdict.interval import MOST_SEEDS
from fer_exp.verdict.judge import Answer, Judgement, MetricVerdict, Scope, Spread


def sentence(comparison: Comparison) -> str:
    """Better, not shown or worse, by how much, and what it is about."""
    return f"{_answer(comparison.judgement)} {_about(comparison.judgement)}"


def _answer(judged: Judgement) -> str:
    found = judged.of(judged.deciding)
    word = judged.answer.value.capitalize()
    way = "above" if found.difference >= 0 else "below"
    size = f"A is {abs(100 * found.difference):.2f} points of {_title(judged.deciding)} {way} B"
    interval = f"the {_percent(judged.level)} interval"
    span = f"{interval} reaches from {_signed(found.low)} to {_signed(found.high)}"
    joint = ", and " if judged.answer is not Answer.NOT_SHOWN else ", but "
    return f"{word}: {size}{joint}{span}."


def _about(judged: Judgement) -> str:
    other = "other images of this kind" if judged.groups is None else "other people, sequences or photos of this kind"
    if judged.scope is Scope.RECIPES:
        return f"That allows for other seeds and for {other}."
    return (
        f"That allows for {other}, not for other seeds: with one seed on a side it is about these "
        "models, not their recipes."
    )


def verdict_text(comparison: Comparison) -> str:
    """Who is compared, every metric, what was corrected for, and the sentence."""
    judged = comparison.judgement
    lines = [_side("A", comparison.a), _side("B", comparison.b)]
    groups = "" if judged.groups is None else f" in {judged.groups} groups"
    lines.append(
        f"on {judged.images} validation images{groups}, protocol {comparison.protocol}, data {comparison.data_digest}"
    )
    lines += ["", *_table(judged.metrics, judged.level), ""]
    if judged.mcnemar is not None:
        test = judged.mcnemar
        lines.append(f"Right where the other is wrong: A {test.a_alone}, B {test.b_alone} (McNemar, p = {test.p:.3g})")
    for name, count in zip("AB", judged.picked_from, strict=True):
        if count > 1:
            lines.append(f"{name} was picked from {count} trials on these images; the intervals allow for that.")
    said = [_answer(judged), _about(judged), *equivalence_words(judged), *_what_would_decide(judged)]
    return "\n".join([*lines, *comparison.notes, *said])


def equivalence_words(judged: Judgement) -> list[str]:
    """Whether both sides are alike within the margin that was given; nothing where none was."""
    found = judged.equivalence
    if found is None:
        return []
    margin = f"within {100 * found.within:g} points of {_title(judged.deciding)}"
    span = f"the {_percent(found.level)} interval reaches from {_signed(found.low)} to {_signed(found.high)}"
    if found.shown:
        return [f"Equivalent {margin}: {span}."]
    return [f"Not shown to be equivalent {margin}: {span}, beyond the margin."]


def _what_would_decide(judged: Judgement) -> list[str]:
    """How many seeds, where nothing was shown and seeds are known to differ by how much."""
    if judged.answer is not Answer.NOT_SHOWN or judged.scope is Scope.MODELS:
        return []
    seeds = judged.of(judged.deciding).seeds_to_decide
    if seeds is None:
        return [f"If all stays as measured, not even {MOST_SEEDS} seeds a side would show a difference."]
    return [f"If all stays as measured, {seeds} seeds a side would show a difference."]


def _side(name: str, side: Described) -> str:
    seeds = (
        f"{len(side.seeds)} seeds ({', '.join(map(str, side.seeds))})"
        if len(side.seeds) > 1
        else f"seed {side.seeds[0]}"
    )
    return f"{name}: {side.title}, {seeds}, up to {side.epochs} epochs"


def _table(metrics: Sequence[MetricVerdict], level: float) -> list[str]:
    rows = [("", "A", "B", "A - B", f"{_percent(level)} interval")]
    rows += [
        (_title(m.metric), _shown(m.a), _shown(m.b), _signed(m.difference), f"{_signed(m.low)} to {_signed(m.high)}")
        for m in metrics
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    text = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    return [*text, "In %, differences in points; ± is the standard deviation over seeds."]


def _title(metric: str) -> str:
    known = metric_of(metric)
    return metric if known is None else known.title


def _shown(spread: Spread) -> str:
    deviation = "" if spread.deviation is None else f" ± {100 * spread.deviation:.2f}"
    return f"{100 * spread.mean:.2f}{deviation}"


def _signed(share: float) -> str:
    return f"{100 * share:+.2f}"


def _percent(level: float) -> str:
    return f"{100 * level:.4g} %"
