"""Which model answers, and what its classes are called."""

import shutil
from pathlib import Path

import pytest

from fer_exp.choosing import Recorded
from fer_exp.data.classes import FER2013
from fer_exp.data.form import Form
from fer_exp.data.reading import Reading
from fer_exp.prediction.models import find, load
from fer_exp.records.handovers import handovers_of
from fer_exp.system.errors import BadInput, BadRecord, NotFound
from fer_exp.system.home import Home
from fer_exp.tracking import register, set_champion, sync
from fer_exp.tracking.registry import champions
from tests.made_models import record_with_model, write_model
from tests.tracked import begin_campaign

THREE = ("joy", "surprise", "contempt")
OTHER = Form(64, 3, 3)


@pytest.fixture(scope="module")
def grey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "grey.keras")


@pytest.fixture(scope="module")
def colour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "colour.keras", OTHER)


def make_champion(home: Home, name: str, model: Path) -> None:
    record = record_with_model(home, 1, model, name)
    sync(home, name)
    set_champion(home, name, register(home, name, record).version)


def test_a_bare_file_with_seven_classes_has_fer2013_s_names_and_says_so(home: Home, grey: Path) -> None:
    model = load(find(home, str(grey)))
    assert model.classes == FER2013
    assert "assumed" in model.notes[0]
    assert model.form == Form()


def test_a_bare_file_with_others_needs_their_names(home: Home, colour: Path) -> None:
    found = find(home, str(colour))
    with pytest.raises(BadInput, match="whose record names its 3 classes") as refused:
        load(found)
    assert "--classes" in refused.value.remedy
    model = load(found, THREE)
    assert (model.classes.names, model.form, model.notes) == (THREE, OTHER, ())


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "b"), ("a", "b", "C c"), ("a", "b", "c", "d")])
def test_names_that_do_not_fit_are_refused(home: Home, colour: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match="--classes: "):
        load(find(home, str(colour)), names)


def test_a_record_names_the_classes_of_its_data(home: Home, colour: Path, tmp_path: Path) -> None:
    record = record_with_model(home, 3, colour, "people", THREE, Reading(side=64, colour=True))
    by_record = load(find(home, record="people/trials/3"))
    assert (by_record.classes.names, by_record.title) == (THREE, "trial 3 of people")
    copied = Path(shutil.copy(record.model, tmp_path / "mine.keras"))  # recognised by its digest
    assert load(find(home, str(copied))).classes.names == THREE
    assert load(find(home, str(record.model))).classes.names == THREE


def test_a_model_that_is_not_its_record_s_is_refused(home: Home, grey: Path, tmp_path: Path) -> None:
    record = record_with_model(home, 1, grey)
    found = find(home, record="made/trials/1")
    shutil.copy(write_model(tmp_path / "other.keras", seed=2), record.model)
    with pytest.raises(BadRecord, match="received another one"):
        load(found)


def test_a_campaign_s_name_means_its_best_and_records_that_are_gone_are_named(home: Home, grey: Path) -> None:
    record = record_with_model(home, 2, grey)
    assert find(home, record="made").file == record.model
    record.model.unlink()
    with pytest.raises(NotFound, match="is not kept"):
        find(home, record="made/trials/2")
    with pytest.raises(NotFound, match="campaigns: made"):
        find(home, record="nothing")


def test_the_only_champion_is_the_default(mlflow_home: Home, grey: Path) -> None:
    make_champion(mlflow_home, "first", grey)
    assert champions(mlflow_home) == ["first"]
    found = find(mlflow_home)
    assert found.title == "models:/first@champion (trial 1 of first)"
    assert load(found).classes == FER2013
    make_champion(mlflow_home, "second", grey)
    with pytest.raises(NotFound, match="expected one champion, found 2: first, second") as refused:
        find(mlflow_home)
    assert "--model models:/first@champion" in refused.value.remedy
    assert find(mlflow_home, "models:/second@champion").file.is_file()
    assert isinstance(find(mlflow_home, "models:/second/1"), Recorded)


def test_a_champion_whose_record_is_not_here_is_fetched_from_mlflow(mlflow_home: Home, grey: Path) -> None:
    make_champion(mlflow_home, "first", grey)
    shutil.rmtree(mlflow_home.campaign("first"))
    begin_campaign(mlflow_home, "another")
    found = find(mlflow_home)
    assert not isinstance(found, Recorded)
    model = load(found)
    assert model.classes == FER2013
    assert "assumed" in model.notes[0]


def test_homes_without_a_model_say_so_and_no_store_is_made(home: Home) -> None:
    for words in ((None,), ("models:/demo@champion",)):
        with pytest.raises(NotFound, match="expected a campaign"):
            find(home, *words)
    assert not home.root.exists()


def test_a_home_without_a_champion_says_how_one_is_made(mlflow_home: Home) -> None:
    folder = begin_campaign(mlflow_home)
    assert handovers_of(folder) == []
    with pytest.raises(NotFound, match="expected a champion") as refused:
        find(mlflow_home)
    assert "retrain-best" in refused.value.remedy


def test_other_words_are_refused(home: Home, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="found none at champion"):
        find(home, "champion")
    with pytest.raises(NotFound, match="found none at"):
        load(find(home, str(tmp_path / "nothing.keras")))
    (tmp_path / "some.h5").write_text("no model")
    with pytest.raises(BadInput, match=r"expected a \.keras file"):
        load(find(home, str(tmp_path / "some.h5")))
