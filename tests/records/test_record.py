"""Records: the folder is the only truth about a training, whatever interrupted it."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_exp.recipe import baseline_recipe
from fer_exp.records import (
    Epoch,
    Kind,
    Outcome,
    Predictions,
    Record,
    State,
    TrialSpec,
    best_epoch,
    now_ms,
    records_in,
)
from fer_exp.records import record as record_module
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import sha256_of, whole_lines
from tests.made_records import made_record

SPEC = TrialSpec(
    campaign="demo",
    kind=Kind.TRIAL,
    number=1,
    seed=1,
    recipe=baseline_recipe(),
    epochs=3,
    horizon=3,
    data_digest="d" * 16,
    split_digest="e" * 16,
    protocol="official",
    values={"learning_rate": 1e-3, "flip": True, "blocks": 2, "order": "conv-relu-bn"},
)


def row(epoch: int, val_accuracy: float = 0.5) -> Epoch:
    """An epoch like any other."""
    return Epoch(
        epoch=epoch,
        train_loss=1.5,
        train_accuracy=0.4,
        val_loss=1.6,
        val_accuracy=val_accuracy,
        learning_rate=1e-3,
        seconds=50.0,
        images_per_second=340.0,
        time_ms=1_700_000_000_000 + epoch,
    )


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record.create(tmp_path / "trials" / "0001", SPEC)


def train(record: Record, *val_accuracies: float) -> None:
    """Adds epochs as a training does: the checkpoint, then the line."""
    for val_accuracy in val_accuracies:
        epoch = len(record.history()) + 1
        record.checkpoint(epoch).write_bytes(b"weights")
        record.append(row(epoch, val_accuracy))


def checkpoints(record: Record) -> list[int]:
    """The epochs whose checkpoints are on disk."""
    return [epoch for epoch in range(1, 20) if record.checkpoint(epoch).exists()]


# -- what was asked for


def test_a_new_record_says_what_was_asked_for(record: Record) -> None:
    assert record.exists()
    assert record.spec() == SPEC
    assert record.state() is State.WAITING
    assert record.history() == []
    assert record.outcome() is None
    assert record.scores() == {}
    assert record.test_scores() == {}


def test_asking_again_for_the_same_training_finds_its_record(record: Record) -> None:
    train(record, 0.5)
    found = Record.create(record.path, SPEC)
    assert found == record
    assert found.history() == [row(1)]


@pytest.mark.parametrize(
    "change",
    [{"seed": 2}, {"epochs": 4}, {"data_digest": "f" * 16}, {"recipe": baseline_recipe().but(learning_rate=0.002)}],
)
def test_another_training_in_its_place_is_refused_and_nothing_changes(
    record: Record, change: dict[str, object]
) -> None:
    with pytest.raises(BadRecord, match="another training"):
        Record.create(record.path, SPEC.model_copy(update=change))
    assert record.spec() == SPEC


@given(
    values=st.dictionaries(
        st.text(min_size=1, max_size=9),
        st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=9),
        max_size=4,
    )
)
def test_hyperparameters_keep_their_types(values: dict[str, bool | int | float | str]) -> None:
    kept = TrialSpec.from_json(SPEC.model_copy(update={"values": values}).to_json()).values
    assert kept == values
    assert [type(value) for value in kept.values()] == [type(value) for value in values.values()]


def test_a_damaged_specification_is_a_bad_record(record: Record) -> None:
    path = record.path / "trial.json"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadRecord, match=r"trial\.json"):
        record.spec()


# -- epochs


def test_history_is_what_was_appended(record: Record) -> None:
    train(record, 0.4, 0.5, 0.6)
    assert record.history() == [row(1, 0.4), row(2, 0.5), row(3, 0.6)]
    assert record.state() is State.RUNNING


def test_epochs_come_one_after_the_other(record: Record) -> None:
    train(record, 0.4)
    for wrong in (1, 3):
        with pytest.raises(ValueError, match=f"expected epoch 2, received {wrong}"):
            record.append(row(wrong))
    assert record.history() == [row(1, 0.4)]


def test_a_training_that_ends_while_its_history_is_read_is_not_taken_for_one_that_lost_epochs(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(record, 0.5)
    real = whole_lines

    def slowly(path: Path) -> list[str]:
        lines = real(path)
        monkeypatch.setattr(record_module, "whole_lines", real)
        train(Record(record.path), 0.6)
        Record(record.path).end(Outcome(state=State.FINISHED, best_epoch=2))
        return lines

    monkeypatch.setattr(record_module, "whole_lines", slowly)
    assert [row.epoch for row in record.history()] == [1]
    assert [row.epoch for row in record.history()] == [1, 2]
    (record.path / "history.jsonl").write_text("")
    with pytest.raises(BadRecord, match="expected 2 epochs, received 0"):
        record.history()


def test_the_last_and_the_best_checkpoint_stay(record: Record) -> None:
    kept = []
    for val_accuracy in (0.4, 0.6, 0.5, 0.6, 0.7, 0.1):
        train(record, val_accuracy)
        kept.append(checkpoints(record))
    assert kept == [[1], [2], [2, 3], [2, 4], [5], [5, 6]]


def test_a_line_torn_by_a_crash_never_happened(record: Record) -> None:
    train(record, 0.4, 0.5)
    with (record.path / "history.jsonl").open("ab") as target:
        target.write(row(3).to_json().encode()[:-5])
    record.checkpoint(3).write_bytes(b"weights")
    assert record.history() == [row(1, 0.4), row(2, 0.5)]
    train(record, 0.6)
    assert record.history() == [row(1, 0.4), row(2, 0.5), row(3, 0.6)]


def test_a_checkpoint_whose_line_was_never_written_is_replaced_by_the_next_attempt(record: Record) -> None:
    train(record, 0.4)
    record.checkpoint(2).write_bytes(b"never recorded")
    assert record.history() == [row(1, 0.4)]
    train(record, 0.5)
    assert checkpoints(record) == [2]
    assert record.checkpoint(2).read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([row(1).to_json(), "{not json"], "line 2: "),
        ([row(1).to_json(), row(3).to_json()], "line 2: expected epoch 2, received 3"),
        ([row(1).to_json(), row(1).to_json()], "line 2: expected epoch 2, received 1"),
        ([row(2).to_json()], "line 1: expected epoch 1, received 2"),
        (["", row(1).to_json()], "line 1: "),
        ([row(1).to_json().replace('"epoch":1,', "")], "line 1: epoch: Field required"),
        ([row(1).to_json().replace("}", ',"loss":1}')], "line 1: loss: "),
    ],
)
def test_a_history_that_does_not_add_up_is_a_bad_record(record: Record, lines: list[str], said: str) -> None:
    (record.path / "history.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(BadRecord, match=said) as caught:
        record.history()
    assert "Nothing was changed" in caught.value.remedy


def test_the_best_epoch_is_the_first_with_the_highest_validation_accuracy() -> None:
    assert best_epoch([]) == 0
    assert best_epoch([row(1, 0.3), row(2, 0.5), row(3, 0.5), row(4, 0.4)]) == 2


# -- end


@pytest.mark.parametrize("state", [State.FINISHED, State.FAILED])
def test_an_outcome_ends_a_record(record: Record, state: State) -> None:
    train(record, 0.4)
    before = now_ms()
    record.end(Outcome(state=state, reason="why", attempts=2, best_epoch=1))
    outcome = record.outcome()
    assert outcome is not None
    assert outcome.model_copy(update={"ended_ms": 0}) == Outcome(
        state=state, reason="why", attempts=2, best_epoch=1, epochs=1
    )
    assert before <= outcome.ended_ms <= now_ms()
    assert record.state() is state


def test_a_finished_record_needs_no_checkpoint(record: Record) -> None:
    train(record, 0.6, 0.5, 0.4)
    record.end(Outcome(state=State.FINISHED, best_epoch=1))
    assert checkpoints(record) == []


def test_a_record_that_may_be_promoted_keeps_its_last_and_best_checkpoint(record: Record) -> None:
    train(record, 0.6, 0.5, 0.4)
    record.end(Outcome(state=State.FINISHED, best_epoch=1), keep_checkpoints=True)
    assert checkpoints(record) == [1, 3]


def test_a_trial_whose_history_is_damaged_can_still_be_ended(record: Record) -> None:
    train(record, 0.6)
    (record.path / "history.jsonl").write_text("{not json\n")
    record.end(Outcome(state=State.FAILED, reason="history"), keep_checkpoints=True)
    assert record.state() is State.FAILED


def test_the_end_writes_down_which_model_it_was(tmp_path: Path) -> None:
    record = Record.create(tmp_path / "0001", SPEC)
    record.end(Outcome(state=State.FINISHED))
    assert record.outcome().model_sha256 is None  # type: ignore[union-attr]
    record.model.write_bytes(b"a model")
    record.end(Outcome(state=State.FINISHED))
    assert record.outcome().model_sha256 == sha256_of(record.model)  # type: ignore[union-attr]


def test_an_outcome_of_before_digests_is_read(tmp_path: Path) -> None:
    record = Record.create(tmp_path / "0001", SPEC)
    (record.path / "outcome.json").write_text('{"state": "finished", "ended_ms": 5}')
    assert record.outcome() == Outcome(state=State.FINISHED, ended_ms=5)


def test_a_damaged_outcome_is_a_bad_record_rather_than_none(record: Record) -> None:
    (record.path / "outcome.json").write_text("")
    with pytest.raises(BadRecord, match=r"outcome\.json"):
        record.state()


# -- results


def predictions(images: int) -> Predictions:
    """What an undecided model says about so many faces."""
    random_numbers = np.random.default_rng(1)
    return Predictions(
        labels=random_numbers.integers(0, 7, images).astype(np.uint8),
        probabilities=random_numbers.random((images, 7), dtype=np.float32),
        rows=random_numbers.permutation(images).astype(np.int64),
    )


def same(a: Predictions, b: Predictions) -> bool:
    """Whether both say the same, bit by bit."""
    pairs = ((a.labels, b.labels), (a.probabilities, b.probabilities), (a.rows, b.rows))
    return all(x.dtype == y.dtype and x.shape == y.shape and bool((x == y).all()) for x, y in pairs)


@pytest.mark.parametrize("name", ["predictions.npz", "test/predictions.npz"])
@pytest.mark.parametrize("images", [0, 50])
def test_predictions_come_back_bit_by_bit(record: Record, name: str, images: int) -> None:
    record.write_predictions(predictions(images), name)
    assert same(record.predictions(name), predictions(images))


def test_predictions_that_are_not_there_are_a_bad_record(record: Record) -> None:
    with pytest.raises(BadRecord, match=r"predictions\.npz"):
        record.predictions()


def test_damaged_predictions_are_a_bad_record_and_never_other_predictions(record: Record) -> None:
    record.write_predictions(predictions(50))
    path = record.path / "predictions.npz"
    whole = path.read_bytes()
    chance = random.Random(1)
    refused = 0
    for trial in range(600):
        damaged = bytearray(whole)
        place = chance.randrange(len(whole))
        if trial % 3:
            damaged[place] ^= 1 << chance.randrange(8)
        else:
            del damaged[place:]
        path.write_bytes(damaged)
        try:
            assert same(record.predictions(), predictions(50))  # a date in the archive was hit, or the like
        except BadRecord:
            refused += 1
    assert refused > 500


def test_scores_come_back(record: Record) -> None:
    record.write_scores({"val/accuracy": 0.1 + 0.2, "val/log_loss": float("inf")})
    record.write_scores({"test/accuracy": 0.6478}, "test/scores.json")
    assert record.scores() == {"val/accuracy": 0.1 + 0.2, "val/log_loss": float("inf")}
    assert record.test_scores() == {"test/accuracy": 0.6478}


def test_damaged_scores_are_a_bad_record_rather_than_none(record: Record) -> None:
    (record.path / "scores.json").write_text('{"values": {"val/accuracy": "high"}}')
    with pytest.raises(BadRecord, match="val/accuracy"):
        record.scores()


# -- many


def test_records_are_listed_by_name_and_other_folders_are_not(tmp_path: Path) -> None:
    for name in ("0002", "0000", "0001"):
        Record.create(tmp_path / name, SPEC)
    (tmp_path / "notes").mkdir()
    (tmp_path / "0003").write_text("a file")
    assert [record.path.name for record in records_in(tmp_path)] == ["0000", "0001", "0002"]


def test_a_folder_that_does_not_exist_holds_no_records(tmp_path: Path) -> None:
    assert list(records_in(tmp_path / "trials")) == []


def test_records_are_sorted_by_number_however_many_there_are(tmp_path: Path) -> None:
    numbers = [10_000, 9_999, 2, 100_000]
    for number in numbers:
        made_record(tmp_path, number, state=None)
    assert [record.spec().number for record in records_in(tmp_path)] == sorted(numbers)
