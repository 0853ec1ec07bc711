"""What trainings cost: hours, images, operations, and energy where it is known."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fer_exp.records import Epoch, Outcome, RecordContents, State
from fer_exp.report.contents import read_campaign
from fer_exp.report.cost import cost_of, cost_to
from fer_exp.report.flops import told, training_flops
from fer_exp.report.write import write_report
from fer_exp.system.home import Home
from tests.made_records import made_campaign, made_campaign_spec, made_record, made_scores
from tests.reported import NAME, section


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_what_another_record_answered_costs_nothing(home: Home) -> None:
    folder = home.campaign(NAME)
    made_campaign(folder, 1)
    before = cost_of(made_campaign_spec(), read_campaign(home, NAME).records)
    record = made_record(folder / "trials", 2, made_scores(0.6), values={"learning_rate": 0.003}, state=None)
    record.end(Outcome(state=State.FINISHED, answered_by="other/trials/0001"))
    after = cost_of(made_campaign_spec(), read_campaign(home, NAME).records)
    assert after.answered == 1
    assert (after.seconds, after.images, after.flops) == (before.seconds, before.images, before.flops)
    assert before.images == 2 * 12 * sum(made_campaign_spec().data.train_counts)
    assert before.joules is None


def test_energy_is_told_where_every_training_states_it(home: Home) -> None:
    folder = home.campaign(NAME)
    made_campaign(folder, 1)
    (folder / "trials" / "0000" / "provenance.json").write_text(json.dumps({"energy_joules": 3.6e6}))
    assert cost_of(made_campaign_spec(), read_campaign(home, NAME).records).joules is None
    (folder / "trials" / "0001" / "provenance.json").write_text(json.dumps({"energy_joules": 7.2e6}))
    assert "3 kWh" in section(write_report(home, NAME).read_text(), "cost").text


def courses(home: Home, *accuracies: list[float]) -> list[RecordContents]:
    """Trainings with these accuracies on validation, 100 s an epoch, on a machine of two processors."""
    folder = home.campaign(NAME)
    made_campaign(folder, len(accuracies) - 1)
    read = list(read_campaign(home, NAME).records)
    for one in read:
        about = {"cores": 2, "device": "cpu:0", "train_counts_after": [100] * 7}
        (one.record.path / "provenance.json").write_text(json.dumps(about))
    return [
        replace(one, history=tuple(replace_row(one, at, value) for at, value in enumerate(values)))
        for one, values in zip(read, accuracies, strict=True)
    ]


def replace_row(one: RecordContents, at: int, accuracy: float) -> Epoch:
    return one.history[at].model_copy(update={"val_accuracy": accuracy, "seconds": 100.0})


def test_what_a_level_took_is_told_of_the_last_twenty_percent(home: Home) -> None:
    spec = made_campaign_spec()
    quick, slow = courses(home, [0.09, 0.312, 0.30, 0.35], [0.09, 0.11, 0.21, 0.302])
    found = cost_to(spec, [quick, slow])
    assert [(one.level, one.seeds, one.of) for one in found] == [
        (20, 2, 2), (25, 2, 2), (30, 2, 2), (31, 1, 2), (32, 1, 2), (33, 1, 2), (34, 1, 2), (35, 1, 2),
    ]  # fmt: skip
    thirty = found[2]
    assert (thirty.epoch, thirty.seconds, thirty.processor_seconds) == (3, 300, 600)
    validated = sum(spec.data.validation_counts)
    epochs = [training_flops(one.spec.recipe, spec.data.form, 700, validated) for one in (quick, slow)]
    assert thirty.flops == (2 * epochs[0] + 4 * epochs[1]) / 2
    assert [one.epoch for one in found[-5:]] == [2, 4, 4, 4, 4]


def test_a_gpu_has_no_processor_hours_and_no_epoch_no_levels(home: Home) -> None:
    (one,) = courses(home, [0.2, 0.3])
    assert cost_to(made_campaign_spec(), [replace(one, history=())]) == ()
    (one.record.path / "provenance.json").write_text(json.dumps({"cores": 2, "device": "gpu:0"}))
    assert {found.processor_seconds for found in cost_to(made_campaign_spec(), [one])} == {None}


def test_the_report_says_what_its_winner_took(home: Home) -> None:
    made_campaign(home.campaign(NAME), 1)
    winner = read_campaign(home, NAME).winner
    assert winner is not None
    *_, last = cost_to(made_campaign_spec(), winner.trainings)
    text = section(write_report(home, NAME).read_text(), "cost").text
    assert "What it took to reach an accuracy" in text
    assert f"{last.level} %" in text
    assert told(last.flops) in text
