"""A campaign's teacher: named by settings, pinned by its digest, refused where it may know validation or test faces."""

from typing import Any

import pytest

from fer_exp.campaign import Campaign, CampaignSpec, HyperParameters, Settings
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.records import Record
from fer_exp.records.digest import TEACHER_MODEL
from fer_exp.system.errors import BadCampaign, BadInput, BadRecord, NotFound
from fer_exp.system.files import sha256_of
from fer_exp.system.home import Home
from fer_exp.tuning.retrain import Repeat, RetrainWork
from fer_exp.tuning.reuse import trained_elsewhere
from fer_exp.tuning.teacher import find_teacher
from tests.made_members import NAME, made_campaign, made_member
from tests.toy_search import records, run
from tests.trainings import demo_development


def space(hp: HyperParameters) -> Recipe:
    return baseline_recipe().but(
        block_dropout=hp.Choice("block_dropout", [0.1, 0.2, 0.3, 0.4]),
        distillation=hp.Choice("distillation", [0.5, 0.8]),
    )


def pupils(teacher: str | None = NAME, **settings: Any) -> Campaign:
    chosen = {"max_trials": 2, "epochs": 2, "limit": 70, "teacher": teacher, **settings}
    return Campaign("toy", "Does a teacher help?", space, Settings.model_validate(chosen), data="demo")


def spec_of(home: Home) -> CampaignSpec:
    return CampaignSpec.read(home.campaign("toy") / "campaign.json")


@pytest.fixture
def teacher(home: Home) -> Record:
    return made_member(home, 2)


@pytest.fixture
def taught(home: Home, teacher: Record) -> Record:
    """The second trial of a campaign that learnt from `teacher`."""
    run(home, pupils())
    assert teacher.model.exists()
    return records(home)[2]


def test_what_distils_names_its_teacher_and_holds_its_model_and_the_baseline_does_not(
    home: Home, teacher: Record, taught: Record
) -> None:
    digest = sha256_of(teacher.model)
    pinned = spec_of(home).teacher
    assert pinned is not None
    assert (pinned.record, pinned.model_sha256) == (f"{NAME}/retrains/0001-seed2-3e", digest)
    baseline, *trials = records(home)
    assert [record.spec().teacher for record in (baseline, *trials)] == [None, digest, digest]
    assert not (baseline.path / TEACHER_MODEL).exists()
    assert (taught.path / TEACHER_MODEL).samefile(teacher.model)


@pytest.mark.usefixtures("taught")
def test_a_campaign_goes_on_with_the_teacher_it_began_with(home: Home, teacher: Record) -> None:
    digest = sha256_of(teacher.model)
    made_member(home, 3)  # so that the name means two models now
    teacher.model.unlink()  # and the first of them is here in the records of its pupils alone
    run(home, pupils(max_trials=4))
    assert [record.spec().teacher for record in records(home)[1:]] == [digest] * 4
    assert all(sha256_of(record.path / TEACHER_MODEL) == digest for record in records(home)[1:])
    for record in records(home):
        (record.path / TEACHER_MODEL).unlink(missing_ok=True)
    with pytest.raises(BadRecord, match="expected the model that the campaign started with"):
        run(home, pupils(max_trials=6))


def test_another_teacher_is_another_campaign(home: Home, taught: Record) -> None:
    made_member(home, 2, name="other")
    before = taught.spec()
    with pytest.raises(BadCampaign, match="teacher: made -> other"):
        run(home, pupils("other"))
    assert taught.spec() == before


def test_retrained_a_pupil_learns_from_the_same_teacher(home: Home, teacher: Record, taught: Record) -> None:
    digest = sha256_of(teacher.model)
    campaign = spec_of(home)
    repeat = Repeat(campaign, taught, seeds=2, epochs=2, development=demo_development(home.cache, 70))
    work = RetrainWork(home.campaign("toy"), repeat)
    assert [record.spec().teacher for record in work.records()] == [digest] * 2
    assert all(sha256_of(record.path / TEACHER_MODEL) == digest for record in work.records())
    (taught.path / TEACHER_MODEL).write_bytes(b"another model")
    with pytest.raises(BadRecord, match="received another one"):
        RetrainWork(home.campaign("toy"), Repeat(campaign, taught, 3, 2, repeat.development))


def test_a_pupil_of_another_teacher_answers_for_nobody(home: Home, taught: Record) -> None:
    asked = taught.spec()
    taught.model.write_bytes(b"a model")
    assert trained_elsewhere(home.campaigns, asked) is not None
    assert trained_elsewhere(home.campaigns, asked.model_copy(update={"teacher": "f" * 64})) is None
    assert trained_elsewhere(home.campaigns, asked.model_copy(update={"teacher": None})) is None


@pytest.mark.usefixtures("teacher")
@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"protocol": "stratified"}, r"under the protocol of this campaign \(stratified\).*under others \(official\)"),
        ({"limit": None}, None),  # which of the training faces it saw does not matter
        ({"seed": 3}, None),  # the protocol `official` draws nothing
    ],
)
def test_a_teacher_that_may_have_seen_validation_or_test_faces_is_refused(
    home: Home, settings: dict[str, Any], what: str | None
) -> None:
    if what is None:
        run(home, pupils(max_trials=0, **settings))
        assert spec_of(home).teacher is not None
        return
    with pytest.raises(BadInput, match=what) as refused:
        run(home, pupils(**settings))
    assert "would hand their labels on" in refused.value.remedy
    assert not (home.campaign("toy") / "campaign.json").exists()


@pytest.mark.usefixtures("teacher")
@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"data_digest": "f" * 16}, "under the data of this campaign"),
        ({"seed": 2, "protocol": "stratified"}, "under the draw of the parts of this campaign"),
        ({"class_names": ("a", "b", "c", "d", "e", "f", "g")}, "under the classes of this campaign"),
    ],
)
def test_other_data_another_draw_and_other_classes_are_refused(
    home: Home, change: dict[str, object], what: str
) -> None:
    info = demo_development(home.cache).info
    if "protocol" in change:  # the teacher's draw is that of seed 1
        file = home.campaign(NAME) / "campaign.json"
        spec = CampaignSpec.read(file)
        drawn = type(info).model_validate({**info.model_dump(), "protocol": "stratified"})
        file.write_text(spec.model_copy(update={"data": drawn}).sealed(indent=1))
    asked = type(info).model_validate({**info.model_dump(), **change})
    with pytest.raises(BadInput, match=what):
        find_teacher(home, "toy", NAME, asked)


@pytest.mark.usefixtures("teacher")
def test_a_name_that_means_no_model_or_several_is_refused(home: Home) -> None:
    info = demo_development(home.cache).info
    made_member(home, 3)
    with pytest.raises(BadInput, match="which means 2") as refused:
        find_teacher(home, "toy", NAME, info)
    assert f"fer-exp ensemble {NAME}" in refused.value.remedy
    with pytest.raises(NotFound):
        find_teacher(home, "toy", "nobody", info)
    (home.campaign(NAME) / "retrains" / "0001-seed3-3e" / "model.keras").unlink()
    with pytest.raises(NotFound, match="expected its model, found none"):
        find_teacher(home, "toy", f"{NAME}/retrains/0001-seed3-3e", info)
    made_campaign(home, "empty")
    with pytest.raises(NotFound, match="expected a finished training"):
        find_teacher(home, "toy", "empty", info)
