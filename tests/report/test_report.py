"""A report holds every part in order, and says of each that is missing why it is."""

import base64
import io
import os
import random
import re
from pathlib import Path

import pytest
from PIL import Image

from fer_exp.campaign import Direction, Objective, fingerprint
from fer_exp.data.split.protocol import Protocol
from fer_exp.holdout.ledger import Opening, write_down
from fer_exp.leaderboard.importance import Importance
from fer_exp.recipe import baseline_recipe
from fer_exp.records import Record
from fer_exp.report import contents as contents_module
from fer_exp.report.contents import read_campaign, story_of
from fer_exp.report.sections import course
from fer_exp.report.write import SECTIONS, write_report
from fer_exp.summary import summarise
from fer_exp.system.errors import NotFound
from fer_exp.system.home import Home
from tests import reported
from tests.made_records import made_campaign, made_campaign_spec, made_record, made_scores
from tests.reported import NAME, elements, section


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def made(home: Home) -> str:
    return write_report(home, NAME).read_text()


def test_every_part_is_there_in_order_and_none_failed(home: Home) -> None:
    folder = reported.campaign(home)
    reported.faces_in_cache(home, folder)
    html = made(home)
    assert [one.attributes["id"] for one in elements(html) if one.tag == "section"] == [name for name, _, _ in SECTIONS]
    assert "could not be made" not in html


def test_without_predictions_each_part_says_why_it_is_missing(home: Home) -> None:
    made_campaign(home.campaign(NAME), 5)
    html = made(home)
    assert "could not be made" not in html
    for name in ("verdict", "confusion", "classes", "slices", "calibration", "mistakes", "overtuning"):
        assert "Not here: " in section(html, name).text, name
    assert "the campaign's file made.py is not here any more" in section(html, "question").text


def test_a_campaign_that_has_just_begun_has_a_report(home: Home) -> None:
    folder = home.campaign(NAME)
    (folder / "trials").mkdir(parents=True)
    (folder / "campaign.json").write_text(made_campaign_spec().sealed(indent=1))
    html = made(home)
    assert "could not be made" not in html
    assert "no trial has begun" in section(html, "leaderboard").text
    assert "nothing was trained" in section(html, "cost").text


def test_an_unknown_campaign_is_named(home: Home) -> None:
    with pytest.raises(NotFound, match="no campaign 'nix'"):
        write_report(home, "nix")


def test_the_verdict_is_one_sentence_with_its_interval(home: Home) -> None:
    reported.campaign(home)
    html = made(home)
    lead = next(one.text for one in elements(html) if one.attributes.get("class", "").startswith("answer"))
    assert re.fullmatch(
        r"(Better|Worse|Not shown to be better): the trial \d is \d+\.\d\d points of accuracy (above|below) the "
        r"baseline, "
        r"(and|but) the 95 % interval reaches from [+-]\d+\.\d\d to [+-]\d+\.\d\d points\.",
        lead,
    )
    assert lead in section(html, "verdict").text


def test_retrains_are_what_the_verdict_is_about_where_there_are_any(home: Home) -> None:
    folder = reported.campaign(home)
    recipe = Record(folder / "trials" / "0003").spec().recipe
    for number, of in ((3, recipe), (0, baseline_recipe())):
        for seed in (2, 3):
            reported.retrain(folder, number, seed, of)
    text = section(made(home), "verdict").text
    assert "the retrain of trial 3 (2 seeds)" in text
    assert "the retrain of the baseline (2 seeds)" in text
    assert "allows for other images of this kind and for other seeds" in text


def test_recipes_are_compared_by_what_differs_alone(home: Home) -> None:
    folder = home.campaign(NAME)
    made_campaign(folder, 0)
    made_record(folder / "trials", 1, made_scores(0.66), values={"learning_rate": 0.003})
    part = section(made(home), "recipes")
    table = next(one for one in elements(made(home)) if one.tag == "thead" and "learning rate" in one.text)
    assert [one.text for one in table.children[0].children] == ["Trial", "val/accuracy", "learning rate"]
    assert "All other fields, " in part.text


def test_a_tie_with_the_first_is_marked(home: Home) -> None:
    folder = home.campaign(NAME)
    made_campaign(folder, 0)  # the baseline at 65.2 %
    made_record(folder / "trials", 1, made_scores(0.662), values={"learning_rate": 0.003})
    made_record(folder / "trials", 2, made_scores(0.5), values={"learning_rate": 0.002})
    text = section(made(home), "leaderboard").text
    assert "cannot tell 1 of the 2 others from the first" in text
    assert "2~" in text
    assert "3~" not in text


def test_a_damaged_record_is_named_and_the_others_are_shown(home: Home) -> None:
    folder = reported.campaign(home)
    (folder / "trials" / "0002" / "scores.json").write_text("{")
    html = made(home)
    assert "0002/scores.json" in section(html, "leaderboard").text
    assert "trial 3" in section(html, "leaderboard").text


def test_mistakes_are_pictures_of_the_faces_that_were_predicted(home: Home) -> None:
    folder = reported.campaign(home)
    reported.faces_in_cache(home, folder)
    found = read_campaign(home, NAME)
    assert found.validation is not None
    assert found.winner is not None
    html = made(home)
    pictures = [one for one in elements(html) if one.tag == "img"]
    assert len(pictures) == 24
    row = int(re.search(r"row (\d+)", pictures[0].attributes["alt"])[1])  # type: ignore[index]  # a failure is one
    with Image.open(io.BytesIO(base64.b64decode(pictures[0].attributes["src"].partition(",")[2]))) as image:
        place = found.winner.predictions[0].rows.tolist().index(row)
        assert image.tobytes() == found.validation.images[place].tobytes()


def test_faces_stay_out_where_they_are_not_wanted(home: Home) -> None:
    folder = reported.campaign(home)
    reported.faces_in_cache(home, folder)
    html = write_report(home, NAME, pictures=False).read_text()
    assert "data:image" not in html
    assert "faces were to be left out" in section(html, "mistakes").text


def test_without_faces_the_records_own_figure_is_shown(home: Home) -> None:
    folder = reported.campaign(home)
    winner = read_campaign(home, NAME).winner
    assert winner is not None
    figure = winner.trainings[0].record.figures / "mistakes.png"
    figure.parent.mkdir()
    Image.new("L", (8, 8)).save(figure)
    html = made(home)
    assert base64.b64encode(figure.read_bytes()).decode() in html
    assert "the cache no longer holds the prepared faces" in section(html, "slices").text
    assert folder.exists()


def test_a_leaky_protocol_is_marked_in_the_head(home: Home) -> None:
    folder = home.campaign(NAME)
    made_campaign(folder, 0)
    spec = made_campaign_spec()
    leaky = spec.model_copy(update={"data": spec.data.model_copy(update={"protocol": Protocol.REFERENCE})})
    (folder / "campaign.json").write_text(leaky.sealed(indent=1))
    html = made(home)
    assert "Campaign report, protocol reference, leaky" in html
    assert "leaky: validation holds training images" in section(html, "data").text


def test_the_references_figures_stand_beside_fer2013_alone(home: Home) -> None:
    folder = reported.campaign(home)
    assert "Reference: F1" in section(made(home), "classes").text
    spec = made_campaign_spec()
    drawn = spec.model_copy(update={"data": spec.data.model_copy(update={"faces": 700})})
    (folder / "campaign.json").write_text(drawn.sealed(indent=1))
    shown = section(made(home), "classes").text
    assert "Reference: F1" not in shown
    assert "these faces are others" in shown


def test_test_results_are_shown_once_the_part_was_opened(home: Home) -> None:
    folder = reported.campaign(home)
    assert "has not been opened" in section(made(home), "overtuning").text
    record = Record(folder / "trials" / "0001")
    record.write_scores({"test/accuracy": 0.61, "test/images": 3589.0}, "test/scores.json")
    data = made_campaign_spec().data
    about = {"data_digest": data.data_digest, "protocol": data.protocol.value, "images": sum(data.test_counts)}
    write_down(home, Opening(time_ms=1_700_000_000_000, campaign=NAME, record="trials/0001", reason="to see", **about))
    html = made(home)
    assert "61.00 %" in section(html, "overtuning").text
    assert "opened 1 time, for 1 model, by campaign made" in section(html, "ledger").text
    assert "to see" in section(html, "ledger").text


def test_the_docstring_of_the_campaigns_file_is_told_while_it_makes_that_campaign(tmp_path: Path) -> None:
    file = tmp_path / "made.py"
    file.write_text('"""Made.\n\nQuestion: why\n    not?\nHypothesis: because.\n"""\nx = 1\n')
    spec = made_campaign_spec().model_copy(update={"file": str(file), "fingerprint": fingerprint(file)})
    assert story_of(spec, tmp_path / "no").told == {"Question": "why not?", "Hypothesis": "because."}
    folder = tmp_path / "campaign"
    folder.mkdir()
    (folder / "campaign.py").write_text(file.read_text())
    file.write_text('"""Hypothesis: another."""\nx = 2\n')
    assert story_of(spec, folder).told["Hypothesis"] == "because."  # the copy in its folder is what was run
    assert story_of(spec, tmp_path / "no").told == {}
    assert "has changed since" in story_of(spec, tmp_path / "no").why_not


def test_importance_is_taken_from_the_summary_where_that_is_of_the_same_trials(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home.campaign(NAME)
    made_campaign(folder, 8)
    summarise(folder)

    def never(*_: object) -> None:
        raise AssertionError("importance was worked out again")

    monkeypatch.setattr(contents_module, "importance", never)
    assert "learning_rate" in section(made(home), "importance").text
    made_record(folder / "trials", 9, made_scores(0.6), values={"learning_rate": 0.003})
    assert "importance was worked out again" in section(made(home), "importance").text


def test_where_less_is_better_the_best_so_far_falls(home: Home) -> None:
    folder = home.campaign(NAME)
    made_campaign(folder, 0)
    objective = Objective(metric="val/log_loss", direction=Direction.MIN)
    (folder / "campaign.json").write_text(made_campaign_spec(objective=objective).sealed(indent=1))
    for number, accuracy in ((1, 0.5), (2, 0.6), (3, 0.55)):  # log loss is 1.9 less that
        made_record(folder / "trials", number, made_scores(accuracy), values={"learning_rate": 0.001 * number})
    stairs = course.best_so_far(read_campaign(home, NAME))
    assert [(at, round(value, 2)) for at, value in stairs] == [(1.0, 1.4), (2.0, 1.3)]
    html = made(home)
    assert "The best: trial 2: 1.3000" in section(html, "parallel").text
    assert "val/log_loss" in section(html, "leaderboard").text


def test_a_part_that_fails_leaves_the_others(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    made_campaign(home.campaign(NAME), 5)

    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("no")

    monkeypatch.setattr(course, "parallel_chart", fails)
    html = made(home)
    assert "this part could not be made (ZeroDivisionError: no)" in section(html, "parallel").text
    assert "Not here" not in section(html, "history").text


def test_a_thousand_trials_fit_into_five_megabytes(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # nothing here rests on a disk
    folder = home.campaign(NAME)
    made_campaign(folder, 0)
    chance = random.Random(1)
    for number in range(1, 1001):
        values: dict[str, bool | int | float | str] = {"pooled_dropout": 0.3, "flip": chance.random() < 0.5}
        values["learning_rate"] = 10 ** chance.uniform(-4, -1)
        made_record(folder / "trials", number, made_scores(chance.uniform(0.5, 0.7)), values=values, budget=1)
    without = Importance(metric="val/accuracy", trials=0, epochs=0, shares={}, reason="left out of this test")
    monkeypatch.setattr(contents_module, "importance", lambda *_: without)  # a forest of a thousand trials takes long
    html = made(home)
    assert len(html) < 5_000_000
    assert html.count('class="trial ') == 1000
