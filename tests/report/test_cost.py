"""What trainings cost: hours, images, operations, and energy where it is known."""

import json
from pathlib import Path

import pytest

from fer_exp.records import Outcome, State
from fer_exp.report.contents import read_campaign
from fer_exp.report.cost import cost_of
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
