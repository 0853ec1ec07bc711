"""A campaign's records as DataFrames and pictures, and what the other calls give back, on a campaign that was run."""

from collections.abc import Callable

import pytest

import fer_exp
from fer_exp import RecordedCampaign
from fer_exp.api.told import Picture, Text
from fer_exp.execute.progress import Silence
from fer_exp.system.errors import BadInput, NotFound
from fer_exp.system.home import Home
from tests.commands import done, quick_trials

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def tiny(searched: Home) -> RecordedCampaign:
    return fer_exp.load_campaign("tiny", home=searched)


def test_the_leaderboard_is_that_of_the_csv(tiny: RecordedCampaign) -> None:
    frame = tiny.leaderboard()
    assert list(frame["rank"]) == [1, 2, 3]
    assert frame.to_csv(index=False, lineterminator="\n") == (tiny.folder / "leaderboard.csv").read_text()


def test_histories_have_a_row_an_epoch(tiny: RecordedCampaign) -> None:
    every = tiny.history()
    assert sorted(zip(every["number"], every["epoch"], strict=True)) == [(n, e) for n in (0, 1, 2) for e in (1, 2)]
    one = tiny.history(1)
    assert one.equals(every[every["number"] == 1].reset_index(drop=True))
    assert {"train_loss", "val_accuracy", "learning_rate", "seconds"} <= set(one.columns)
    retrained = tiny.history(f"retrains/{sorted((tiny.folder / 'retrains').iterdir())[0].name}")
    assert set(retrained["seed"]) == {2}


def test_retrains_are_told_apart_by_seed(tiny: RecordedCampaign) -> None:
    assert sorted(tiny.retrains()["seed"]) == [2, 3]


@pytest.mark.parametrize(
    "draw",
    [
        lambda of: of.plot_search(),
        lambda of: of.plot_hyperparameters(),
        lambda of: of.plot_curves(),
        lambda of: of.plot_curves(2),
        lambda of: of.plot_confusion(0),
    ],
    ids=["search", "hyperparameters", "curves", "curves of one", "confusion"],
)
def test_pictures_show_themselves_in_a_notebook(
    tiny: RecordedCampaign, draw: Callable[[RecordedCampaign], Picture]
) -> None:
    assert draw(tiny)._repr_png_().startswith(PNG)


def test_a_picture_can_be_kept(tiny: RecordedCampaign) -> None:
    file = tiny.home.root / "picture.png"
    tiny.plot_search().save(file)
    assert file.read_bytes().startswith(PNG)


@pytest.mark.parametrize("training", [7, "9", "trials/0009", "../0001", "retrains"])
def test_a_training_that_is_not_there_is_refused_with_those_that_are(
    tiny: RecordedCampaign, training: int | str
) -> None:
    with pytest.raises(NotFound) as caught:
        tiny.history(training)
    assert "trials/0000, trials/0001, trials/0002, retrains/" in caught.value.problem


def test_too_few_trials_say_nothing_of_importance(tiny: RecordedCampaign) -> None:
    with pytest.raises(NotFound, match="expected enough finished trials, found none"):
        tiny.plot_importance()


def test_it_says_itself_as_text_and_as_html(tiny: RecordedCampaign) -> None:
    assert str(tiny).startswith("tiny: Does it work?\n")
    assert repr(tiny) == str(tiny)
    assert "<pre" in tiny._repr_html_()
    assert "Does it work?" in tiny._repr_html_()


def test_html_shows_text_and_never_markup() -> None:
    assert "&lt;script&gt;" in Text("<script>")._repr_html_()


@pytest.mark.usefixtures("searched")
def test_an_unknown_campaign_is_refused_with_those_there_are() -> None:
    with pytest.raises(NotFound, match=r"no campaign 'tny' .* there: tiny"):
        fer_exp.load_campaign("tny")


@pytest.mark.usefixtures("searched")
def test_compare_says_what_the_command_says() -> None:
    found = fer_exp.compare("tiny/trials/0001", "tiny:baseline")
    assert found.text == done("compare", "tiny/trials/0001", "tiny:baseline").rstrip("\n")
    assert found.sentence in found.text.replace("\n", " ")
    assert list(found.metrics().columns) == ["metric", "a", "b", "difference", "low", "high"]
    with pytest.raises(BadInput, match="--level"):
        fer_exp.compare("tiny", "tiny:baseline", level=1.0)


@pytest.mark.usefixtures("searched")
def test_retrain_best_names_its_record_for_what_comes_next(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_trials(monkeypatch)
    found = fer_exp.retrain_best("tiny", seeds=2, against_baseline=False, tracking=False, watcher=Silence())
    assert not found.stopped
    assert found.model_uri is None
    assert found.record is not None
    assert fer_exp.load_campaign("tiny").history(found.record.removeprefix("tiny/")).shape[0] == 2
    assert found.comparison is None
    assert "Not registered: MLflow was not wanted" in found.text


@pytest.mark.usefixtures("searched")
@pytest.mark.parametrize("given", [{"seeds": 0}, {"epochs": 0}, {"limit": -1}, {"trial": -1}])
def test_a_retrain_out_of_range_is_refused(given: dict[str, int]) -> None:
    with pytest.raises(BadInput, match=f"{next(iter(given))}: expected a number from . on, received"):
        fer_exp.retrain_best("tiny", **given)  # type: ignore[arg-type]  # each is one of its numbers


def test_evaluate_wants_one_model(searched: Home) -> None:
    with pytest.raises(BadInput, match="expected one of --run-id, --model and --record, received none"):
        fer_exp.evaluate()
    assert not searched.ledger.exists()
