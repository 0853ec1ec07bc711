"""The algorithms that can be replayed: fer-exp's, Keras Tuner's own, and Optuna's with its pruners.

In: a name. Out: a function that plays one search on a table. Each algorithm is driven through its own interface, and
told the same numbers: the best validation value so far.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.replay.player import Player, Run, Spent, Watch
from fer_exp.replay.table import Point, Table

if TYPE_CHECKING:
    import optuna

    from fer_exp.tuning.proposer import Proposer

Play = Callable[[Player, int], Run]  # a player and the search's seed to what came out

FACTOR = 3  # of Hyperband, Keras Tuner's default
ENDLESS = 10**6  # trials or iterations; the player's budget ends a search


@dataclass(frozen=True)
class Contestant:
    """An algorithm that can be replayed."""

    name: str
    what: str
    play: Play
    slow: bool = False  # a proposal takes so long that few seeds can be replayed


def campaign_of(table: Table) -> Campaign:
    """A campaign over the table's space; its recipe is not looked at."""
    header, recipe = table.header, baseline_recipe()

    def space(hp: HyperParameters) -> Recipe:
        for name, choices in header.space.items():
            hp.Choice(name, list(choices), default=header.default[name])
        return recipe

    return Campaign("replay", f"Which search is quickest on {table.name}?", space, Settings(), recipe)


def _proposer(algorithm: Algorithm, *, stock: bool = False) -> Play:
    def make(campaign: Campaign, settings: Settings) -> "Proposer":
        from fer_exp.tuning.make import make_proposer
        from fer_exp.tuning.stock import StockProposer

        return (StockProposer if stock else make_proposer)(campaign, settings)

    return playing(make, algorithm, stock=stock)


def playing(make: "Callable[[Campaign, Settings], Proposer]", algorithm: Algorithm, *, stock: bool = False) -> Play:
    """How a proposer is replayed.

    Args:
        make: A new one.
        algorithm: As its settings call it.
        stock: It is Keras Tuner's own, which trains again what was trained.
    """

    def play(player: Player, seed: int) -> Run:
        table = player.table
        settings = Settings(
            algorithm=algorithm,
            epochs=table.epochs,
            max_trials=max(player.budget // table.epochs, 1),
            seed=seed,
            hyperband_factor=FACTOR,
            hyperband_iterations=ENDLESS,
        )
        watch = Watch()
        campaign = campaign_of(table)
        return _converse(player, watch.of(lambda: make(campaign, settings)), watch, again=stock)

    return play


def _converse(player: Player, proposer: "Proposer", watch: Watch, *, again: bool) -> Run:
    """Asks, answers and tells until the budget is over.

    Args:
        player: Who answers.
        proposer: Who asks.
        watch: Of its time.
        again: A trial that asks what an earlier one did is trained again, and only its own epochs count for it, as
            Keras Tuner does; else the earlier one's record answers it and costs nothing, as fer-exp does.
    """
    from fer_exp.tuning.proposer import Proposal

    trained: dict[int, int] = {}  # epochs of each trial, by number
    answered: dict[tuple[Point, int], float] = {}
    while not player.over:
        proposal = watch.of(proposer.ask)
        if not isinstance(proposal, Proposal):
            break
        point, behind = player.table.point(proposal.values), trained.get(proposal.continues or 0, 0)
        trained[proposal.number] = proposal.epochs
        known = None if again else answered.get((point, proposal.epochs))
        try:
            value = player.train(point, proposal.epochs, behind) if known is None else known
        except Spent:
            break
        if again:
            value = max(player.table.curve(point, player.seed)[behind : proposal.epochs], default=value)
        answered[point, proposal.epochs] = value
        player.complete(point, value)
        number = proposal.number
        watch.of(lambda number=number, value=value: proposer.tell(number, value))  # type: ignore[misc]  # bound here
    return player.run(len(trained), watch.seconds)


def _optuna(pruner: str) -> Play:
    def play(player: Player, seed: int) -> Run:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        pruners: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
            "median": optuna.pruners.MedianPruner,
            "hyperband": lambda: optuna.pruners.HyperbandPruner(1, player.table.epochs, FACTOR),
        }
        watch = Watch()
        sampler = optuna.samplers.TPESampler(seed=seed)
        # Optuna's Hyperband draws brackets from the study's name, so the name is the seed's.
        name = f"replay-{seed}"
        study = optuna.create_study(study_name=name, direction="maximize", sampler=sampler, pruner=pruners[pruner]())
        asked = 0
        while not player.over:
            trial = watch.of(study.ask)
            asked += 1
            point = watch.of(lambda trial=trial: _suggested(trial, player.table))  # type: ignore[misc]  # bound here
            try:
                value = _epochs_of(player, trial, point, watch)
            except Spent:
                break
            if value is None:
                watch.of(lambda trial=trial: study.tell(trial, state=optuna.trial.TrialState.PRUNED))  # type: ignore[misc]  # bound here
                continue
            player.complete(point, value)
            watch.of(lambda trial=trial, value=value: study.tell(trial, value))  # type: ignore[misc]  # bound here
        return player.run(asked, watch.seconds)

    return play


def _epochs_of(player: Player, trial: "optuna.Trial", point: Point, watch: Watch) -> float | None:
    """Trains epoch by epoch; None where the pruner ends it. The last epoch is not asked about."""
    curve, best = player.table.curve(point, player.seed), float("-inf")
    for epoch, value in enumerate(curve, start=1):
        player.pay(1)
        best = max(best, value)
        if epoch == len(curve):
            break
        step, seen = epoch, best
        watch.of(lambda step=step, seen=seen: trial.report(seen, step))  # type: ignore[misc]  # bound here
        if watch.of(trial.should_prune):
            return None
    return best


def _suggested(trial: "optuna.Trial", table: Table) -> Point:
    """Numbers by their place among the choices, words as categories."""
    at = []
    for name, choices in table.header.space.items():
        if isinstance(choices[0], str):
            at.append(choices.index(trial.suggest_categorical(name, list(choices))))
        else:
            at.append(trial.suggest_int(name, 0, len(choices) - 1))
    return tuple(at)


CONTESTANTS = (
    Contestant("adaptive", "fer-exp's adaptive search", _proposer(Algorithm.ADAPTIVE)),
    Contestant("random", "random search, every recipe at full budget", _proposer(Algorithm.RANDOM)),
    Contestant("hyperband", "fer-exp's Hyperband", _proposer(Algorithm.HYPERBAND)),
    Contestant("bayesian", "fer-exp's Bayesian search", _proposer(Algorithm.BAYESIAN), slow=True),
    Contestant("stock-hyperband", "Keras Tuner's Hyperband", _proposer(Algorithm.HYPERBAND, stock=True)),
    Contestant("stock-bayesian", "Keras Tuner's Bayesian search", _proposer(Algorithm.BAYESIAN, stock=True), slow=True),
    Contestant("tpe-median", "Optuna's TPE with its median pruner", _optuna("median")),
    Contestant("tpe-hyperband", "Optuna's TPE with its Hyperband pruner", _optuna("hyperband")),
)
