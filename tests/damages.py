"""Damage to a campaign's folder, each kind with the doctor's word for it, and what the doctor says.

In: a campaign's folder. Out: the same, damaged.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fer_exp.doctor import Code
from fer_exp.holdout.gap import GAP, Gap, Part
from fer_exp.metrics.calibration import Calibration, Trust
from fer_exp.records import Record
from fer_exp.system.files import temporary_name, write_atomically
from tests.commands import call

Damage = Callable[[Path], object]
LEFT = 8  # the exit code


def visit(*options: object) -> dict[str, list[dict[str, object]]]:
    """What the doctor says, as JSON."""
    result = call("doctor", "--json", "--no-tracking", *options)
    said: dict[str, list[dict[str, object]]] = json.loads(result.stdout)
    assert result.exit_code == (LEFT if said["left"] else 0), result.output
    return said


def codes(found: list[dict[str, object]]) -> set[object]:
    return {finding["code"] for finding in found}


def trial(folder: Path, number: int = 2) -> Path:
    return folder / "trials" / f"{number:04d}"


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(unsealed(path) | values))


def unsealed(path: Path) -> dict[str, Any]:
    """What a file says, without the checksum that would show the change."""
    document: dict[str, Any] = json.loads(path.read_text())
    document.pop("crc32", None)
    return document


def made_calibration() -> str:
    trust = Trust(log_loss=1.0, ece=0.1, confidence=0.7)
    return Calibration(temperature=1.4, applied=True, images=8, accuracy=0.6, before=trust, after=trust).sealed()


def made_gap() -> str:
    part = Part(images=8, accuracy=0.75, copies=0, accuracy_copied=None, accuracy_without_copies=0.75)
    return Gap(validation=part, test=part).sealed()


def calibrated(folder: Path) -> None:
    """A trial whose model applies a temperature, and of whose calibration nothing is left."""
    spec = unsealed(trial(folder) / "trial.json")
    change(trial(folder) / "trial.json", recipe=spec["recipe"] | {"calibrate": True})
    (trial(folder) / "calibration.json").write_text("")


def proposer(folder: Path, do: Callable[[list[dict[str, object]]], object]) -> None:
    """Changes the trials that the state knows."""
    state = unsealed(folder / "state.json")
    do(state["proposer"]["trials"])
    (folder / "state.json").write_text(json.dumps(state))


def without_lines(path: Path, number: int) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:number] + lines[number + 1 :]))


def tear(path: Path) -> None:
    with path.open("a") as torn:
        torn.write('{"epoch": 3, "tr')


def lose_a_number(folder: Path) -> None:
    shutil.rmtree(trial(folder, 1))
    proposer(folder, lambda trials: trials.pop(0))


def unended(folder: Path) -> None:
    record = Record(trial(folder))
    (record.path / "outcome.json").unlink()
    record.checkpoint(len(record.history())).write_bytes(b"weights")


def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


MENDED: dict[str, tuple[Code, Damage]] = {
    "a torn state": (Code.STATE_UNREADABLE, lambda f: os.truncate(f / "state.json", 100)),
    "an empty state": (Code.STATE_UNREADABLE, lambda f: (f / "state.json").write_text("")),
    "a state of something else": (Code.STATE_UNREADABLE, lambda f: change(f / "state.json", proposer={"a": 1})),
    "a state that has not heard of a trial": (Code.RECORD_UNKNOWN, lambda f: proposer(f, lambda t: t.pop())),
    "a state that has heard too much": (Code.STATE_AHEAD, unended),
    "a trial whose record is gone": (Code.TRIAL_WITHOUT_RECORD, lambda f: shutil.rmtree(trial(f))),
    "a number that nobody knows": (Code.NUMBER_MISSING, lose_a_number),
    "a lock that names nobody": (Code.LOCK_STALE, lambda f: (f / "lock.json").write_text("{")),
    "a record without trial.json": (Code.RECORD_UNREADABLE, lambda f: (trial(f) / "trial.json").unlink()),
    "a torn trial.json": (Code.RECORD_UNREADABLE, lambda f: os.truncate(trial(f) / "trial.json", 50)),
    "a torn outcome": (Code.RECORD_UNREADABLE, lambda f: os.truncate(trial(f) / "outcome.json", 10)),
    "torn scores": (Code.RECORD_UNREADABLE, lambda f: os.truncate(trial(f) / "scores.json", 10)),
    "torn predictions": (Code.RECORD_UNREADABLE, lambda f: os.truncate(trial(f) / "predictions.npz", 200)),
    "a history with a gap": (Code.RECORD_UNREADABLE, lambda f: without_lines(trial(f) / "history.jsonl", 0)),
    "a history cut after the best epoch": (
        Code.RECORD_UNREADABLE,
        lambda f: without_lines(trial(f) / "history.jsonl", 1),
    ),
    "a history that is no history": (
        Code.RECORD_UNREADABLE,
        lambda f: (trial(f) / "history.jsonl").write_text("{}\n{}\n"),
    ),
    "a history that ends in a line": (
        Code.TORN_LINE,
        lambda f: tear(trial(f) / "history.jsonl"),
    ),
    "scores that are missing": (Code.RECORD_UNREADABLE, lambda f: (trial(f) / "scores.json").unlink()),
    "predictions that are missing": (Code.RESULTS_MISSING, lambda f: (trial(f) / "predictions.npz").unlink()),
    "a record of another campaign": (
        Code.RECORD_FOREIGN,
        lambda f: change(trial(f) / "trial.json", campaign="other"),
    ),
    "a record under another number": (Code.RECORD_FOREIGN, lambda f: change(trial(f) / "trial.json", number=7)),
    "a damaged report": (Code.SIDE_FILE_UNREADABLE, lambda f: (trial(f) / "report.json").write_text("{")),
    "damaged calibration": (Code.SIDE_FILE_UNREADABLE, lambda f: (trial(f) / "calibration.json").write_text("")),
    "calibration with another digit": (
        Code.SIDE_FILE_UNREADABLE,
        lambda f: (trial(f) / "calibration.json").write_text(made_calibration().replace("1.4", "1.5")),
    ),
    "a gap with another digit": (
        Code.SIDE_FILE_UNREADABLE,
        lambda f: write_atomically(trial(f) / GAP, made_gap().replace("0.75", "0.74")),
    ),
    "a damaged note of when it was asked for": (
        Code.SIDE_FILE_UNREADABLE,
        lambda f: (trial(f) / "asked.json").write_text("{"),
    ),
    "damaged scores on test": (
        Code.SIDE_FILE_UNREADABLE,
        lambda f: write_atomically(trial(f) / "test" / "scores.json", "{"),
    ),
    "a file half written": (
        Code.LEFTOVER_FILE,
        lambda f: (trial(f) / temporary_name("scores.json", pid=dead_pid())).write_text("{"),
    ),
    "checkpoints of a finished training": (
        Code.LEFTOVER_CHECKPOINT,
        lambda f: Record(trial(f)).checkpoint(2).write_bytes(b"weights"),
    ),
}


BY_HAND: dict[str, tuple[Code, Damage]] = {
    "no campaign file": (Code.CAMPAIGN_MISSING, lambda f: (f / "campaign.json").unlink()),
    "a torn campaign file": (Code.CAMPAIGN_UNREADABLE, lambda f: os.truncate(f / "campaign.json", 30)),
    "a campaign of a later version": (
        Code.LATER_VERSION,
        lambda f: change(f / "campaign.json", schema_version=2, new=1),
    ),
    "a state of a later version": (Code.LATER_VERSION, lambda f: change(f / "state.json", schema_version=2, new=1)),
    "a record of a later version": (
        Code.LATER_VERSION,
        lambda f: change(trial(f) / "trial.json", schema_version=2, new=1),
    ),
    "a damaged ledger": (Code.LEDGER_UNREADABLE, lambda f: (f / "ledger.jsonl").write_text("{\n") and None),
    "damaged calibration of a model that applies it": (
        Code.SIDE_FILE_UNREADABLE,
        calibrated,
    ),
    "no baseline's model": (Code.MODEL_MISSING, lambda f: Record(trial(f, 0)).model.unlink()),
    "other packages": (
        Code.PACKAGE_VERSION,
        lambda f: (trial(f) / "provenance.json").write_text('{"version.numpy": "1.26.4"}'),
    ),
}
