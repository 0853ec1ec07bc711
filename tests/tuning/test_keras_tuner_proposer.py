"""The proposer: four algorithms that can be put away and taken up again between any two calls."""

import json
from collections.abc import Callable, Iterator
from itertools import islice, product

import pytest

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.system.errors import BadCampaign
from fer_exp.tuning.keras_tuner_proposer import KerasTunerProposer
from fer_exp.tuning.proposer import Nothing, Proposal
from fer_exp.tuning.state import CampaignState, WrittenState

Visit = Callable[[KerasTunerProposer], KerasTunerProposer]

ORACLES = [algorithm for algorithm in Algorithm if algorithm is not Algorithm.ADAPTIVE]


def space(hp: HyperParameters) -> Recipe:
    return baseline_recipe().but(
        block_dropout=hp.Float("block_dropout", 0.0, 0.4, step=0.1, default=0.2),
        learning_rate=hp.Choice("learning_rate", [1e-3, 3e-3, 1e-2], default=1e-3),
        oversampling=hp.Choice("oversampling", [0.0, 1.5], default=1.5),
    )


def campaign(algorithm: Algorithm, seed: int = 3, max_trials: int = 11) -> Campaign:
    """Eleven trials: the Bayesian search draws nine at random before its first fit, and a fit takes half a second."""
    settings = Settings(algorithm=algorithm, max_trials=max_trials, epochs=9, seed=seed)
    return Campaign("toy", "Which is best?", space, settings)


def score(proposal: Proposal) -> float:
    """A smooth objective with its peak inside the space; more epochs are better."""
    recipe = proposal.recipe
    return 0.01 * proposal.epochs - abs(recipe.block_dropout - 0.3) - 10 * abs(recipe.learning_rate - 3e-3)


def stay(proposer: KerasTunerProposer) -> KerasTunerProposer:
    return proposer


def conversation(toy: Campaign, workers: int = 1, visit: Visit = stay, fail: int = 0) -> Iterator[Proposal]:
    """Asks and tells until the end, oldest trial first; `visit` sees the proposer between any two calls."""
    proposer = visit(KerasTunerProposer(toy, toy.settings))
    running: list[Proposal] = []
    while True:
        answer = proposer.ask() if len(running) < workers else Nothing.WAIT
        proposer = visit(proposer)
        if isinstance(answer, Proposal):
            running.append(answer)
            yield answer
            continue
        if not running:
            assert answer is Nothing.DONE
            return
        ended = running.pop(0)
        proposer.tell(ended.number, None if ended.number == fail else score(ended))
        proposer = visit(proposer)


def put_away_and_take_up(toy: Campaign) -> Visit:
    return lambda proposer: KerasTunerProposer(toy, toy.settings, json.loads(json.dumps(proposer.state())))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("algorithm", ORACLES)
def test_a_search_put_away_between_any_two_calls_proposes_the_same_trials(algorithm: Algorithm, workers: int) -> None:
    toy = campaign(algorithm)
    through = list(conversation(toy, workers, fail=4))
    interrupted = list(conversation(toy, workers, put_away_and_take_up(toy), fail=4))
    assert interrupted == through
    assert [proposal.number for proposal in through] == list(range(1, len(through) + 1))


@pytest.mark.parametrize("algorithm", ORACLES)
def test_running_trials_are_known_after_a_restart(algorithm: Algorithm) -> None:
    toy = campaign(algorithm)
    proposer = KerasTunerProposer(toy, toy.settings)
    asked = [proposer.ask(), proposer.ask()]
    assert put_away_and_take_up(toy)(proposer).running() == asked


@pytest.mark.parametrize("algorithm", [Algorithm.RANDOM, Algorithm.BAYESIAN, Algorithm.HYPERBAND])
def test_the_seed_decides_the_trials(algorithm: Algorithm) -> None:
    first, again, other = (list(islice(conversation(campaign(algorithm, seed)), 4)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_a_grid_visits_every_point_once() -> None:
    toy = campaign(Algorithm.GRID, max_trials=1000)
    points = [tuple(proposal.values.values()) for proposal in conversation(toy)]
    assert len(points) == len(set(points)) == 5 * 3 * 2
    assert KerasTunerProposer(toy, toy.settings).plan().trials == 31  # and the baseline


def test_hyperband_goes_on_from_trials_of_the_same_recipe() -> None:
    trials = {proposal.number: proposal for proposal in conversation(campaign(Algorithm.HYPERBAND))}
    promoted = [trial for trial in trials.values() if trial.continues is not None]
    assert promoted
    for trial in promoted:
        assert trial.continues is not None
        source = trials[trial.continues]
        assert source.recipe == trial.recipe
        assert source.epochs < trial.epochs


def test_the_plan_is_what_happens_when_nothing_fails() -> None:
    toy = campaign(Algorithm.HYPERBAND)
    plan = KerasTunerProposer(toy, toy.settings).plan()
    trials = {proposal.number: proposal for proposal in conversation(toy)}
    added = sum(t.epochs - (trials[t.continues].epochs if t.continues else 0) for t in trials.values())
    assert (plan.trials, plan.epochs) == (len(trials) + 1, added + toy.settings.epochs)


def test_a_failed_trial_is_never_promoted() -> None:
    toy = campaign(Algorithm.HYPERBAND)
    assert all(proposal.continues != 2 for proposal in conversation(toy, fail=2))
    assert any(proposal.continues == 2 for proposal in conversation(_preferring(2)))


def _preferring(number: int) -> Campaign:
    """The campaign whose trial `number` of the first bracket is its best: the seed is looked for."""
    for seed in range(1, 60):
        toy = campaign(Algorithm.HYPERBAND, seed)
        if any(proposal.continues == number for proposal in conversation(toy)):
            return toy
    raise AssertionError("no seed promotes that trial")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_what_is_not_finite_counts_as_failed(value: float | None) -> None:
    toy = campaign(Algorithm.RANDOM)
    proposer = KerasTunerProposer(toy, toy.settings)
    proposal = proposer.ask()
    assert isinstance(proposal, Proposal)
    proposer.tell(proposal.number, value)
    assert proposer.state()["trials"][0]["status"] == "FAILED"


def test_steps_are_told_as_people_write_them() -> None:
    values = [p.values["block_dropout"] for p in conversation(campaign(Algorithm.GRID, max_trials=1000))]
    assert set(values) == {0.0, 0.1, 0.2, 0.3, 0.4}


@pytest.mark.parametrize("algorithm", [Algorithm.RANDOM, Algorithm.BAYESIAN, Algorithm.GRID])
def test_no_trials_means_none(algorithm: Algorithm) -> None:
    assert list(conversation(campaign(algorithm, max_trials=0))) == []


def test_more_trials_may_be_asked_for_later() -> None:
    toy = campaign(Algorithm.RANDOM, max_trials=2)
    proposer = KerasTunerProposer(toy, toy.settings)
    for _ in range(2):
        proposal = proposer.ask()
        assert isinstance(proposal, Proposal)
        proposer.tell(proposal.number, 0.5)
    assert proposer.ask() is Nothing.DONE
    longer = KerasTunerProposer(toy, toy.settings.model_copy(update={"max_trials": 3}), proposer.state())
    third = longer.ask()
    assert isinstance(third, Proposal)
    assert third.number == 3


def test_a_space_that_hides_hyperparameters_behind_a_condition_is_refused() -> None:
    def conditional(hp: HyperParameters) -> Recipe:
        wide = hp.Choice("wide", [False, True], default=False)
        return baseline_recipe().but(block_dropout=hp.Float("dropout", 0.1, 0.2) if wide else 0.0)

    toy = Campaign("toy", "?", conditional, Settings(algorithm=Algorithm.GRID, max_trials=9))
    with pytest.raises(BadCampaign, match="'dropout' appeared only with"):
        list(conversation(toy))


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (lambda hp: {"dropout": hp.Float("dropout", 0.0, 0.5)}, "expected it to return a Recipe, received dict"),
        (
            lambda hp: baseline_recipe().but(block_dropout=hp.Float("d", 1.5, 2.0)),
            "fails: block_dropout: Input should be less than 1, received .1.5.",
        ),
        (lambda hp: baseline_recipe().but(droput=hp.Float("d", 0.0, 0.5)), "fails: droput: no field of that name"),
    ],
)
def test_a_space_that_cannot_work_is_refused_before_anything_starts(
    bad: Callable[[HyperParameters], Recipe], said: str
) -> None:
    with pytest.raises(BadCampaign, match=said):
        KerasTunerProposer(Campaign("toy", "?", bad), Settings())


@pytest.mark.parametrize("algorithm", ORACLES)
def test_the_state_in_words_is_to_the_byte_what_the_state_as_a_value_says(algorithm: Algorithm) -> None:
    def compare(proposer: KerasTunerProposer) -> KerasTunerProposer:
        for finished in (False, True):
            value = CampaignState(proposer=proposer.state(), finished=finished)
            assert WrittenState(proposer.state_text(), finished).sealed() == value.sealed()
        return proposer

    toy = campaign(algorithm)
    assert sum(1 for _ in conversation(toy, 2, compare, fail=2)) > 5


def twelve_points(hp: HyperParameters) -> Recipe:
    return baseline_recipe().but(
        block_dropout=hp.Choice("block_dropout", [0.1, 0.2, 0.3, 0.4], default=0.2),
        learning_rate=hp.Choice("learning_rate", [1e-3, 3e-3, 1e-2], default=1e-3),
    )


def bayesian_on_twelve_points() -> Campaign:
    settings = Settings(algorithm=Algorithm.BAYESIAN, max_trials=20, epochs=1, seed=4)
    return Campaign("toy", "Which is best?", twelve_points, settings)


def test_a_bayesian_search_proposes_every_point_once_and_ends_with_the_space() -> None:
    points = [tuple(sorted(proposal.values.items())) for proposal in conversation(bayesian_on_twelve_points())]
    assert len(points) == len(set(points)) == 12


def test_in_the_place_of_a_repeat_stands_the_new_point_with_the_least_bound() -> None:
    toy = bayesian_on_twelve_points()
    proposer = KerasTunerProposer(toy, toy.settings)
    for _ in range(7):  # six are drawn at random before the first fit
        proposal = proposer.ask()
        assert isinstance(proposal, Proposal)
        proposer.tell(proposal.number, score(proposal))
    oracle = proposer._oracle
    names = [hyperparameter.name for hyperparameter in oracle.get_space().space]
    points = [
        dict(zip(names, values, strict=True)) for values in product(*(hp.values for hp in oracle.get_space().space))
    ]
    new = [values for values in points if not oracle._duplicate(values)]
    assert len(new) == 5
    mean, deviation = oracle.gpr.predict([oracle._vector_of(values) for values in new], return_std=True)
    bounds = mean - oracle.beta * deviation
    assert bounds.max() - bounds.min() > 0.05  # else any of them would do
    assert oracle._new_point()["values"] == new[int(bounds.argmin())]
