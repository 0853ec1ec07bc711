"""The doctor names the damage that was done, mends it where that is safe, and finds nothing in a healthy home."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fer_exp.campaign import Algorithm
from fer_exp.doctor import Code, examine, mending
from fer_exp.doctor import visit as visits
from fer_exp.records import Record, State, records_in
from fer_exp.system.errors import Busy
from fer_exp.system.files import append_line, drop_torn_line, temporary_name, write_atomically
from fer_exp.system.home import Home
from fer_exp.system.lock import lock
from tests.commands import call, contents, done, quick_trials, refused
from tests.damages import BY_HAND, MENDED, change, codes, dead_pid, tear, trial, visit
from tests.made_records import made_campaign_spec, made_predictions, made_record
from tests.toy_search import At, campaign, interrupt, run


@pytest.fixture
def tiny(searched: Home) -> Path:
    """The folder of a campaign that was searched and retrained, in a home of the test's own."""
    return searched.campaign("tiny")


# -- healthy homes


def test_a_fresh_home_has_nothing_wrong_and_stays_empty(home: Home) -> None:
    assert done("doctor") == "Nothing wrong: 0 campaigns, 0 records, 0 runs\n"
    assert not home.root.exists()


@pytest.mark.usefixtures("tiny")
def test_a_searched_and_retrained_home_has_nothing_wrong() -> None:
    assert done("doctor", "--no-tracking") == "Nothing wrong: 1 campaign, 5 records, MLflow not looked at\n"
    assert done("doctor", "tiny", "--fix", "--no-tracking").startswith("Nothing wrong: 1 campaign, 5 records")


def test_a_tested_home_has_nothing_wrong(tiny: Path) -> None:
    record = next(records_in(tiny / "retrains"))
    record.write_predictions(made_predictions(50), "test/predictions.npz")
    record.write_scores({"test/accuracy": 0.5}, "test/scores.json")
    append_line(tiny / "ledger.jsonl", '{"time_ms": 1}')
    assert visit()["left"] == []


@pytest.mark.parametrize("algorithm", [Algorithm.RANDOM, Algorithm.HYPERBAND])
def test_a_home_interrupted_and_gone_on_has_nothing_wrong(home: Home, algorithm: Algorithm) -> None:
    toy = campaign(algorithm)
    run(home, toy, At(lambda seen: seen.ended == 2 and bool(seen.running), interrupt))
    assert visit()["left"] == []
    run(home, toy)
    assert visit()["left"] == []


def test_what_a_kill_leaves_of_a_record_that_nobody_has_tried_is_nothing_wrong(tiny: Path) -> None:
    """It was asked for, and perhaps got half of an earlier trial's answer; the next search makes it again."""
    trial(tiny, 3).mkdir()
    shutil.copy(trial(tiny, 2) / "asked.json", trial(tiny, 3))
    assert visit()["left"] == []
    shutil.copy(trial(tiny, 2) / "trial.json", trial(tiny, 3))
    change(trial(tiny, 3) / "trial.json", number=3)
    shutil.copy(trial(tiny, 2) / "history.jsonl", trial(tiny, 3))
    assert visit()["left"] == []
    (trial(tiny, 3) / "attempt-1.log").touch()
    assert codes(visit()["left"]) == {Code.CHECKPOINT_ALTERED, Code.RECORD_UNKNOWN}


KILLED = """
import os, signal, sys
from tests.toy_search import At, campaign, run
from fer_exp.system.home import Home
run(Home.from_environment(), campaign(), At(lambda seen: seen.ended == 2, lambda: os.kill(os.getpid(), signal.SIGKILL)))
"""


@pytest.mark.slow
def test_a_home_whose_search_was_killed_has_nothing_wrong_but_what_was_half_written(home: Home) -> None:
    process = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert codes(visit()["left"]) <= {Code.LEFTOVER_FILE, Code.TORN_LINE, Code.LEFTOVER_CHECKPOINT}
    assert visit("--fix")["left"] == []
    assert len(run(home, campaign()).rows) == 6
    assert visit()["left"] == []


# -- damage


@pytest.mark.parametrize("damage", MENDED)
def test_damage_is_named_mended_and_gone(home: Home, tiny: Path, damage: str) -> None:
    code, do = MENDED[damage]
    records = {path.name for path in (tiny / "trials").iterdir()}
    do(tiny)
    left = {path.name for path in (tiny / "trials").iterdir()}
    before = contents(home)
    said = visit()
    assert contents(home) == before  # looking changes nothing
    assert codes(said["left"]) == {code}
    assert all(finding["mendable"] for finding in said["left"])
    assert code in codes(visit("--fix")["mended"])
    assert done("doctor", "--no-tracking").startswith("Nothing wrong: 1 campaign")
    mended = contents(home)
    assert visit("--fix") == visit()
    assert contents(home) == mended
    moved = {path.name for path in (tiny / "set-aside").glob("trials-000?")}
    assert {f"trials-{name}" for name in left} - {
        f"trials-{path.name}" for path in (tiny / "trials").iterdir()
    } == moved
    assert records >= left


@pytest.mark.parametrize("damage", BY_HAND)
def test_what_only_a_person_can_mend_is_named_and_left_alone(home: Home, tiny: Path, damage: str) -> None:
    code, do = BY_HAND[damage]
    do(tiny)
    before = contents(home)
    said = visit("--fix")
    assert codes(said["left"]) == {code}
    assert not any(finding["mendable"] for finding in said["left"])
    assert said["mended"] == []
    assert contents(home) == before


def test_an_altered_model_is_moved_aside_and_told_as_missing_where_it_should_be(tiny: Path) -> None:
    model = Record(trial(tiny, 0)).model
    model.write_bytes(b"another model")
    assert codes(visit()["left"]) == {Code.MODEL_ALTERED}
    said = visit("--fix")
    assert (codes(said["mended"]), codes(said["left"])) == ({Code.MODEL_ALTERED}, {Code.MODEL_MISSING})
    assert (tiny / "set-aside" / "trials-0000-model.keras").read_bytes() == b"another model"
    assert "expected the model that 0000 recorded" in (tiny / "set-aside" / "trials-0000-model.keras.note").read_text()


def test_a_model_of_an_older_record_is_taken_as_it_is(tiny: Path) -> None:
    change(trial(tiny, 0) / "outcome.json", model_sha256=None)
    Record(trial(tiny, 0)).model.write_bytes(b"any model")
    assert visit()["left"] == []


def test_all_damage_at_once_is_mended_at_once(tiny: Path) -> None:
    for name in ("a torn state", "a torn outcome", "a file half written", "a damaged report"):
        MENDED[name][1](tiny)
    assert visit("--fix")["left"] == []
    assert visit()["left"] == []


def test_what_was_moved_aside_is_trained_again_to_the_same_end(
    home: Home, tiny: Path, tiny_made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_trials(monkeypatch)
    before = done("status", "tiny")
    MENDED["a torn outcome"][1](tiny)
    MENDED["torn scores"][1](tiny)
    done("doctor", "--fix", "--no-tracking")
    assert [record.path.name for record in records_in(tiny / "trials")] == ["0000", "0001"]
    done("search", tiny_made / "tiny.py", "--no-tracking")
    assert done("status", "tiny") == before
    assert {record.state() for record in records_in(tiny / "trials")} == {State.FINISHED}
    assert visit()["left"] == []
    assert Record(home.campaign("tiny") / "set-aside" / "trials-0002").exists()


def test_a_lock_whose_owner_is_gone_and_that_is_still_held_is_told(tiny: Path) -> None:
    with lock(tiny):
        assert visit()["left"] == []
        (tiny / "lock.json").write_text(json.dumps({"pid": dead_pid(), "host": os.uname().nodename}))
        assert codes(visit()["left"]) == {Code.LOCK_STALE}


def test_while_the_doctor_mends_its_lock_stands_and_nobody_else_gets_it(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the lock itself was one of the things to be mended."""
    MENDED["a lock that names nobody"][1](tiny)
    MENDED["a history that ends in a line"][1](tiny)
    before, refusals = (tiny / "lock.json").stat().st_ino, []

    def second_driver(path: Path) -> None:
        assert (tiny / "lock.json").stat().st_ino == before
        with pytest.raises(Busy) as refused, lock(tiny):
            pass
        refusals.append(refused.value)
        drop_torn_line(path)

    monkeypatch.setattr(mending, "drop_torn_line", second_driver)
    said = visit("--fix")
    assert len(refusals) == 1
    assert codes(said["mended"]) == {Code.LOCK_STALE, Code.TORN_LINE}
    assert (tiny / "lock.json").read_bytes() == b""


def test_a_lock_that_names_nobody_but_is_held_is_left_alone(tiny: Path) -> None:
    with lock(tiny) as held:
        (tiny / "lock.json").write_text("{")
        before = (tiny / "lock.json").stat().st_ino
        assert visit()["left"] == []
        refused("doctor", "--fix", "--no-tracking", code=6)
        assert ((tiny / "lock.json").read_text(), (tiny / "lock.json").stat().st_ino) == ("{", before)
        (tiny / "lock.json").write_text(held.owner.sealed())


def test_what_changed_before_the_doctor_had_the_lock_is_mended_as_it_is_then(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that came between made the record whole again, so it stays."""
    whole = (trial(tiny) / "scores.json").read_bytes()
    MENDED["torn scores"][1](tiny)

    @contextmanager
    def later(folder: Path) -> Iterator[None]:
        (trial(tiny) / "scores.json").write_bytes(whole)
        with lock(folder):
            yield

    monkeypatch.setattr(visits, "lock", later)
    assert visit("--fix") == visit()
    assert not (tiny / "set-aside").exists()


def test_while_somebody_drives_nothing_is_mended_and_passing_things_are_no_findings(home: Home, tiny: Path) -> None:
    with lock(tiny):
        MENDED["a trial whose record is gone"][1](tiny)
        (trial(tiny, 1) / temporary_name("scores.json", pid=dead_pid())).write_text("{")
        Record(trial(tiny, 1)).checkpoint(2).write_bytes(b"weights")
        tear(trial(tiny, 1) / "history.jsonl")
        before = contents(home)
        assert visit()["left"] == []
        problem, _ = refused("doctor", "--fix", "--no-tracking", code=6)
        assert "driven by process" in problem
        assert contents(home) == before


def test_a_trial_that_cannot_go_on_from_its_last_epoch_is_moved_aside_and_trained_again(home: Home) -> None:
    run(home, campaign(), At(lambda seen: seen.ended == 2 and bool(seen.running), interrupt))
    running = next(one for one in records_in(home.campaign("toy") / "trials") if one.state() is State.RUNNING)
    assert visit()["left"] == []
    running.checkpoint(len(running.history())).unlink()
    assert codes(visit()["left"]) == {Code.CHECKPOINT_ALTERED}
    assert Code.CHECKPOINT_ALTERED in codes(visit("--fix")["mended"])
    assert list((home.campaign("toy") / "set-aside").glob(f"trials-{running.path.name}*"))
    run(home, campaign())
    assert running.state() is State.FINISHED


@pytest.mark.usefixtures("tiny")
def test_an_unknown_campaign_is_named_with_those_that_exist() -> None:
    assert "there: tiny" in refused("doctor", "other")[0]


def test_findings_are_one_line_each_with_the_word_and_what_to_do(tiny: Path) -> None:
    MENDED["a torn state"][1](tiny)
    BY_HAND["no baseline's model"][1](tiny)
    lines = call("doctor", "--no-tracking").stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("campaigns/tiny/state.json: state-unreadable: ")
    assert "(--fix moves the state to set-aside/" in lines[0]
    assert "(by hand: train it again with `fer-exp retrain-best`)" in lines[1]
    assert lines[2].startswith("2 left, 1 of which `fer-exp doctor --fix` mends: 1 campaign, 5 records")


def test_every_word_is_explained() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "reliability.md").read_text()
    assert [code for code in Code if f"`{code}`" not in text] == []


def test_a_trial_from_ten_thousand_on_belongs_to_its_campaign(home: Home) -> None:
    folder = home.campaign("made")
    write_atomically(folder / "campaign.json", made_campaign_spec("made").to_json())
    for number in (10_000, 123_456):
        made_record(folder / "trials", number, state=None)
    moved = made_record(folder / "trials", 20_000, state=None)
    moved.path.rename(folder / "trials" / "2000")
    foreign = [
        finding for finding in examine(home, ["made"], tracking=False).left if finding.code is Code.RECORD_FOREIGN
    ]
    assert [Path(finding.where).name for finding in foreign] == ["2000"]
