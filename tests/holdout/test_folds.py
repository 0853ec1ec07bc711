"""k-fold through the command line: a search in each fold, then everybody predicted once, by a stranger."""

import json
from pathlib import Path

import numpy as np
import pytest

from fer_exp.campaign import CampaignSpec
from fer_exp.data.split.info import Fold
from fer_exp.data.split.protocol import Protocol
from fer_exp.holdout.folds import OverFolds
from fer_exp.holdout.ledger import all_openings
from fer_exp.records import Record
from fer_exp.system.files import write_atomically
from fer_exp.system.home import Home
from tests.commands import done, refused, write_campaign
from tests.made_faces import people_in
from tests.made_records import made_campaign_spec
from tests.undrawn import undrawn

PEOPLE = 9


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """108 faces of nine people, named as CK+48 names them."""
    return people_in(tmp_path_factory.mktemp("people") / "set", PEOPLE)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_search_in_each_fold_and_everybody_predicted_once(
    tmp_path: Path, home: Home, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undrawn(monkeypatch)
    file = write_campaign(tmp_path, trials=1, epochs=1)
    asked = ("--data", people, "--protocol", "subject-kfold", "--folds", 3, "--no-tracking")
    assert "folds      all of the above and the time below 3 times" in done("search", file, *asked, "--dry-run")
    one = done("search", file, *asked, "--fold", 2)
    assert "All" not in one
    problem, remedy = refused("evaluate", "tiny", "--no-tracking")
    assert problem == "tiny: expected 3 folds, found none of number 1, 3"
    assert "--fold" in remedy
    told = done("search", file, *asked)  # fold 2 is there
    assert "All 3 folds ended. Next, the test parts of all: fer-exp evaluate tiny" in told
    assert all_openings(home) == []

    report = done("evaluate", "tiny", "--no-tracking")
    assert "tiny over 3 folds: 108 images of 9 subjects" in report
    result = OverFolds.read(home.root / "folds" / "tiny.json")
    rows: list[int] = []
    right: list[bool] = []
    for part in result.folds:
        assert CampaignSpec.read(home.campaign(part.campaign) / "campaign.json").data.groups == PEOPLE
        said = Record(home.campaign(part.campaign) / "trials" / f"{part.trial:04d}").predictions("test/predictions.npz")
        rows += said.rows.tolist()
        right += (said.probabilities.argmax(axis=1) == said.labels).tolist()
    assert sorted(rows) == list(range(108))
    assert result.accuracy is not None
    assert result.accuracy.value == np.mean(right)
    assert len({opening.test_digest for opening in all_openings(home)}) == 3
    assert len(all_openings(home)) == 6
    again = json.loads(done("evaluate", "tiny", "--no-tracking", "--json"))
    assert again["accuracy"]["value"] == result.accuracy.value
    assert len(all_openings(home)) == 6  # what was said of the test parts is kept


@pytest.mark.usefixtures("home")
def test_folds_without_their_protocol_are_refused(tmp_path: Path) -> None:
    problem, remedy = refused("search", write_campaign(tmp_path), "--folds", 4)
    assert problem == "folds: expected the protocol subject-kfold with them, received official"
    assert "--protocol subject-kfold" in remedy
    problem, _ = refused("search", write_campaign(tmp_path), "--protocol", "subject-kfold", "--fold", 7)
    assert "fold: expected a number up to folds = 5, received 7" in problem


@pytest.mark.parametrize(("what", "change"), [("seed", {"seed": 2}), ("data", {"data_digest": "f" * 16})])
def test_folds_of_two_splits_are_not_pooled(home: Home, what: str, change: dict[str, object]) -> None:
    """Of a second seed's split, somebody in fold 3 was tested in fold 1 of the first one."""
    for number in (1, 2, 3):
        fold = Fold(number=number, of=3)
        spec = made_campaign_spec(f"tiny-fold-{fold}")
        about = {"protocol": Protocol.SUBJECT_KFOLD, "fold": fold, **(change if number == 3 else {})}
        spec = spec.model_copy(update={"data": spec.data.model_copy(update=about)})
        write_atomically(home.campaign(spec.name) / "campaign.json", spec.sealed(indent=1))
    problem, remedy = refused("evaluate", "tiny", "--no-tracking")
    assert problem.endswith(f"received tiny-fold-1-of-3 and tiny-fold-3-of-3, which differ in {what}")
    assert "one command" in remedy
    assert all_openings(home) == []
