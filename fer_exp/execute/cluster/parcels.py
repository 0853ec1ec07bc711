"""A record on its way to a node and back.

In: the parent's record. Out: a copy on a node that a training can go on from; what that training writes, in pieces; the
parent's record with those pieces in it, in the order of writing that every record keeps (`records/record.py`). The
node's copy is never the truth: what did not come back did not happen, and is trained again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fer_exp.execute.cluster.messages import Files, Over
from fer_exp.records import DATA, START_MODEL, Epoch, Record, best_epoch
from fer_exp.records.digest import TEACHER_MODEL
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import TEMPORARY, is_there, read_file, sync_folder, whole_lines, write_atomically

HISTORY, OUTCOME = "history.jsonl", "outcome.json"
QUESTION = ("trial.json", DATA, START_MODEL, TEACHER_MODEL)  # what a node is told, and never sends back
CHECKPOINTS = "checkpoint-*.weights.h5"
LARGEST = 2 * 1024**3  # bytes of a model or checkpoint
PIECE = 64 * 1024**2  # bytes of files that travel together
LOG_PIECE = 1024**2  # bytes of the log that travel at a time
TRIES = 5  # at reading checkpoints that a training replaces at the same time


class Superseded(Exception):
    """A later attempt at the same record has begun; what this one brings comes too late."""


@dataclass(frozen=True)
class Parcel:
    """A record as far as a training needs it."""

    name: str  # of its folder
    files: tuple[tuple[str, bytes], ...]
    beside: tuple[tuple[str, bytes], ...] = ()  # of the trial that it continues, whose epochs it does not count again


def parcel_of(record: Record) -> Parcel:
    """What an attempt at `record` needs; its last and best checkpoint are there if it has any epoch."""
    names = [*QUESTION, HISTORY, *(path.name for path in sorted(record.path.glob(CHECKPOINTS)))]
    files = tuple((name, read_file(record.path / name, LARGEST)) for name in names if is_there(record.path / name))
    continues = record.spec().continues
    beside = []
    if continues is not None:
        name = f"{continues:04d}/{HISTORY}"
        beside.append((name, read_file(record.path.parent / name)))
    return Parcel(record.path.name, files, tuple(beside))


def unpack(parcel: Parcel, folder: Path) -> Record:
    """The record of a parcel, made below `folder`. Not synced: a node that loses power loses nothing but time."""
    for name, content in (*((f"{parcel.name}/{name}", content) for name, content in parcel.files), *parcel.beside):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return Record(folder / parcel.name)


class Outbox:
    """What a training has written into a node's copy and the parent has not got yet.

    Args:
        record: The copy, as it was unpacked.
        attempt: Its number.
    """

    def __init__(self, record: Record, attempt: int) -> None:
        self._record = record
        self._log = record.attempt_log(attempt)
        self._lines = len(whole_lines(record.path / HISTORY))
        self._sent = {path.name for path in record.path.iterdir()}
        self._told = 0  # bytes of the log

    def epochs(self) -> Files | None:
        """The epochs since the last look, with the checkpoints to go on from; None where there are none."""
        for _ in range(TRIES):
            lines = whole_lines(self._record.path / HISTORY)
            if len(lines) == self._lines:
                return None
            history = [Epoch.from_json(line) for line in lines]
            wanted = {self._record.checkpoint(number) for number in (len(history), best_epoch(history))}
            try:
                files = self._read(path for path in sorted(wanted) if path.name not in self._sent)
            except FileNotFoundError:  # another epoch has ended meanwhile, and dropped them
                continue
            return self._packed(files, lines)
        return None

    def results(self) -> Iterator[Files]:
        """All the rest, when the process has ended: what is left of the log, and the results of an ended training."""
        yield from self._rest_of_log()
        if not is_there(self._record.path / OUTCOME):
            return
        lines = whole_lines(self._record.path / HISTORY)
        paths = [path for path in sorted(self._record.path.rglob("*")) if path.is_file() and self._is_result(path)]
        piece: list[Path] = []
        for path in paths:
            if piece and sum(part.stat().st_size for part in (*piece, path)) > PIECE:
                yield Files(self._read(piece))
                piece = []
            piece.append(path)
        yield self._packed(self._read(piece), lines)

    def outcome(self) -> bytes | None:
        """The training's outcome."""
        path = self._record.path / OUTCOME
        return read_file(path) if is_there(path) else None

    def checkpoints(self) -> tuple[str, ...]:
        """The checkpoints that are there."""
        return tuple(sorted(path.name for path in self._record.path.glob(CHECKPOINTS)))

    def _is_result(self, path: Path) -> bool:
        own = path.name in (HISTORY, OUTCOME, self._log.name) or path.name in self._sent
        return not own and not path.name.startswith(TEMPORARY)

    def _read(self, paths: "Iterator[Path] | list[Path]") -> tuple[tuple[str, bytes], ...]:
        return tuple((path.relative_to(self._record.path).as_posix(), read_file(path, LARGEST)) for path in paths)

    def _packed(self, files: tuple[tuple[str, bytes], ...], lines: list[str]) -> Files:
        packed = Files(files, tuple(lines[self._lines :]), self._more_log())
        self._lines = len(lines)
        self._sent |= {name for name, _ in files if PurePosixPath(name).match(CHECKPOINTS)}
        return packed

    def _more_log(self) -> bytes:
        if not self._log.exists():
            return b""
        with self._log.open("rb") as opened:
            opened.seek(self._told)
            more = opened.read(LOG_PIECE)
        self._told += len(more)
        return more

    def _rest_of_log(self) -> Iterator[Files]:
        while more := self._more_log():
            yield Files(log=more)


class Inbox:
    """Takes what an attempt sends into the parent's record.

    Args:
        record: The parent's.
        attempt: Number of the attempt that sends; its log says in the record that it has begun.
    """

    def __init__(self, record: Record, attempt: int) -> None:
        self._record = record
        self._attempt = attempt
        record.attempt_log(attempt).touch()
        sync_folder(record.path)

    def take(self, message: Files) -> None:
        """Adds files, epochs and log.

        Raises:
            Superseded: A later attempt has begun.
            BadRecord: They do not fit the record.
        """
        self._refuse_late()
        for name, content in message.files:
            write_atomically(self._inside(name), content)
        if message.lines:
            self._record.extend([Epoch.from_json(line) for line in message.lines])
        if message.log:
            with self._record.attempt_log(self._attempt).open("ab") as log:
                log.write(message.log)

    def close(self, over: Over) -> None:
        """Ends the record, if the training came to an end: the outcome is written when all else is there.

        Raises:
            Superseded: A later attempt has begun.
        """
        self._refuse_late()
        if over.outcome is None:
            return
        write_atomically(self._record.path / OUTCOME, over.outcome)
        for path in self._record.path.glob(CHECKPOINTS):
            if path.name not in over.checkpoints:
                path.unlink(missing_ok=True)

    def _refuse_late(self) -> None:
        if newest_attempt(self._record) != self._attempt:
            raise Superseded(f"attempt {self._attempt} at {self._record.path}")

    def _inside(self, name: str) -> Path:
        parts = PurePosixPath(name).parts
        if not parts or PurePosixPath(name).is_absolute() or ".." in parts:
            raise BadRecord(f"{self._record.path}: expected a file of the record, received {name!r}", "It is left out.")
        return self._record.path.joinpath(*parts)


def newest_attempt(record: Record) -> int:
    """The number of the last attempt that has begun; 0 before the first."""
    numbers = (path.stem.removeprefix("attempt-") for path in record.path.glob("attempt-*.log"))
    return max((int(number) for number in numbers if number.isdigit()), default=0)
