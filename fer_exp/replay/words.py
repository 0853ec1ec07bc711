"""A replay in words: a table for a terminal, and the sentence with its interval.

In: Replays. Out: text.
"""

from collections.abc import Mapping, Sequence

from fer_exp.replay.measure import Estimate, Replay, Result, ratio
from fer_exp.system.words import counted

EPOCHS_SHOWN = (1, 2, 3, 5, 9, 15, 20, 27)


def replay_text(replays: Sequence[Replay], correlations: Mapping[str, Mapping[int, float]]) -> str:
    """Every table with its algorithms, quickest first, then what it comes to."""
    parts = ["\n".join([*_table(one), *_ranks(correlations.get(one.table, {}))]) for one in replays]
    return "\n\n".join([*parts, *(["\n".join(said)] if (said := sentences(replays)) else [])])


def sentences(replays: Sequence[Replay]) -> list[str]:
    """The quickest algorithm against each other one, as ratios of epochs over all tables."""
    names = [one.algorithm for one in replays[0].results]
    if len(names) < 2:
        return []
    ours = "adaptive" if "adaptive" in names else min(replays[0].results, key=lambda one: one.kept.mean.value).algorithm
    lines = []
    for theirs in (name for name in names if name != ours):
        found = ratio(replays, ours, theirs)
        if found is not None:
            lines.append(f"{_sentence(ours, theirs, found, replays)}{_seeds(replays, ours, theirs)}")
    return lines


def _sentence(ours: str, theirs: str, found: Estimate, replays: Sequence[Replay]) -> str:
    over = "" if len(replays) == 1 else f", geometric mean over {len(replays)} tables"
    times = f"{found.value:.2f} times its epochs, 95 % interval {found.low:.2f} to {found.high:.2f}{over}"
    near = f"within {replays[0].within:g} points of the best"
    if found.low <= 1 <= found.high:
        return f"It is not shown whether {ours} or {theirs} comes {near} with fewer epochs: {times}"
    return f"{ours} comes {near} with {'fewer' if found.high < 1 else 'more'} epochs than {theirs}: {times}"


def _seeds(replays: Sequence[Replay], ours: str, theirs: str) -> str:
    counts = [one.seeds for replay in replays for one in replay.results if one.algorithm in (ours, theirs)]
    return f"; {min(counts)} seeds or more." if min(counts) != max(counts) else f"; {counts[0]} seeds."


def _table(replay: Replay) -> list[str]:
    seeds, near = counted(replay.curve_seeds, "seed"), counted(replay.near, "recipe")
    head = (
        f"{replay.table}: {replay.recipes:,} recipes, {replay.epochs} epochs each, {seeds}; best "
        f"{100 * replay.best:.2f} %, {near} within {replay.within:g} points of it"
    )
    rows: list[tuple[str, ...]] = [
        ("", "seeds", "epochs (mean)", "95 % interval", "median", "never", "true", "never", "ms a proposal")
    ]
    rows.extend(map(_row, sorted(replay.results, key=lambda one: one.kept.mean.value)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    note = (
        f"Epochs until the best validation value of a completed trial is within {replay.within:g} points of the "
        f"table's; true: until its recipe's mean over seeds is. Who never arrives counts its budget, "
        f"{replay.budget:,} epochs or fewer for slow ones."
    )
    return [head, replay.source, "", *lines, note]


def _row(one: Result) -> tuple[str, ...]:
    kept = one.kept
    return (
        one.algorithm,
        str(one.seeds),
        f"{kept.mean.value:.0f}",
        f"{kept.mean.low:.0f} to {kept.mean.high:.0f}",
        f"{kept.median.value:.0f}",
        f"{100 * kept.never:.0f} %",
        f"{one.true.mean.value:.0f}",
        f"{100 * one.true.never:.0f} %",
        f"{one.milliseconds:.1f}",
    )


def _ranks(found: Mapping[int, float]) -> list[str]:
    if len(found) < 2:
        return []
    shown = [epoch for epoch in sorted(found) if epoch in EPOCHS_SHOWN or epoch == max(found)]
    told = ", ".join(f"{epoch}: {found[epoch]:.2f}" for epoch in shown)
    return [f"Rank correlation of a training cut at an epoch with the full one: {told}"]
