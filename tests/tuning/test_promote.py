"""Which retrained model becomes the champion, with MLflow's own registry on SQLite."""

import json
import shutil
from multiprocessing import Pipe

import numpy as np
import pytest
from mlflow.entities import Run

from fer_exp.campaign import AT_REST, CampaignSpec
from fer_exp.data.split.protocol import Protocol
from fer_exp.records import Kind, Predictions, Record
from fer_exp.system.errors import BadRecord, NotFound
from fer_exp.system.files import write_atomically
from fer_exp.system.home import Home
from fer_exp.tracking import champion, find_model, find_run
from fer_exp.tracking.follower import _Follower
from fer_exp.tuning.promote import Promotion, promote
from fer_exp.tuning.retrain import champion_model
from tests.tracked import NAME, all_runs, begin, begin_campaign, finish

IMAGES = 2000


@pytest.fixture
def begun(mlflow_home: Home) -> Home:
    begin_campaign(mlflow_home)
    return mlflow_home


def spec_of(home: Home) -> CampaignSpec:
    return CampaignSpec.read(home.campaign(NAME) / "campaign.json")


def said(accuracy: float, shift: int = 0) -> Predictions:
    """What a model says that recognises a share of 2,000 faces: those that follow face number `shift`."""
    labels = np.zeros(IMAGES, np.uint8)
    right = (np.arange(IMAGES) - shift) % IMAGES < accuracy * IMAGES
    return Predictions(labels, np.eye(7, dtype=np.float32)[np.where(right, 0, 1)], np.arange(IMAGES))


def retrained(
    home: Home, number: int, accuracy: float, *, seed: int | None = None, shift: int = 0, model: bytes | None = None
) -> Record:
    """A finished seed of a retrain; each seed has a folder of its own."""
    record = begin(home, number, kind=Kind.RETRAIN, seed=seed or number)
    if seed is not None:
        record.path.rename(record.path.with_name(f"{number:04d}-seed{seed}-12e"))
        record = Record(record.path.with_name(f"{number:04d}-seed{seed}-12e"))
    finish(record, accuracy, model=model or f"model {number} {seed}".encode())
    record.write_predictions(said(accuracy, shift))
    return record


def handed(home: Home, number: int, accuracy: float, *, replace: bool = False, shift: int = 0) -> Promotion:
    return promote(home, spec_of(home), retrained(home, number, accuracy, shift=shift), replace=replace)


def champion_of(home: Home) -> int | None:
    present = champion(home, NAME)
    return None if present is None else present.version


def test_the_first_version_becomes_champion(begun: Home) -> None:
    done = handed(begun, 1, 0.60)
    assert (done.name, done.version, done.is_champion, done.reason) == (NAME, 1, True, "the first version")
    assert champion_of(begun) == 1
    assert {run.info.status for run in all_runs(begun)} == {"FINISHED"}


def test_a_better_version_takes_its_place_and_a_worse_one_does_not(begun: Home) -> None:
    handed(begun, 1, 0.60)
    worse = handed(begun, 2, 0.55)
    assert (worse.version, worse.is_champion) == (2, False)
    assert worse.reason.startswith("worse: val/accuracy 55.00 % (mean over 1 seed) against 60.00 % (mean over 1 seed)")
    assert "--replace-champion" in worse.reason
    assert champion_of(begun) == 1
    better = handed(begun, 3, 0.65)
    assert (better.version, better.is_champion) == (3, True)
    assert better.reason.startswith("better: val/accuracy 65.00 %")
    assert champion_of(begun) == 3


@pytest.mark.parametrize("accuracy", [0.60, 0.605])
def test_a_version_that_is_not_shown_to_be_better_leaves_the_champion_in_place(begun: Home, accuracy: float) -> None:
    handed(begun, 1, 0.60)
    kept = handed(begun, 2, accuracy, shift=400)
    assert not kept.is_champion
    assert kept.reason.startswith(f"not shown to be better: val/accuracy {100 * accuracy:.2f} %")
    assert champion_of(begun) == 1


def test_seeds_are_judged_by_their_mean_and_not_by_the_luckiest(begun: Home) -> None:
    handed(begun, 1, 0.60)
    seeds = [retrained(begun, 2, 0.57 + 0.01 * seed, seed=seed, shift=200 * seed) for seed in range(1, 7)]
    kept = promote(begun, spec_of(begun), seeds[-1], seeds=seeds, replace=False)
    assert (kept.version, kept.is_champion) == (2, False)
    assert "60.50 % (mean over 6 seeds) against 60.00 % (mean over 1 seed)" in kept.reason
    assert champion_of(begun) == 1


def test_more_seeds_of_the_champions_own_retrain_do_not_move_it(begun: Home) -> None:
    first = retrained(begun, 2, 0.60, seed=1)
    promote(begun, spec_of(begun), first, replace=False)
    lucky = retrained(begun, 2, 0.70, seed=2)
    kept = promote(begun, spec_of(begun), lucky, seeds=[first, lucky], replace=False)
    assert "of the same recipe, budget and data" in kept.reason
    assert champion_of(begun) == 1


def test_a_champion_of_a_deleted_campaign_of_this_name_is_not_displaced_unasked(begun: Home) -> None:
    handed(begun, 1, 0.60)
    start_anew(begun)
    kept = handed(begun, 2, 0.90)
    assert not kept.is_champion
    assert "an earlier campaign of this name" in kept.reason
    assert champion_of(begun) == 1


def start_anew(home: Home) -> None:
    """Deletes the campaign, and starts another one under its name."""
    again = spec_of(home).model_copy(update={"identity": "another"})
    shutil.rmtree(home.campaign(NAME))
    write_atomically(home.campaign(NAME) / "campaign.json", again.to_json())


def test_a_run_of_a_deleted_campaign_does_not_lead_to_todays_record(begun: Home) -> None:
    """Record and number are the same; what stands there now is another training."""
    version = handed(begun, 1, 0.60)
    start_anew(begun)
    retrained(begun, 1, 0.50)
    refused = r"an earlier campaign called 'made' \(identity .*which is not recorded here"
    with pytest.raises(NotFound, match=refused):
        find_run(begun, version.run_id)
    for uri in (f"models:/{NAME}@champion", f"models:/{NAME}/1"):
        with pytest.raises(NotFound, match=refused):
            find_model(begun, uri)
    with pytest.raises(NotFound, match="--recover: the champion, version 1, is of an earlier campaign"):
        champion_model(begun, spec_of(begun), Record(begun.campaign(NAME) / "retrains" / "0001"))


def test_a_worse_version_becomes_champion_where_that_was_asked(begun: Home) -> None:
    handed(begun, 1, 0.60)
    asked = handed(begun, 2, 0.55, replace=True)
    assert asked.is_champion
    assert asked.reason.startswith("as asked, although worse")
    assert champion_of(begun) == 2


def test_the_same_model_again_is_the_same_version(begun: Home) -> None:
    record = retrained(begun, 1, 0.60)
    first = promote(begun, spec_of(begun), record, replace=False)
    again = promote(begun, spec_of(begun), record, replace=False)
    assert (again.version, again.is_champion, again.reason) == (first.version, True, "it was already")


@pytest.mark.parametrize("change", [{"data_digest": "f" * 16}, {"protocol": Protocol.STRATIFIED}])
def test_a_champion_on_other_data_is_not_displaced_unless_asked(begun: Home, change: dict[str, object]) -> None:
    handed(begun, 1, 0.60)
    spec = spec_of(begun)
    moved = spec.model_copy(update={"data": spec.data.model_copy(update=change)})
    write_atomically(begun.campaign(NAME) / "campaign.json", moved.to_json())
    kept = handed(begun, 2, 0.90)
    assert not kept.is_champion
    assert "cannot be compared" in kept.reason
    assert champion_of(begun) == 1
    assert handed(begun, 3, 0.90, replace=True).is_champion
    assert champion_of(begun) == 3


def test_a_record_without_a_model_is_not_handed_over(begun: Home) -> None:
    record = finish(begin(begun, 1, kind=Kind.RETRAIN), model=None)
    with pytest.raises(NotFound, match="has no model"):
        promote(begun, spec_of(begun), record, replace=False)
    assert champion_of(begun) is None


def test_a_damaged_record_is_not_handed_over(begun: Home) -> None:
    record = retrained(begun, 1, 0.60)
    (record.path / "trial.json").write_text("{")
    with pytest.raises(BadRecord):
        promote(begun, spec_of(begun), record, replace=False)
    assert champion_of(begun) is None


@pytest.mark.parametrize(("finished", "status"), [(False, "KILLED"), (True, "FINISHED")])
def test_a_campaign_that_was_interrupted_stays_so_after_a_retrain(begun: Home, finished: bool, status: str) -> None:
    write_atomically(begun.campaign(NAME) / "state.json", json.dumps({"finished": finished}))
    handed(begun, 1, 0.60)
    assert campaign_run(begun).info.status == status
    line, _ = Pipe()
    _Follower(begun, NAME, line)._finish(AT_REST)
    assert campaign_run(begun).info.status == status


def campaign_run(home: Home) -> Run:
    return next(run for run in all_runs(home) if run.data.tags["fer_exp.kind"] == "campaign")
