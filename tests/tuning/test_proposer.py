"""What every proposer keeps to, and the search end to end on each: oracles, the adaptive search, a list of points."""

import json
import os
from collections.abc import Callable

import pytest

from fer_exp.campaign import Algorithm, Campaign, Settings
from fer_exp.execute.loop import Ending
from fer_exp.execute.progress import Silence
from fer_exp.records import Kind, TrialSpec
from fer_exp.system.errors import BadRecord
from fer_exp.system.home import Home
from fer_exp.tuning.make import make_proposer
from fer_exp.tuning.proposer import Nothing, Proposal, Proposer
from fer_exp.tuning.run import Conditions, run_search
from fer_exp.tuning.values import DataChoice, Result
from tests.engines import InProcessEngine
from tests.proposers import ScriptedProposer
from tests.toy_search import At, campaign, interrupt, leaderboard

TRIALS = 5

Make = Callable[[], Proposer]


@pytest.fixture(params=["scripted", *Algorithm])
def make(request: pytest.FixtureRequest) -> Make:
    """Makes proposers of one campaign."""
    if request.param == "scripted":
        toy = campaign(max_trials=TRIALS)
        return lambda: ScriptedProposer(toy, toy.settings)
    toy = campaign(request.param, max_trials=TRIALS)
    return lambda: make_proposer(toy, toy.settings)


def score(proposal: Proposal) -> float | None:
    """What a trial is worth; every fourth fails."""
    return None if proposal.number % 4 == 0 else 1 - abs(proposal.recipe.block_dropout - 0.3)


def converse(proposer: Proposer, between: Callable[[Proposer], Proposer] = lambda same: same) -> list[Proposal]:
    """All proposals, each told about before the next is asked for."""
    proposals = []
    while isinstance(proposal := proposer.ask(), Proposal):
        proposals.append(proposal)
        proposer = between(proposer)
        proposer.tell(proposal.number, score(proposal))
        proposer = between(proposer)
    assert proposal is Nothing.DONE
    return proposals


def test_trials_are_numbered_in_the_order_in_which_they_are_asked_for(make: Make) -> None:
    proposer = make()
    proposals = converse(proposer)
    numbers = [proposal.number for proposal in proposals]
    assert numbers == list(range(1, len(proposals) + 1))
    assert len(proposals) + 1 <= proposer.plan().trials
    assert (list(proposer.told()), proposer.known()) == (numbers, dict.fromkeys(numbers, False))
    assert proposer.running() == []


def test_what_was_asked_for_runs_until_it_is_told_about(make: Make) -> None:
    proposer = make()
    first, second = proposer.ask(), proposer.ask()
    assert isinstance(first, Proposal)
    assert isinstance(second, Proposal)
    assert proposer.running() == [first, second]
    assert proposer.known() == {1: True, 2: True}
    proposer.tell(1, 0.5)
    assert (proposer.running(), proposer.told(), proposer.known()) == ([second], (1,), {1: False, 2: True})


def test_asked_and_told_the_same_it_proposes_the_same(make: Make) -> None:
    assert converse(make()) == converse(make())


def test_put_away_and_taken_up_between_any_two_calls_it_goes_on_the_same(make: Make) -> None:
    def moved(proposer: Proposer) -> Proposer:
        fresh = make()
        fresh.restore(json.loads(proposer.state_text()))
        return fresh

    assert converse(make(), moved) == converse(make())


def test_a_state_that_is_none_is_refused(make: Make) -> None:
    with pytest.raises(BadRecord):
        make().restore({"nothing": "of it"})


def test_a_conversation_can_be_held_again_from_what_was_kept_of_it(make: Make) -> None:
    proposer = make()
    proposals = converse(proposer)
    again = make()
    for proposal in proposals:
        assert again.repeat(proposal.number, spec_of(proposal), proposer.raw_values(proposal.number))
        again.tell(proposal.number, score(proposal))
    assert again.known() == proposer.known()
    assert again.ask() is Nothing.DONE


def spec_of(proposal: Proposal) -> TrialSpec:
    return TrialSpec(
        campaign="toy",
        kind=Kind.TRIAL,
        number=proposal.number,
        seed=1,
        recipe=proposal.recipe,
        epochs=proposal.epochs,
        horizon=proposal.epochs,
        data_digest="d",
        split_digest="s",
        protocol="official",
        values=proposal.values,
        continues=proposal.continues,
    )


def test_a_recipe_follows_from_its_values(make: Make) -> None:
    proposer = make()
    for proposal in converse(proposer):
        assert proposer.recipe_at(proposal.values) == proposal.recipe
    assert proposer.fixed_points() == make().fixed_points() != []


def run(home: Home, watcher: Silence, propose: Callable[[Campaign, Settings], Proposer] = ScriptedProposer) -> Result:
    """A search without Keras Tuner and without processes."""
    toy = campaign(max_trials=TRIALS)
    conditions = Conditions(home, watcher, tracking=False, engine=InProcessEngine.make, propose=propose)
    return run_search(toy, toy.settings, "toy.py", "fingerprint", DataChoice("demo"), conditions)


def test_a_search_by_a_script_runs_it_and_goes_on_where_it_was_stopped(home: Home) -> None:
    through = run(Home(home.root.parent / "through"), Silence())
    assert through.rows[0].number == 1  # the best point of the script
    assert len(through.rows) == TRIALS + 1
    stopped = run(home, At(lambda seen: seen.ended == 2, interrupt))
    assert (stopped.ending, len(stopped.rows) < TRIALS + 1) == (Ending.STOPPED, True)
    (home.campaign("toy") / "state.json").unlink()  # made again from the records
    assert leaderboard(run(home, Silence())) == leaderboard(through)


def test_what_libraries_print_while_a_proposer_loads_them_stays_off_the_terminal(
    home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    """Keras Tuner's proposer loads TensorFlow, whose native code prints whatever its settings say."""
    printed: list[int] = []

    def make(campaign: Campaign, settings: Settings) -> Proposer:
        if not printed:  # as a library is loaded once
            printed.append(os.write(2, b"oneDNN custom operations are on"))
        return ScriptedProposer(campaign, settings)

    run(home, Silence(), make)
    assert printed
    assert "oneDNN" not in capfd.readouterr().err
