"""The player: every epoch counted, the same for all, and what a user would have kept by when."""

import pytest

from fer_exp.replay.algorithms import CONTESTANTS
from fer_exp.replay.player import Player, Spent
from fer_exp.replay.table import Table
from tests.replay_tables import BEST, EPOCHS, made_table

BY_NAME = {one.name: one for one in CONTESTANTS}
WITHIN = 0.005


@pytest.fixture
def table() -> Table:
    return made_table()


def player(table: Table, budget: int = 40 * EPOCHS) -> Player:
    return Player(table, 0, budget, WITHIN)


def best(table: Table) -> tuple[int, ...]:
    return table.point({"learning_rate": BEST[0], "dropout": BEST[1]})


def test_a_training_costs_its_epochs_and_a_promotion_those_that_it_adds(table: Table) -> None:
    one = player(table)
    assert one.train((0, 0), 3) == max(table.curve((0, 0), 0)[:3])
    one.train((0, 0), 9, behind=3)
    assert one.run(2, 0.0).total == 9


def test_the_budget_ends_a_search_in_the_middle_of_a_training(table: Table) -> None:
    one = player(table, budget=10)
    one.train((0, 0), 9)
    with pytest.raises(Spent):
        one.train((0, 1), 9)
    assert one.over
    assert one.run(2, 0.0).total == 10


def test_arrival_is_when_the_best_completed_trial_is_near_enough(table: Table) -> None:
    one = player(table)
    one.complete((0, 0), one.train((0, 0), 9))
    assert one.run(1, 0.0).arrived is None
    one.complete(best(table), one.train(best(table), 3))
    short = one.run(2, 0.0)
    assert (short.arrived, short.arrived_true) == (None, 9 + 3)  # its recipe is the best; what is kept is not yet
    one.complete(best(table), one.train(best(table), 9, behind=3))
    assert one.run(3, 0.0).arrived == 9 + 9
    assert one.over  # by both measures


def test_nothing_is_kept_before_a_trial_is_completed(table: Table) -> None:
    one = player(table)
    one.train(best(table), 9)
    assert one.run(1, 0.0).arrived is None
    assert one.run(1, 0.0).kept.size == 0


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_every_algorithm_finds_the_best_of_twelve_and_the_same_again(name: str, table: Table) -> None:
    first, again = (BY_NAME[name].play(player(table), 3) for _ in range(2))
    assert first.arrived is not None
    assert (first.arrived, first.total, first.kept.tolist()) == (again.arrived, again.total, again.kept.tolist())
    assert first.kept.tolist() == sorted(first.kept)
    assert first.kept[-1] == table.best(0)


def test_random_search_at_full_budget_pays_whole_trainings(table: Table) -> None:
    run = BY_NAME["random"].play(player(table), 5)
    assert all(epochs % EPOCHS == 0 for epochs in run.spent)


def test_a_table_without_learning_curves_can_be_replayed() -> None:
    flat = made_table(epochs=1)
    for name in ("random", "hyperband", "adaptive", "tpe-median", "tpe-hyperband"):
        run = BY_NAME[name].play(Player(flat, 0, 100, WITHIN), 1)
        assert run.arrived is not None
        assert run.total <= 100
