"""Trials that a kill left recorded and unnamed, where the oracle proposes something else the next time it is asked.

It does where a trial at work at the moment of the kill has ended since. Trials are played here; what remembers is real.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.data.split.prepare import Development
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.records import Epoch, Outcome, Record, State, now_ms, records_in
from fer_exp.tuning.reuse import training_now
from fer_exp.tuning.search_request import SearchRequest
from fer_exp.tuning.trials import SearchWork
from tests.fake_trials import accuracy
from tests.made_records import made_campaign_spec, made_predictions

RANDOM = 10  # records until the Bayesian search listens to results: the baseline's and three for each hyperparameter


class Killed(BaseException):
    """Ends the driver where it stands."""


def space(hp: HyperParameters) -> Recipe:
    """Thirty-six points, of which three at a time are one recipe."""
    hp.Choice("name", ["left", "middle", "right"])
    return baseline_recipe().but(
        block_dropout=hp.Choice("block_dropout", [0.1, 0.2, 0.3, 0.4], default=0.2),
        learning_rate=hp.Choice("learning_rate", [1e-3, 3e-3, 1e-2], default=1e-3),
    )


def search(folder: Path, check: Callable[[], None] = lambda: None) -> SearchWork:
    """Thirty trials on twelve recipes: the Bayesian search repeats no point, but most recipes."""
    settings = Settings(algorithm=Algorithm.BAYESIAN, max_trials=30, epochs=2)
    toy = Campaign("toy", "Which is best?", space, settings, data="demo")
    data = Development(folder, made_campaign_spec().data)
    return SearchWork(folder, SearchRequest(toy, settings, "toy.py", "fingerprint", data), check)


def begin(work: SearchWork) -> Record:
    record = work.next()
    assert isinstance(record, Record)
    record.attempt_log(1).touch()
    return record


def end(record: Record) -> Record:
    value = accuracy(record.spec().recipe, 1)
    for number in (1, 2):
        record.checkpoint(number).write_bytes(b"weights")
        record.append(
            Epoch(
                epoch=number,
                train_loss=1.0,
                train_accuracy=value,
                val_loss=1.0,
                val_accuracy=value,
                learning_rate=1e-3,
                seconds=1.0,
                images_per_second=1.0,
                time_ms=now_ms(),
            )
        )
    record.write_predictions(made_predictions(20))
    record.write_scores({"val/accuracy": value, "val/images": 20})
    record.end(Outcome(state=State.FINISHED, best_epoch=1, seconds=1.0, trained_with=training_now()))
    return record


def killed_with_an_answer(folder: Path) -> tuple[Record, Record]:
    """Of a search of two workers: a record that an earlier trial answered and no state named, and one at work."""

    def there() -> list[Record]:
        return list(records_in(folder / "trials")) if (folder / "trials").exists() else []

    def dying() -> None:
        if len(there()) > RANDOM and (outcome := there()[-1].outcome()) is not None and outcome.same_as is not None:
            raise Killed

    work = search(folder, dying)
    work.ended(end(begin(work)))
    at_work = begin(work)
    with contextlib.suppress(Killed):
        for _ in range(30):
            second = begin(work)
            work.ended(end(at_work))
            at_work = second
    assert there()[-1].outcome() is not None  # else the oracle repeats nothing, and there is nothing to see here
    return there()[-1], at_work


def test_a_trial_answered_and_forgotten_makes_way_for_what_is_proposed_now(tmp_path: Path) -> None:
    answered, at_work = killed_with_an_answer(tmp_path)
    before = answered.spec()
    end(at_work)
    work = search(tmp_path)
    found: object = begin(work)
    assert isinstance(found, Record)
    assert (found.path, found.spec().recipe == before.recipe) == (answered.path, False)
    while isinstance(found, Record):
        work.ended(end(found))
        found = work.next()
    rows = work.rows()
    assert sorted(row.number for row in rows) == list(range(31))
    assert {row.state for row in rows} == {State.FINISHED}


@pytest.mark.parametrize("deletions", range(1, 6))
def test_a_kill_while_it_makes_way_leaves_one_that_makes_way(
    tmp_path: Path, deletions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, at_work = killed_with_an_answer(tmp_path)
    end(at_work)
    left, real = deletions, Path.unlink

    def dying(path: Path, missing_ok: bool = False) -> None:
        nonlocal left
        real(path, missing_ok)
        left -= answered.path in path.parents
        if left == 0:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", dying)
        work = search(tmp_path)
        with pytest.raises(Killed):
            work.next()
    found = begin(search(tmp_path))
    assert found.path == answered.path
    assert end(found).state() is State.FINISHED
