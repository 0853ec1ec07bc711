"""One replay: the algorithms that were asked for, on one table, with so many seeds.

In: a table and names. Out: a Replay. Seed s searches with seed s + 1 on the table's curve of seed s, for all algorithms
alike.
"""

from collections.abc import Callable, Sequence

from fer_exp.replay.algorithms import CONTESTANTS, Contestant
from fer_exp.replay.measure import Replay, result_of
from fer_exp.replay.player import Player
from fer_exp.replay.table import Table
from fer_exp.system.errors import BadInput
from fer_exp.system.suggest import did_you_mean

ALL = "all"
POINT = 0.01
TRAININGS = 60  # full trainings that a replay may cost
SLOW_SEEDS = 10  # of an algorithm that takes a second for a proposal, unless it is named
SLOW_TRAININGS = 40  # and full trainings
SHORT_TRAININGS = 100  # of a table without learning curves

Say = Callable[[str], object]


def chosen(algorithms: str) -> list[tuple[Contestant, bool]]:
    """The algorithms of those names, and whether each was named rather than meant by `all`.

    Raises:
        BadInput: A name is unknown.
    """
    names = [name.strip() for name in algorithms.split(",") if name.strip()]
    if names == [ALL]:
        return [(one, False) for one in CONTESTANTS]
    known = {one.name: one for one in CONTESTANTS}
    for name in names or [""]:
        if name not in known:
            raise BadInput(
                f"--algorithms: expected all or some of {', '.join(known)}, received {name!r}"
                f"{did_you_mean(name, known)}",
                "Nothing was replayed.",
            )
    return [(known[name], True) for name in names]


def replay(
    table: Table,
    algorithms: Sequence[tuple[Contestant, bool]],
    seeds: int,
    within: float,
    trainings: int | None,
    say: Say,
) -> Replay:
    """Plays every algorithm with every seed.

    Args:
        table: That answers.
        algorithms: As `chosen` gives them.
        seeds: Searches of each.
        within: Points from the table's best at which a search has arrived.
        trainings: Full trainings that a replay may cost; None for `TRAININGS`.
        say: What takes its time.
    """
    many = trainings or (TRAININGS if table.epochs > 1 else SHORT_TRAININGS)
    budget = many * table.epochs
    results = []
    for contestant, named in algorithms:
        count = seeds if named or not contestant.slow else min(seeds, SLOW_SEEDS)
        allowed = budget if named or not contestant.slow else min(budget, SLOW_TRAININGS * table.epochs)
        say(f"{table.name}: {contestant.name}, {count} searches")
        players = [Player(table, seed, allowed, within * POINT) for seed in range(count)]
        runs = [contestant.play(player, seed + 1) for seed, player in enumerate(players)]
        results.append(result_of(contestant.name, runs, allowed))
    true = sorted(table.true.values(), reverse=True)
    return Replay(
        table=table.name,
        source=table.header.source,
        recipes=len(true),
        epochs=table.epochs,
        curve_seeds=table.seeds,
        best=true[0],
        near=sum(value >= true[0] - within * POINT for value in true),
        budget=budget,
        within=within,
        results=tuple(results),
    )
