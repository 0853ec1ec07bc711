"""A record that is sent to a node and comes back in pieces is the record that was trained there."""

from pathlib import Path

import pytest

from fer_exp.execute.cluster.messages import Files, Over
from fer_exp.execute.cluster.parcels import Inbox, Outbox, Superseded, newest_attempt, parcel_of, unpack
from fer_exp.recipe import baseline_recipe
from fer_exp.records import Record, State
from fer_exp.system.errors import BadRecord
from tests.asked_records import new_record
from tests.fake_trials import Killed, work_on

EPOCHS = 4


def files_of(record: Record) -> dict[str, bytes]:
    return {
        path.relative_to(record.path).as_posix(): path.read_bytes()
        for path in sorted(record.path.rglob("*"))
        if path.is_file()
    }


def train_there(here: Record, node: Path, attempt: int, *, until: int = EPOCHS, keep: bool = False) -> None:
    """An attempt on a node, each epoch brought here as it ends; cut off after the epoch `until`, before its results."""
    there = unpack(parcel_of(here), node)
    outbox, inbox = Outbox(there, attempt), Inbox(here, attempt)

    def bring(epoch: int) -> None:
        if (files := outbox.epochs()) is not None:
            inbox.take(files)
        if epoch > until:
            raise Killed

    try:
        work_on(there, attempt, bring, lambda: False, keep_checkpoints=keep)
    except Killed:
        return
    for files in outbox.results():
        inbox.take(files)
    inbox.close(Over(0, None, 0.0, outbox.checkpoints(), outbox.outcome()))


@pytest.mark.parametrize("keep", [False, True])
def test_what_comes_back_is_what_was_trained(tmp_path: Path, keep: bool) -> None:
    here = new_record(tmp_path / "here" / "0001", baseline_recipe(), epochs=EPOCHS)
    train_there(here, tmp_path / "node", 1, keep=keep)
    assert here.state() is State.FINISHED
    assert files_of(here) == files_of(Record(tmp_path / "node" / "0001"))
    assert bool(list(here.path.glob("checkpoint-*"))) is keep


def test_a_trial_whose_node_died_goes_on_elsewhere_behind_its_last_epoch(tmp_path: Path) -> None:
    here = new_record(tmp_path / "here" / "0001", baseline_recipe(), epochs=EPOCHS)
    train_there(here, tmp_path / "first", 1, until=2)
    assert (here.outcome(), [row.epoch for row in here.history()]) == (None, [1, 2])
    parcel = parcel_of(here)
    assert "checkpoint-0002.weights.h5" in dict(parcel.files)
    train_there(here, tmp_path / "second", 2)
    assert [row.epoch for row in here.history()] == [1, 2, 3, 4]
    first, second = (Record(tmp_path / node / "0001").history() for node in ("first", "second"))
    assert here.history() == second
    assert second[:2] == first[:2]


def test_several_epochs_that_ended_between_two_looks_come_at_once(tmp_path: Path) -> None:
    here = new_record(tmp_path / "here" / "0001", baseline_recipe(), epochs=EPOCHS)
    there = unpack(parcel_of(here), tmp_path / "node")
    outbox, inbox = Outbox(there, 1), Inbox(here, 1)
    with pytest.raises(Killed):
        work_on(there, 1, lambda epoch: _cut(epoch, 4), lambda: False)
    files = outbox.epochs()
    assert files is not None
    assert len(files.lines) == 3
    inbox.take(files)
    assert [row.epoch for row in here.history()] == [1, 2, 3]
    assert here.checkpoint(3).exists()
    assert outbox.epochs() is None


def _cut(epoch: int, last: int) -> None:
    if epoch == last:
        raise Killed


def test_an_attempt_that_was_replaced_brings_nothing(tmp_path: Path) -> None:
    here = new_record(tmp_path / "here" / "0001", baseline_recipe(), epochs=EPOCHS)
    late = unpack(parcel_of(here), tmp_path / "cut-off")
    outbox, inbox = Outbox(late, 1), Inbox(here, 1)
    work_on(late, 1, lambda _: None, lambda: False)
    train_there(here, tmp_path / "second", 2, until=1)
    before = files_of(here)
    messages = [outbox.epochs(), *outbox.results()]
    for message in messages:
        with pytest.raises(Superseded):
            inbox.take(message or Files())
    with pytest.raises(Superseded):
        inbox.close(Over(0, None, 0.0, (), outbox.outcome()))
    assert files_of(here) == before
    assert newest_attempt(here) == 2


def test_a_record_ends_only_when_all_of_it_is_there(tmp_path: Path) -> None:
    here = new_record(tmp_path / "here" / "0001", baseline_recipe(), epochs=EPOCHS)
    there = unpack(parcel_of(here), tmp_path / "node")
    outbox, inbox = Outbox(there, 1), Inbox(here, 1)
    work_on(there, 1, lambda _: None, lambda: False)
    for files in outbox.results():
        inbox.take(files)
    assert here.outcome() is None  # the node died before it said that this was all
    train_there(here, tmp_path / "second", 2)
    assert here.state() is State.FINISHED


def test_a_promoted_trial_takes_the_epochs_of_its_source_with_it(tmp_path: Path) -> None:
    source = new_record(tmp_path / "here" / "0001", baseline_recipe(), epochs=2)
    train_there(source, tmp_path / "node", 1, keep=True)
    promoted = new_record(tmp_path / "here" / "0002", baseline_recipe(), epochs=EPOCHS, number=2, continues=1)
    assert dict(parcel_of(promoted).beside).keys() == {"0001/history.jsonl"}
    there = unpack(parcel_of(promoted), tmp_path / "other-node")
    assert Record(there.path.parent / "0001").history() == source.history()


@pytest.mark.parametrize("name", ["../other/trial.json", "/etc/passwd", ""])
def test_a_file_that_leads_out_of_the_record_is_refused(tmp_path: Path, name: str) -> None:
    here = new_record(tmp_path / "here" / "0001", baseline_recipe(), epochs=EPOCHS)
    inbox = Inbox(here, 1)
    before = files_of(here)
    with pytest.raises(BadRecord, match="expected a file of the record"):
        inbox.take(Files(files=((name, b"?"),)))
    assert files_of(here) == before
