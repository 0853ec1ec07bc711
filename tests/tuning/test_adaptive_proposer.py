"""The adaptive search: it spends its epochs on what is promising, waits for nobody, and survives any kill."""

import json
from collections.abc import Callable, Iterator

import pytest

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.execute.loop import Ending
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.records import Kind
from fer_exp.system.errors import BadRecord
from fer_exp.system.home import Home
from fer_exp.tuning.adaptive_proposer import AdaptiveProposer
from fer_exp.tuning.make import make_proposer
from fer_exp.tuning.proposer import Nothing, Proposal
from fer_exp.tuning.stages import stages_of
from tests.toy_search import At, campaign, interrupt, leaderboard, records, run

EPOCHS = 9
Visit = Callable[[AdaptiveProposer], AdaptiveProposer]


def space(hp: HyperParameters) -> Recipe:
    """A range without steps, one with, and words: every kind of hyperparameter."""
    return baseline_recipe().but(
        block_dropout=hp.Float("block_dropout", 0.0, 0.4, step=0.1, default=0.2),
        learning_rate=hp.Float("learning_rate", 1e-4, 1e-1, sampling="log", default=1e-3),
        optimizer=hp.Choice("optimizer", ["adam", "sgd"], default="adam"),
    )


def toy(trials: int = 12, seed: int = 3) -> Campaign:
    settings = Settings(algorithm=Algorithm.ADAPTIVE, max_trials=trials, epochs=EPOCHS, seed=seed)
    return Campaign("toy", "Which is best?", space, settings)


def score(proposal: Proposal) -> float:
    recipe = proposal.recipe
    far = abs(recipe.block_dropout - 0.3) + abs(recipe.learning_rate - 0.01) + 0.2 * (recipe.optimizer == "sgd")
    return 0.7 - far - 0.3 / proposal.epochs


def same(proposer: AdaptiveProposer) -> AdaptiveProposer:
    return proposer


def conversation(of: Campaign, workers: int = 1, visit: Visit = same, fail: int = 0) -> Iterator[Proposal]:
    """Asks and tells until the end, the youngest trial first; `visit` sees the proposer between any two calls."""
    proposer = visit(AdaptiveProposer(of, of.settings))
    running: list[Proposal] = []
    while True:
        answer = proposer.ask() if len(running) < workers else Nothing.WAIT
        proposer = visit(proposer)
        if isinstance(answer, Proposal):
            running.append(answer)
            yield answer
        elif running:
            ended = running.pop()
            proposer.tell(ended.number, None if ended.number == fail else score(ended))
            proposer = visit(proposer)
        else:
            assert answer is Nothing.DONE
            return


def added(trials: list[Proposal]) -> int:
    """Epochs that they train."""
    upto = {trial.number: trial.epochs for trial in trials}
    return sum(trial.epochs - upto.get(trial.continues or 0, 0) for trial in trials)


def around_the_baseline(hp: HyperParameters) -> Recipe:
    return baseline_recipe().but(learning_rate=hp.Float("learning_rate", 1e-4, 1e-1, sampling="log", default=1e-3))


def told_of_baseline(space: Callable[[HyperParameters], Recipe], course: dict[int, float]) -> AdaptiveProposer:
    of = Campaign("toy", "?", space, Settings(algorithm=Algorithm.ADAPTIVE, max_trials=12, epochs=EPOCHS, seed=3))
    proposer = AdaptiveProposer(of, of.settings)
    proposer.tell_baseline(course)
    return proposer


def asked(proposer: AdaptiveProposer) -> Proposal:
    proposal = proposer.ask()
    assert isinstance(proposal, Proposal)
    return proposal


def test_what_the_baseline_is_is_not_trained_again_and_counts_as_a_whole_training() -> None:
    proposer = told_of_baseline(around_the_baseline, {1: 0.2, 2: 0.3, 3: 0.4, 9: 0.6})
    assert proposer.told() == (0,)
    assert proposer.known() == {0: False}
    assert [(one.epochs, one.value, one.last) for one in proposer._so_far()] == [
        (1, 0.2, False), (3, 0.4, False), (9, 0.6, False),
    ]  # fmt: skip
    assert all(asked(proposer).recipe != baseline_recipe() for _ in range(20))


def test_a_short_training_is_judged_by_how_far_the_baseline_came_from_there() -> None:
    """Two recipes as good as each other after an epoch, and one that is trained on and falls behind the baseline."""
    proposer = told_of_baseline(around_the_baseline, {1: 0.2, 3: 0.4, 9: 0.6})
    for value in (0.21, 0.19, 0.2, 0.2):
        proposer.tell(asked(proposer).number, value)
    while (proposal := asked(proposer)).continues is None:
        proposer.tell(proposal.number, 0.1)
    proposer.tell(proposal.number, 0.22)  # where the baseline had 0.4
    assert asked(proposer).continues != proposal.number


@pytest.mark.parametrize("course", [{}, {9: float("nan")}])
def test_a_baseline_that_failed_says_nothing(course: dict[int, float]) -> None:
    proposer = told_of_baseline(around_the_baseline, course)
    assert (proposer.told(), proposer._so_far()) == ((0,), [])


def test_a_baseline_outside_of_the_space_is_not_asked_for() -> None:
    proposer = told_of_baseline(space, {9: 0.6})
    assert (proposer.told(), proposer.known(), proposer._so_far()) == ((), {}, [])


@pytest.mark.parametrize(("epochs", "stages"), [(27, (1, 3, 9, 27)), (40, (1, 4, 13, 40)), (2, (1, 2)), (1, (1,))])
def test_stages_are_thirds_of_thirds(epochs: int, stages: tuple[int, ...]) -> None:
    assert stages_of(epochs) == stages


@pytest.mark.parametrize("workers", [1, 3])
def test_put_away_between_any_two_calls_it_proposes_the_same(workers: int) -> None:
    of = toy(6)

    def moved(proposer: AdaptiveProposer) -> AdaptiveProposer:
        fresh = AdaptiveProposer(of, of.settings)
        fresh.restore(json.loads(proposer.state_text()))
        return fresh

    through = list(conversation(of, workers, fail=4))
    assert list(conversation(of, workers, moved, fail=4)) == through
    assert [trial.number for trial in through] == list(range(1, len(through) + 1))


def test_the_seed_decides_the_trials() -> None:
    assert list(conversation(toy(4, seed=3))) == list(conversation(toy(4, seed=3)))
    assert list(conversation(toy(4, seed=3))) != list(conversation(toy(4, seed=4)))


def test_it_trains_no_more_epochs_than_so_many_full_trainings_and_uses_them() -> None:
    of = toy()
    trials, plan = list(conversation(of)), AdaptiveProposer(of, of.settings).plan()
    assert len(trials) + 1 <= plan.trials
    assert added(trials) + EPOCHS <= plan.epochs == (12 + 1) * EPOCHS
    assert added(trials) > 11 * EPOCHS


def test_a_trial_goes_on_from_one_of_the_same_recipe_that_was_shorter_and_each_is_gone_on_from_once() -> None:
    trials = {trial.number: trial for trial in conversation(toy())}
    promoted = [trial for trial in trials.values() if trial.continues is not None]
    assert promoted
    for trial in promoted:
        assert trial.continues is not None
        source = trials[trial.continues]
        assert (source.recipe, source.epochs < trial.epochs) == (trial.recipe, True)
    assert len({trial.continues for trial in promoted}) == len(promoted)


def test_full_budget_goes_to_better_recipes_than_short_trainings_do() -> None:
    trials = list(conversation(toy(15)))
    assert trials[0].values == {"block_dropout": 0.2, "learning_rate": 1e-3, "optimizer": "adam"}  # the default
    full = [score(trial) for trial in trials if trial.epochs == EPOCHS]
    begun = [score(trial) + 0.3 / trial.epochs - 0.3 / EPOCHS for trial in trials if trial.epochs == 1]
    assert sum(full) / len(full) > sum(begun) / len(begun) + 0.02
    assert max(full) > 0.7 - 0.3 / EPOCHS - 0.08


def test_a_failed_trial_is_never_gone_on_from_and_its_recipe_is_not_tried_again() -> None:
    trials = list(conversation(toy(), fail=2))
    assert all(trial.continues != 2 for trial in trials)
    assert sum(trial.values == trials[1].values for trial in trials) == 1


def test_no_trial_waits_for_another_while_there_are_new_recipes() -> None:
    of = toy()
    proposer = AdaptiveProposer(of, of.settings)
    asked = [proposer.ask() for _ in range(20)]
    assert all(isinstance(one, Proposal) for one in asked)
    assert len({json.dumps(one.values, sort_keys=True) for one in asked if isinstance(one, Proposal)}) == 20


def test_a_small_space_is_exhausted_and_the_search_ends() -> None:
    of = campaign(Algorithm.ADAPTIVE, max_trials=100, epochs=9)
    proposer = make_proposer(of, of.settings)
    trials = []
    while isinstance(proposal := proposer.ask(), Proposal):
        trials.append(proposal)
        proposer.tell(proposal.number, score(proposal))
    assert proposal is Nothing.DONE
    assert sum(trial.epochs == 9 for trial in trials) == 4 * 3  # every recipe, once
    assert len(trials) + 1 == proposer.plan().trials


def test_another_algorithms_state_is_refused() -> None:
    oracle = make_proposer(campaign(), campaign().settings)
    with pytest.raises(BadRecord, match="expected the state of an adaptive search"):
        AdaptiveProposer(toy(), toy().settings).restore(json.loads(oracle.state_text()))


def test_the_schedule_says_stages_and_budget() -> None:
    assert AdaptiveProposer(toy(), toy().settings).schedule() == [
        "each recipe to epoch 1 first, then the most promising on to epoch 3, epoch 9",
        "until 108 epochs are trained, as many as 12 full trainings",
    ]


# -- end to end, with trials that train nothing

SEARCH = campaign(Algorithm.ADAPTIVE, max_trials=4, epochs=9)


def test_a_search_goes_on_from_checkpoints_and_leaves_none(home: Home) -> None:
    result = run(home, SEARCH)
    assert result.ending is Ending.DONE
    trials = [record for record in records(home) if record.spec().kind is Kind.TRIAL]
    promoted = [record for record in trials if record.spec().continues is not None]
    assert promoted
    for record in promoted:
        assert [row.epoch for row in record.history()] == list(range(1, record.spec().epochs + 1))
        assert record.attempt_log(1).read_text().count("a line") == 1
    assert not list(home.campaign("toy").rglob("checkpoint-*"))


@pytest.mark.parametrize("keeps_state", [True, False])
def test_a_stopped_search_goes_on_as_if_it_had_not_been(keeps_state: bool, home: Home) -> None:
    through = run(Home(home.root.parent / "through"), SEARCH)
    stopped = run(home, SEARCH, At(lambda seen: seen.ended == 8, interrupt))
    assert stopped.ending is Ending.STOPPED
    if not keeps_state:
        (home.campaign("toy") / "state.json").unlink()  # made again from the records
    assert leaderboard(run(home, SEARCH)) == leaderboard(through)


def test_two_workers_end_every_trial(home: Home) -> None:
    result = run(home, SEARCH, workers=2)
    assert result.ending is Ending.DONE
    assert all(record.outcome() is not None for record in records(home))
