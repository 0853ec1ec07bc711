"""The model card says what a model is for, how well it does, and what it is not for; MLflow shows the same."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from statsmodels.stats.proportion import proportion_confint

from fer_exp.campaign import CampaignSpec
from fer_exp.doctor.findings import Code
from fer_exp.doctor.visit import examine, mend
from fer_exp.model_card import CARD, DESCRIPTION, card_record, description, is_untouched, model_card
from fer_exp.records import Kind, Record
from fer_exp.records.handovers import Handover, note_handover
from fer_exp.system.files import write_atomically
from fer_exp.system.home import Home
from fer_exp.tracking import register, sync
from tests import reported
from tests.made_records import made_campaign_spec
from tests.tracked import NAME, artifacts_of, begin, begin_campaign, client_of, finish, run_of


@pytest.fixture
def record(tmp_path: Path) -> Record:
    folder = reported.campaign(Home(tmp_path), 1)
    return reported.retrain(folder, 1, 2, Record(folder / "trials" / "0001").spec().recipe)


def front_of(card: str) -> dict[str, Any]:
    """The fields in front."""
    _, front, _ = card.split("---\n", 2)
    found = yaml.safe_load(front)
    assert isinstance(found, dict)
    return found


def test_the_fields_in_front_are_hugging_faces(record: Record) -> None:
    record.write_scores({"test/accuracy": 0.61, "test/macro_f1": 0.6, "test/images": 3589.0}, "test/scores.json")
    front = front_of(model_card(made_campaign_spec(), record))
    assert front["license"] == "unknown"
    assert front["library_name"] == "keras"
    assert front["datasets"] == ["fer2013-csv"]
    (model,) = front["model-index"]
    assert model["name"] == "made"
    assert [result["dataset"]["split"] for result in model["results"]] == ["validation", "test"]
    accuracy = next(metric for metric in model["results"][1]["metrics"] if metric["type"] == "accuracy")
    assert accuracy["value"] == 0.61


def test_a_card_says_what_the_model_is_not_for_and_how_far_its_figures_go(record: Record) -> None:
    card = model_card(made_campaign_spec(), record)
    assert "not what a person feels" in card
    assert "Article 5(1)(f)" in card
    assert "The test part has not been opened for this model." in card
    low, high = proportion_confint(round(0.66 * 3589), 3589, method="wilson")
    assert f"| {100 * low:.2f} to {100 * high:.2f} % |" in card
    assert "the licence of the data is not recorded" in card
    assert "| Disgust | " in card


def test_names_of_any_kind_leave_the_fields_whole(record: Record) -> None:
    spec = made_campaign_spec()
    odd = spec.model_copy(update={"data": spec.data.model_copy(update={"source": 'a "b": c\n---\nd'})})
    front = front_of(model_card(odd, record))
    assert front["datasets"] == ["a-b-c-d"]


def test_a_description_fits_mlflows_store_and_ends_between_sections(record: Record) -> None:
    spec = made_campaign_spec()
    short = description(spec, record)
    assert short.startswith("# made")
    assert len(short) <= DESCRIPTION
    long = description(spec.model_copy(update={"question": "Why? " * 700}), record)
    assert len(long) <= DESCRIPTION
    assert f"The whole card is the artifact `campaign/{CARD}`" in long
    assert is_untouched(short)
    assert is_untouched(long)
    assert not is_untouched(short.replace("made", "mine", 1))
    assert not is_untouched("")


def test_the_card_is_the_champions_else_the_best_retrains_else_the_best_trials(record: Record) -> None:
    folder, spec = record.path.parents[1], made_campaign_spec()
    assert card_record(folder, spec) == record
    about = {"version": 1, "metric": "val/accuracy", "value": 0.6, "champion": True, "reason": "first"}
    note_handover(folder, Handover.model_validate({"time_ms": 1, "record": "trials/0000", **about}))
    assert card_record(folder, spec) == Record(folder / "trials" / "0000")


@pytest.fixture
def registered(mlflow_home: Home) -> Record:
    begin_campaign(mlflow_home)
    record = finish(begin(mlflow_home, 1, kind=Kind.RETRAIN))
    register(mlflow_home, NAME, record)
    return record


def about(home: Home) -> str:
    return client_of(home).get_model_version(NAME, "1").description or ""


def spec_of(home: Home) -> CampaignSpec:
    return CampaignSpec.read(home.campaign(NAME) / "campaign.json")


def test_a_versions_description_follows_its_record(mlflow_home: Home, registered: Record) -> None:
    assert about(mlflow_home) == description(spec_of(mlflow_home), registered)
    sync(mlflow_home, NAME)
    assert not examine(mlflow_home, [NAME], tracking=True).left
    registered.write_scores({"test/accuracy": 0.61, "test/images": 3589.0}, "test/scores.json")
    assert Code.CARD_OUTDATED in {found.code for found in examine(mlflow_home, [NAME], tracking=True).left}
    assert not mend(mlflow_home, [NAME], tracking=True).left
    assert "61.00 %" in about(mlflow_home)
    assert sync(mlflow_home, NAME).cards == 0


def test_a_description_that_a_person_has_changed_stays(mlflow_home: Home, registered: Record) -> None:
    client_of(mlflow_home).update_model_version(NAME, "1", description="Mine.")
    registered.write_scores({"test/accuracy": 0.61, "test/images": 3589.0}, "test/scores.json")
    assert sync(mlflow_home, NAME).cards == 0
    assert about(mlflow_home) == "Mine."
    assert not examine(mlflow_home, [NAME], tracking=True).left


def test_report_and_card_are_artifacts_of_the_campaigns_run(mlflow_home: Home, registered: Record) -> None:
    folder = registered.path.parents[1]
    write_atomically(folder / "report.html", "<p>")
    write_atomically(folder / CARD, "card")
    sync(mlflow_home, NAME)
    assert {"campaign/report.html", f"campaign/{CARD}"} <= artifacts_of(mlflow_home, run_of(mlflow_home, NAME))
