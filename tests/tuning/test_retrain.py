"""Training the best recipe again: which trial, which seeds, which folder, and what is left to do."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from fer_exp.campaign import CampaignSpec, Direction, Objective
from fer_exp.data.split.info import DataInfo
from fer_exp.data.split.prepare import Development, prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.execute.dispatch import Next
from fer_exp.recipe import Order, baseline_recipe
from fer_exp.records import DATA, START_MODEL, Kind, Outcome, Record, State
from fer_exp.system.errors import BadInput, NotFound
from fer_exp.tuning.retrain import Repeat, RetrainWork, choose, refuse_other_network, to_register
from tests.made_records import made_campaign_spec, made_record, made_scores

SEED = made_campaign_spec().settings.seed


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def development(cache: Path, limit: int = 70) -> Development:
    return prepare("demo", protocol=Protocol.OFFICIAL, seed=1, limit=limit, cache=cache)


@pytest.fixture
def campaign(cache: Path) -> CampaignSpec:
    return made_campaign_spec().model_copy(update={"data": development(cache).info})


@pytest.fixture
def repeat(tmp_path: Path, cache: Path, campaign: CampaignSpec) -> Repeat:
    trial = made_record(tmp_path / "trials", 3, made_scores(0.66), values={"learning_rate": 0.003})
    return Repeat(campaign, trial, seeds=3, epochs=12, development=development(cache))


# -- which trial


def test_the_best_finished_trial_is_chosen_or_the_one_asked_for(tmp_path: Path) -> None:
    for number, accuracy in enumerate((0.60, 0.66, 0.63)):
        made_record(tmp_path / "trials", number, made_scores(accuracy))
    made_record(tmp_path / "trials", 3, made_scores(0.9), state=State.FAILED)
    spec = made_campaign_spec()
    assert choose(tmp_path, spec, None).spec().number == 1
    assert choose(tmp_path, spec, 0).spec().kind is Kind.BASELINE
    assert choose(tmp_path, spec, 2).spec().number == 2


def test_the_best_is_that_of_the_campaigns_own_objective(tmp_path: Path) -> None:
    made_record(tmp_path / "trials", 1, {**made_scores(0.60), "val/log_loss": 0.9})
    made_record(tmp_path / "trials", 2, {**made_scores(0.66), "val/log_loss": 1.1})
    lowest = made_campaign_spec(objective=Objective(metric="val/log_loss", direction=Direction.MIN))
    assert choose(tmp_path, lowest, None).spec().number == 1


@pytest.mark.parametrize("number", [3, 4, 9])
def test_a_trial_that_failed_or_runs_or_is_absent_is_refused_with_those_that_finished(
    tmp_path: Path, number: int
) -> None:
    made_record(tmp_path / "trials", 1, made_scores(0.6))
    made_record(tmp_path / "trials", 3, state=State.FAILED)
    made_record(tmp_path / "trials", 4, state=None)
    with pytest.raises(NotFound, match=f"received {number}; finished are 1"):
        choose(tmp_path, made_campaign_spec(), number)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_campaign_without_a_finite_objective_has_nothing_to_train_again(tmp_path: Path, value: float) -> None:
    made_record(tmp_path / "trials", 1, {**made_scores(0.6), "val/accuracy": value})
    made_record(tmp_path / "trials", 2, state=None)
    with pytest.raises(NotFound, match="no finished trial with a finite val/accuracy"):
        choose(tmp_path, made_campaign_spec(), None)


# -- what is trained


def handed_out(work: RetrainWork) -> list[Record]:
    records = []
    while isinstance(record := work.next(), Record):
        records.append(record)
    assert work.next() is Next.DONE
    return records


def test_every_seed_is_fresh_and_all_else_is_the_trials(tmp_path: Path, repeat: Repeat) -> None:
    specs = [record.spec() for record in handed_out(RetrainWork(tmp_path, repeat))]
    assert [spec.seed for spec in specs] == [SEED + 1, SEED + 2, SEED + 3]
    assert repeat.trial.spec().seed not in [spec.seed for spec in specs]
    for spec in specs:
        assert (spec.kind, spec.number, spec.epochs, spec.horizon) == (Kind.RETRAIN, 3, 12, 12)
        assert spec.recipe == repeat.trial.spec().recipe
        assert spec.values == repeat.trial.spec().values


def test_seeds_that_have_ended_are_not_trained_again_and_more_may_follow(tmp_path: Path, repeat: Repeat) -> None:
    first, *_ = handed_out(RetrainWork(tmp_path, repeat))
    first.end(Outcome(state=State.FINISHED))
    again = RetrainWork(tmp_path, replace(repeat, seeds=4))
    assert [record.spec().seed for record in handed_out(again)] == [SEED + 2, SEED + 3, SEED + 4]
    assert len(again.records()) == 4
    assert (again.planned, again.planned_epochs) == (4, 48)


def test_retrainings_that_differ_in_anything_stand_beside_each_other(
    tmp_path: Path, cache: Path, repeat: Repeat
) -> None:
    start = tmp_path / "start.keras"
    start.write_bytes(b"weights")
    longer, smaller = replace(repeat, epochs=13), replace(repeat, development=development(cache, limit=140))
    kinds = [repeat, longer, smaller, replace(repeat, start=start)]
    names = [record.path.name for kind in kinds for record in RetrainWork(tmp_path, kind).records()]
    assert len(set(names)) == len(names) == 12
    assert names[0] == f"0003-seed{SEED + 1}-12e"


def test_a_retraining_on_other_images_says_which(tmp_path: Path, cache: Path, repeat: Repeat) -> None:
    other = development(cache, limit=140)
    record = RetrainWork(tmp_path, replace(repeat, development=other)).records()[0]
    assert DataInfo.read(record.path / DATA) == other.info
    assert record.spec().split_digest == other.info.split_digest
    assert not (RetrainWork(tmp_path, repeat).records()[0].path / DATA).exists()


def test_a_start_from_weights_keeps_them_in_the_record(tmp_path: Path, repeat: Repeat) -> None:
    start = tmp_path / "champion.keras"
    start.write_bytes(b"weights")
    record = RetrainWork(tmp_path, replace(repeat, start=start)).records()[0]
    start.unlink()
    assert (record.path / START_MODEL).read_bytes() == b"weights"
    assert record.spec().start_from is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("widths", (32, 64)),
        ("convs_per_block", 1),
        ("last_width", 0),
        ("head_widths", (64, 64)),
        ("order", Order.NORM_FIRST),
    ],
)
def test_weights_are_refused_by_another_network(field: str, value: object) -> None:
    with pytest.raises(BadInput, match=f"differs in {field}: "):
        refuse_other_network(baseline_recipe(), baseline_recipe().but(**{field: value}))


def test_weights_fit_a_recipe_that_differs_in_training_alone() -> None:
    refuse_other_network(baseline_recipe(), baseline_recipe().but(learning_rate=0.1, block_dropout=0.0, clahe=False))


# -- which is handed over


def test_the_seed_with_the_best_validation_is_handed_over(tmp_path: Path) -> None:
    records = [made_record(tmp_path, number, made_scores(0.6 + number / 100)) for number in (1, 3, 2)]
    assert to_register(records, made_campaign_spec()).path.name == "0003"


def test_where_every_seed_failed_nothing_is_handed_over(tmp_path: Path) -> None:
    records = [made_record(tmp_path, number, state=State.FAILED) for number in (1, 2)]
    with pytest.raises(NotFound, match="no retraining of campaign 'made' finished") as refusal:
        to_register(records, made_campaign_spec())
    assert "trained again" in refusal.value.remedy
