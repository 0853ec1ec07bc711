"""Processes that write records into one campaign's folder at the same time, and one that reads what is there.

In: a folder. Out: records, a shared file that all replace and a shared file to which all append; or how often the
reader saw something whole.
"""

import json
import random
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path

from fer_exp.recipe import baseline_recipe
from fer_exp.records import Epoch, Kind, Outcome, Record, State, TrialSpec
from fer_exp.system.files import append_line, whole_lines, write_atomically

SHARED = "shared.json"
LEDGER = "ledger.jsonl"
PAYLOAD = 2_000  # characters, so that half a file can be told from a whole one
NUMBERS = 1_000  # numbers of records that each writer has to itself


def write_records(folder: Path, writer: int, records: int) -> None:
    """Entry of a writer's process: each record as a trial leaves it, the shared files after every one."""
    for count in range(records):
        number = NUMBERS * writer + count
        record = Record.create(folder / "trials" / f"{number:05d}", _spec(number))
        record.append(_epoch(1, number))
        record.append(_epoch(2, number))
        record.write_scores({"val/accuracy": number / 1e5})
        record.end(Outcome(state=State.FINISHED, best_epoch=2))
        append_line(folder / LEDGER, shared(number))
        write_atomically(folder / SHARED, shared(number))


def shared(number: int) -> str:
    """What a writer puts into the shared files; whole only with its end."""
    return json.dumps({"number": number, "payload": f"{number}|" * (PAYLOAD // 5), "end": number})


def _spec(number: int) -> TrialSpec:
    return TrialSpec(
        campaign="many",
        kind=Kind.TRIAL,
        number=number,
        seed=1,
        recipe=baseline_recipe(),
        epochs=2,
        horizon=2,
        data_digest="0123456789abcdef",
        split_digest="fedcba9876543210",
        protocol="official",
    )


def _epoch(epoch: int, number: int) -> Epoch:
    return Epoch(
        epoch=epoch,
        train_loss=1.0,
        train_accuracy=0.5,
        val_loss=1.0,
        val_accuracy=number / 1e5,
        learning_rate=1e-3,
        seconds=1.0,
        images_per_second=100.0,
        time_ms=number,
    )


@dataclass
class Seen:
    """How often the reader looked, and how much it saw."""

    shared: int = 0
    lines: int = 0
    records: int = 0
    ended: int = 0


def read_all_the_time(folder: Path, done: Event, seed: int = 1) -> Seen:
    """Reads at random until `done`; whatever is not whole raises."""
    seen, draw = Seen(), random.Random(seed)
    while not done.is_set():
        if (folder / SHARED).exists():
            assert is_whole((folder / SHARED).read_text())
            seen.shared += 1
        lines = whole_lines(folder / LEDGER)[-50:]
        assert all(is_whole(line) for line in lines)
        seen.lines += len(lines)
        paths = list((folder / "trials").glob("*"))
        for path in draw.sample(paths, min(20, len(paths))):
            _read(Record(path), seen)
    return seen


def is_whole(text: str) -> bool:
    """Whether this is what a writer wrote, to its last character."""
    return text == shared(json.loads(text)["number"])


def _read(record: Record, seen: Seen) -> None:
    if not record.exists():
        return  # its folder is there, and nothing was asked for yet
    number = int(record.path.name)
    assert record.spec().number == number
    ended = record.outcome() is not None  # before the rest, which must be there then
    history, scores = record.history(), record.scores()
    assert all(epoch.time_ms == number for epoch in history)
    seen.records += 1
    if ended:
        assert len(history) == 2
        assert scores == {"val/accuracy": number / 1e5}
        seen.ended += 1
