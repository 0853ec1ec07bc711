"""A record is trained again beside itself; what differs is told, and whether it comes out equal.

Trials are fake; tests/test_end_to_end.py reproduces a real training.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_exp.campaign import CampaignSpec
from fer_exp.execute.progress import Silence
from fer_exp.records import START_MODEL, Predictions, Record
from fer_exp.system.errors import BadData, BadRecord, NotFound
from fer_exp.system.files import write_atomically
from fer_exp.system.home import Home
from fer_exp.system.provenance import collect
from fer_exp.tuning.reproduce import Reproduction, compare_with, differences, finished_record, name_of, run_reproduction
from fer_exp.tuning.run import Conditions
from fer_exp.tuning.values import DataChoice
from tests.commands import call, done, quick_trials, refused, write_campaign
from tests.fake_trials import train_fake
from tests.toy_search import campaign, run


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    run(home, campaign(max_trials=2))
    return home


def trial(home: Home, number: int = 1, name: str = "toy") -> Record:
    return Record(home.campaign(name) / "trials" / f"{number:04d}")


def again(home: Home, record: Record, data: str = "demo") -> Reproduction:
    spec = CampaignSpec.read(record.path.parents[1] / "campaign.json")
    conditions = Conditions(home, Silence(), tracking=False, entry=train_fake)
    _, found = run_reproduction(spec, record, DataChoice(data), conditions)
    assert found is not None
    return found


def said(shift: int = 0, images: int = 200) -> Predictions:
    """Predictions that are right but for the images from `shift` on, twenty of them."""
    labels = np.arange(images, dtype=np.uint8) % 7
    guessed = labels.copy()
    guessed[shift : shift + 20] = (guessed[shift : shift + 20] + 1) % 7
    return Predictions(labels, np.eye(7, dtype=np.float32)[guessed], np.arange(images))


def test_what_comes_out_equal_is_called_equal_and_lies_beside_the_first(home: Home) -> None:
    before = (trial(home).path / "outcome.json").read_bytes()
    found = again(home, trial(home))
    assert found.equal
    assert found.again.path == home.campaign("toy-reproduction") / "trials" / "0001"
    assert found.again.spec().recipe == trial(home).spec().recipe
    outcome = found.again.outcome()
    assert outcome is not None
    assert outcome.answered_by == ""  # trained, and not answered by the record in question
    assert (trial(home).path / "outcome.json").read_bytes() == before


def test_the_same_command_again_trains_nothing(home: Home) -> None:
    first = again(home, trial(home)).again.outcome()
    assert again(home, trial(home)).again.outcome() == first
    assert again(home, trial(home, 2)).again.path.name == "0002"


def test_what_does_not_come_out_equal_is_measured(home: Home) -> None:
    found = again(home, trial(home))
    found.recorded.write_predictions(said())
    found.again.write_predictions(said(10))
    other = compare_with(found.recorded, found.again)
    assert not other.equal
    assert other.first_other_epoch is None
    assert (other.images, other.labels_changed, other.largest_gap) == (200, 20, 1.0)
    assert other.comparison is not None
    assert other.comparison.judgement.of("accuracy").difference == 0.0


def test_the_first_epoch_that_differs_is_named_whatever_time_it_took(home: Home) -> None:
    found = again(home, trial(home))
    path = found.recorded.path / "history.jsonl"
    history = found.recorded.history()
    slower = [epoch.model_copy(update={"seconds": 99.0, "images_per_second": 1.0}) for epoch in history]
    path.write_text("".join(f"{epoch.sealed()}\n" for epoch in slower))
    assert compare_with(found.recorded, found.again).equal
    slower[1] = slower[1].model_copy(update={"train_loss": 0.123})
    path.write_text("".join(f"{epoch.sealed()}\n" for epoch in slower))
    assert compare_with(found.recorded, found.again).first_other_epoch == 2


def test_other_data_are_refused(home: Home) -> None:
    record = trial(home)
    spec = CampaignSpec.read(record.path.parents[1] / "campaign.json")
    other = spec.model_copy(update={"data": spec.data.model_copy(update={"data_digest": "0" * 16})})
    with pytest.raises(BadData, match="expected the data of toy"):
        run_reproduction(other, record, DataChoice("demo"), Conditions(home, Silence(), tracking=False))
    assert not home.campaign("toy-reproduction").exists()


def test_what_has_not_finished_cannot_be_reproduced(home: Home) -> None:
    with pytest.raises(NotFound, match="expected a training that finished"):
        finished_record(Record(home.campaign("toy") / "trials" / "0009"))


def test_a_training_from_weights_that_are_gone_is_refused(home: Home) -> None:
    record = trial(home)
    changed = record.spec().model_copy(update={"start_from": "0" * 64})
    (record.path / "trial.json").write_text(changed.sealed(indent=1))
    with pytest.raises(BadRecord, match=START_MODEL):
        again(home, record)
    assert not trial(home, name="toy-reproduction").exists()


def test_what_differs_is_told_with_then_and_now(home: Home) -> None:
    record = trial(home)
    facts = collect()
    write_atomically(record.path / "provenance.json", json.dumps(facts))
    assert differences(record) == []
    write_atomically(
        record.path / "provenance.json", json.dumps(facts | {"version.keras": "1.0", "processor": "abacus"})
    )
    found = {one.what: (one.then, one.now) for one in differences(record)}
    assert found == {
        "keras": ("1.0", facts["version.keras"]),
        "processor": ("abacus", str(facts["processor"])),
    }
    outcome = record.outcome()
    assert outcome is not None
    other = outcome.model_copy(update={"trained_with": "training 0, keras 1, cpu"})
    write_atomically(record.path / "outcome.json", other.sealed())
    assert "trained with" in {one.what for one in differences(record)}


def test_a_long_name_stays_one() -> None:
    assert name_of("a" * 80) == "a" * 67 + "-reproduction"


def test_the_command_says_what_differs_and_how_it_came_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_EXP_HOME", str(tmp_path / "home"))
    quick_trials(monkeypatch)
    done("search", write_campaign(tmp_path), "--no-tracking")
    told = done("reproduce", "tiny/trials/1", "--no-tracking")
    assert "Equal: all numbers of 2 epochs" in told
    record = Record(tmp_path / "home" / "campaigns" / "tiny" / "trials" / "0001")
    known = record.predictions()
    record.write_predictions(replace(known, probabilities=np.eye(7, dtype=np.float32)[known.labels]))
    failed = call("reproduce", "tiny/trials/1", "--no-tracking", "--fail-if-not-equal")
    assert failed.exit_code == 3
    assert "Not equal: all 2 epochs are equal; " in failed.stdout
    problem, remedy = refused("reproduce", "tiny")
    assert "expected one record, received 'tiny'" in problem
    assert "tiny/trials/" in remedy
