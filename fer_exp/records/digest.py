"""Whether a model's or a checkpoint's file is the one that was recorded, asked before Keras opens it.

In: a file, and the record that speaks for it. Out: the same path, or an error. A record's outcome names the SHA-256 of
its model, its history those of its checkpoints, and its specification that of the model its training started from; a
copy from elsewhere (MLflow's) is held against the same digest.
"""

from collections.abc import Sequence
from pathlib import Path

from fer_exp.records import START_MODEL, Epoch, Record
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import sha256_of

TEACHER_MODEL = "teacher.keras"  # in a record: the model whose probabilities its training distils
SHOWN = 16  # digits of a digest in a message


def model_is_vouched_for(record: Record, file: Path) -> bool:
    """Whether the record says which model is its own; False in records of versions that did not write it down.

    Raises:
        BadRecord: It does, and `file` is another one. A missing file is left to whoever opens it.
    """
    outcome = record.outcome()
    if outcome is None or outcome.model_sha256 is None:
        return False
    if file.exists():
        _compare(file, outcome.model_sha256, record)
    return True


def start_model(record: Record) -> Path | None:
    """The model that the record's training starts from; None where it starts from nothing.

    Raises:
        BadRecord: It is missing, or not the one that was asked for.
    """
    return _named_model(record, record.spec().start_from, START_MODEL, "start from it")


def teacher_model(record: Record) -> Path | None:
    """The model whose probabilities the record's training distils; None where it has no teacher.

    Raises:
        BadRecord: It is missing, or not the one that was asked for.
    """
    return _named_model(record, record.spec().teacher, TEACHER_MODEL, "learn from it")


def _named_model(record: Record, wanted: str | None, name: str, purpose: str) -> Path | None:
    path = record.path / name
    if wanted is None:
        return None
    if not path.exists():
        raise BadRecord(f"{path} does not exist, and the training is to {purpose}", _MOVE_AWAY)
    _compare(path, wanted, record)
    return path


def checkpoint_of(record: Record, history: Sequence[Epoch], epoch: int) -> Path:
    """The weights and optimizer after `epoch`, to go on from or to make the model of.

    Args:
        record: Whose they are.
        history: The record's.
        epoch: From 1.

    Raises:
        BadRecord: They are missing, or not the ones that the epoch's line of history names.
    """
    path, wanted = record.checkpoint(epoch), history[epoch - 1].checkpoint_sha256
    if not path.exists():
        raise BadRecord(f"{path} does not exist, and the training is to go on from it", _DOCTOR.format(record.path))
    if wanted is not None:
        _compare(path, wanted, record, "checkpoint")
    return path


def check_last_checkpoint(record: Record) -> None:
    """Asked before a process goes on with `record`: else the training would be given up, and its trial be lost.

    Raises:
        BadRecord: As `checkpoint_of`.
    """
    while history := record.history():
        try:
            checkpoint_of(record, history, len(history))
        except BadRecord:
            if len(record.history()) == len(history):
                raise
            continue  # a process that has lost its search may end an epoch yet, and drops the checkpoint before
        return


def _compare(file: Path, wanted: str, record: Record, kind: str = "model") -> None:
    received = sha256_of(file)
    if received != wanted:
        raise BadRecord(
            f"{file}: expected the {kind} that {record.path.name} recorded (SHA-256 {wanted[:SHOWN]}...), "
            f"received another one ({received[:SHOWN]}...)",
            _DOCTOR.format(record.path),
        )


_DOCTOR = "It was not loaded and nothing was changed. `fer-exp doctor` says what can be done about {}."
_MOVE_AWAY = "Nothing was trained. Move the trial's folder away to train it again."
