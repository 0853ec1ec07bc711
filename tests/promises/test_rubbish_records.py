"""Rubbish in the files of campaigns and records: refused in two lines, or read as what was stored; nothing else.

Everything that these files are read for is done with each input: leaderboards, importance, predictions, state, locks.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_exp.campaign import CampaignSpec
from fer_exp.campaign.changes import describe_hyperparameter, refuse_changes
from fer_exp.campaign.space import dimensions
from fer_exp.execute.crashes import Crash, crashes_of
from fer_exp.figures import parallel_figure
from fer_exp.leaderboard.importance import importance
from fer_exp.leaderboard.rows import leaderboard, whole
from fer_exp.leaderboard.table import leaderboard_csv, leaderboard_table
from fer_exp.records import Outcome, Predictions, Record, State, records_in
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import append_line, drop_torn_line
from fer_exp.system.home import Home
from fer_exp.system.lock import lock
from fer_exp.tuning.state import CampaignState, read_state, write_state
from fer_exp.verdict import compare_groups, find_groups
from tests.made_records import made_campaign, made_campaign_spec, made_predictions
from tests.rubbish import Input, altered, misfilled, no_files, patience, throw

OBJECTIVE = made_campaign_spec().settings.objective


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign of a baseline and four trials, with all its files."""
    folder = made_campaign(tmp_path_factory.mktemp("home") / "campaigns" / "made", 2)
    for number, record in enumerate(records_in(folder / "trials")):
        said = made_predictions(200)
        record.write_predictions(Predictions(said.labels, np.roll(said.probabilities, number, axis=0), said.rows))
        record.write_scores({"test/accuracy": 0.61, "test/images": 3589.0}, "test/scores.json")
    state = {"oracle": {"ongoing_trials": {}}, "trials": [{"id": "0", "values": {"a": 0.1}}], "extra": {}}
    write_state(folder, CampaignState(proposer=state))
    return folder


def every(file: Path, flips: int, cuts: int, fields: int) -> Iterator[Input]:
    good = file.read_bytes()
    filled = misfilled(good, file.name, fields) if fields else ()
    return chain(altered(good, file.name, flips, cuts), filled, no_files())


def board(folder: Path) -> Callable[[], Any]:
    """All that a leaderboard is read for."""
    space = dimensions(made_campaign_spec().space)
    known: list[Any] = []  # shares of importance take a hundredth of a second

    def read() -> Any:
        records = list(records_in(folder / "trials"))
        found, damaged = whole(records)
        assert len(found) + len(damaged) == 3  # what can be read is shown, what cannot is named
        if damaged:
            told = leaderboard(found, OBJECTIVE)
            leaderboard_table(told), leaderboard_csv(told)
        rows = leaderboard(records, OBJECTIVE)
        if rows not in known:
            importance(rows, space, OBJECTIVE)
            parallel_figure(rows, space, OBJECTIVE, "made")
            known.append(rows)
        return rows, [record.test_scores() for record in records]

    return read


@pytest.mark.parametrize("part", ["trial.json", "outcome.json", "scores.json", "test/scores.json", "history.jsonl"])
def test_a_record_s_files(folder: Path, part: str) -> None:
    file = folder / "trials" / "0002" / part
    fields = 0 if part == "history.jsonl" else 150
    verdict = throw(file, every(file, 160, 100, fields), board(folder), folder)
    verdict.check(at_least=330)
    assert verdict.refused > 250


def test_a_line_of_history(folder: Path) -> None:
    """As an older version wrote it, without a checksum."""
    file = folder / "trials" / "0002" / "history.jsonl"
    lines = file.read_bytes().split(b"\n")

    def in_the_middle(given: Input) -> Input:
        def put(path: Path) -> None:
            given.put(path)
            path.write_bytes(b"\n".join([*lines[:3], path.read_bytes(), *lines[4:]]))

        return Input(given.name, put, damaged=False)

    inputs = map(in_the_middle, misfilled(lines[3], "line", 300))
    throw(file, inputs, board(folder), folder, label="line of history").check(at_least=300)


def test_predictions(folder: Path) -> None:
    file = folder / "trials" / "0002" / "predictions.npz"

    def read() -> Any:
        found = Record(file.parent).predictions()
        return [array.tobytes() for array in (found.labels, found.probabilities, found.rows)]

    verdict = throw(file, chain(every(file, 600, 100, 0), odd_arrays()), read, folder)
    verdict.check(at_least=880)
    assert verdict.refused > 300


def odd_arrays() -> Iterator[Input]:
    """Files that NumPy reads, of other things than predictions."""
    good = made_predictions(200)
    arrays = {"labels": good.labels, "probabilities": good.probabilities, "rows": good.rows}
    others: dict[str, dict[str, Any]] = {
        "none at all": {},
        "no rows": {"labels": good.labels, "probabilities": good.probabilities},
        "labels as text": arrays | {"labels": good.labels.astype(str)},
        "one label too few": arrays | {"labels": good.labels[1:]},
        "six classes": arrays | {"probabilities": good.probabilities[:, 1:]},
        "a number for labels": arrays | {"labels": np.uint8(3)},
        "Python objects": arrays | {"rows": np.array([{}] * 200, dtype=object)},
        "a gigabyte of zeros": arrays | {"rows": np.zeros(2**27, np.int64)},
    }
    for name, content in others.items():
        yield Input(name, partial(_savez, arrays=content))


def _savez(path: Path, arrays: dict[str, Any]) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def test_predictions_in_a_comparison(folder: Path) -> None:
    """Trial 2 is a candidate that the best was picked from, so what was picked from must be whole."""
    home = Home(folder.parents[1])
    file = folder / "trials" / "0002" / "predictions.npz"

    def read() -> Any:
        ours, theirs = find_groups(home, "made")[0], find_groups(home, "made:baseline")[0]
        return compare_groups(ours, theirs)

    throw(file, every(file, 2, 2, 0), read, folder, label="compared predictions").check(at_least=35)


def test_a_campaign_s_own_file(folder: Path) -> None:
    file = folder / "campaign.json"
    now = made_campaign_spec()

    def read() -> Any:
        found = CampaignSpec.read(file)
        with contextlib.suppress(BadRecord):
            refuse_changes(found, now)
        dimensions(found.space), [describe_hyperparameter(entry) for entry in found.space]
        return found

    verdict = throw(file, every(file, 300, 100, 500), read, folder)
    verdict.check(at_least=1000)
    assert verdict.refused > 700


def test_the_state(folder: Path) -> None:
    file = folder / "state.json"
    throw(file, every(file, 150, 60, 80), lambda: read_state(folder), folder).check(at_least=350)


def test_the_lock_says_who_holds_it_or_does_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not sealed by an owner names nobody: a search goes on behind it, and writes its own."""
    monkeypatch.setattr("fer_exp.system.lock.PATIENCE", 0.0)
    file = folder / "lock.json"
    with lock(folder):
        killed = file.read_bytes()
    file.write_bytes(killed)  # whoever is killed leaves its name behind

    def read() -> Any:
        with lock(folder), pytest.raises(Exception, match="being driven by"), lock(folder):
            pass

    throw(file, every(file, 30, 10, 30), read, folder, mends=True).check(at_least=110)


def test_notes_of_deaths(folder: Path) -> None:
    """Only counted: a damaged line is a death, too, and a torn one is none."""
    file = folder / "trials" / "0002" / "deaths.jsonl"
    append_line(file, Crash(attempt=1, how="killed by SIGKILL", last_lines="a\nb").sealed())

    def read() -> Any:
        drop_torn_line(file)
        return crashes_of(Record(file.parent))

    inputs = (Input(given.name, given.put, damaged=False) for given in every(file, 30, 20, 0))
    throw(file, inputs, read, folder, mends=True).check(at_least=90)
    file.unlink()


def test_a_damaged_history_does_not_keep_its_trial_from_ending(folder: Path) -> None:
    record = Record(folder / "trials" / "0009")
    record.path.mkdir()
    os.mkfifo(record.path / "history.jsonl")
    with patience():
        record.end(Outcome(state=State.FAILED, reason="why"))
    outcome = record.outcome()
    assert outcome is not None
    assert outcome.reason == "why"
    (record.path / "history.jsonl").unlink()
    (record.path / "outcome.json").unlink()


def test_lines_lost_from_a_finished_history_are_missed(folder: Path) -> None:
    record = Record(folder / "trials" / "0001")
    file = record.path / "history.jsonl"
    good = file.read_bytes()
    file.write_bytes(b"\n".join(good.split(b"\n")[:-3]) + b"\n")
    with pytest.raises(BadRecord, match="expected 12 epochs, received 10"):
        record.history()
    file.write_bytes(good)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(folder: Path) -> None:
    file = folder / "trials" / "0002" / "outcome.json"
    file.chmod(0)
    with pytest.raises(BadRecord, match="Permission denied"):
        leaderboard(records_in(folder / "trials"), OBJECTIVE)
    file.chmod(0o644)
