"""Which retrained model becomes the champion, with MLflow's own registry on SQLite."""

import pytest

from fer_exp.campaign import CampaignSpec
from fer_exp.data.protocol import Protocol
from fer_exp.errors import BadRecord, NotFound
from fer_exp.files import write_atomically
from fer_exp.home import Home
from fer_exp.records import Kind, Record
from fer_exp.search.handover import Handover, hand_over
from fer_exp.tracking import champion
from tests.tracked import NAME, all_runs, begin, begin_campaign, finish


@pytest.fixture
def begun(mlflow_home: Home) -> Home:
    begin_campaign(mlflow_home)
    return mlflow_home


def spec_of(home: Home) -> CampaignSpec:
    return CampaignSpec.read(home.campaign(NAME) / "campaign.json")


def retrained(home: Home, number: int, accuracy: float) -> Record:
    record = begin(home, number, kind=Kind.RETRAIN, seed=number)
    return finish(record, accuracy, model=f"model {number}".encode())


def handed(home: Home, number: int, accuracy: float, *, replace: bool = False) -> Handover:
    return hand_over(home, spec_of(home), retrained(home, number, accuracy), replace=replace)


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
    assert worse.reason.startswith("worse: val/accuracy 0.55")
    assert champion_of(begun) == 1
    better = handed(begun, 3, 0.65)
    assert (better.version, better.is_champion) == (3, True)
    assert better.reason.startswith("not worse: val/accuracy 0.65")
    assert champion_of(begun) == 3


def test_an_equal_version_takes_its_place(begun: Home) -> None:
    handed(begun, 1, 0.60)
    assert handed(begun, 2, 0.60).is_champion
    assert champion_of(begun) == 2


def test_a_worse_version_becomes_champion_where_that_was_asked(begun: Home) -> None:
    handed(begun, 1, 0.60)
    asked = handed(begun, 2, 0.55, replace=True)
    assert asked.is_champion
    assert asked.reason.startswith("as asked, although worse")
    assert champion_of(begun) == 2


def test_the_same_model_again_is_the_same_version(begun: Home) -> None:
    record = retrained(begun, 1, 0.60)
    first = hand_over(begun, spec_of(begun), record, replace=False)
    again = hand_over(begun, spec_of(begun), record, replace=False)
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
        hand_over(begun, spec_of(begun), record, replace=False)
    assert champion_of(begun) is None


def test_a_damaged_record_is_not_handed_over(begun: Home) -> None:
    record = retrained(begun, 1, 0.60)
    (record.path / "trial.json").write_text("{")
    with pytest.raises(BadRecord):
        hand_over(begun, spec_of(begun), record, replace=False)
    assert champion_of(begun) is None
