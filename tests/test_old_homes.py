"""What an earlier version wrote is read by this one: status, verdict, doctor, ledger, a search that goes on."""

import shutil
from pathlib import Path

import pytest

from fer_exp.doctor import Code, examine
from fer_exp.holdout.ledger import all_openings
from fer_exp.records import Record, State, records_in
from fer_exp.system.home import Home
from tests.commands import call, done, trials

HOMES = Path(__file__).resolve().parent / "homes"
VERSIONS = sorted(path.name for path in HOMES.iterdir() if path.is_dir())


@pytest.fixture(params=VERSIONS)
def old_home(request: pytest.FixtureRequest, home: Home) -> Home:
    shutil.copytree(HOMES / request.param, home.root)
    return home


@pytest.mark.usefixtures("old_home")
def test_status_shows_the_leaderboard_that_was_printed() -> None:
    told = done("status", "tiny").splitlines()
    rows = [line.split()[1:5] for line in told[told.index("") + 2 :][:3]]
    assert rows == [["2", "15.00", "±", "1.79"], ["baseline", "11.00", "±", "1.56"], ["1", "11.00", "±", "1.56"]]


def test_every_record_is_read_whole(old_home: Home) -> None:
    retrains = list(records_in(old_home.campaign("tiny") / "retrains"))
    assert len(retrains) == 4
    for record in [*trials(old_home), *retrains]:
        contents = record.read()
        assert contents.outcome is not None
        assert contents.outcome.state is State.FINISHED
        assert len(contents.history) == contents.spec.epochs == 2


def test_the_doctor_misses_the_models_that_are_not_kept_here_and_nothing_else(old_home: Home) -> None:
    assert {finding.code for finding in examine(old_home, ["tiny"], tracking=False).left} == {Code.MODEL_MISSING}


def test_the_ledger_remembers_that_the_test_part_was_opened(old_home: Home) -> None:
    (opening,) = all_openings(old_home)
    assert (opening.campaign, opening.record) == ("tiny", "retrains/0002-seed2-2e")
    assert Record(old_home.campaign("tiny") / opening.record).read().test_scores


@pytest.mark.usefixtures("old_home")
def test_two_groups_are_compared_from_stored_predictions() -> None:
    told = done("compare", "tiny/retrains/0002-seed2-2e", "tiny/retrains/0000-seed2-2e")
    assert "accuracy" in told
    assert "16.25" in told
    assert "16.75" in told


@pytest.mark.slow
def test_the_same_search_again_trains_nothing(old_home: Home) -> None:
    before = {record.path: (record.path / "outcome.json").read_bytes() for record in trials(old_home)}
    result = call("search", old_home.root / "tiny.py", "--no-tracking")
    assert result.exit_code == 0, result.output
    assert {record.path: (record.path / "outcome.json").read_bytes() for record in trials(old_home)} == before
