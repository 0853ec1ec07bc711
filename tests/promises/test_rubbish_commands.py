"""Rubbish in a home, met by commands: two lines, a documented exit code, nothing else changed."""

from itertools import chain
from pathlib import Path

import pytest

from fer_exp.records import records_in
from fer_exp.system.home import Home
from tests.commands import call, contents
from tests.made_records import made_campaign, made_predictions
from tests.rubbish import altered, no_files, patience, remove

PARTS = {
    "campaign.json": ("status made", "compare made made:baseline"),
    "trials/0001/trial.json": ("status made", "compare made made:baseline"),
    "trials/0001/outcome.json": ("status", "status made --json"),
    "trials/0001/history.jsonl": ("status made", "status made --json"),
    "trials/0001/scores.json": ("status made --json", "compare made made:baseline"),
    "trials/0001/predictions.npz": ("compare made/trials/0001 made:baseline",),
}
CODES = (0, 2)


@pytest.fixture
def made(home: Home) -> Path:
    folder = made_campaign(home.campaign("made"), 1)
    for record in records_in(folder / "trials"):
        record.write_predictions(made_predictions(50))
    return folder


@pytest.mark.parametrize("part", PARTS)
def test_a_command_ends_with_two_lines_whatever_a_file_holds(home: Home, made: Path, part: str) -> None:
    file = made / part
    good = file.read_bytes()
    defects, tried = [], 0
    for given in chain(altered(good, f"command {part}", 10, 6), no_files()):
        remove(file)
        given.put(file)
        small = not file.is_file() or file.stat().st_size < 2**30
        before = contents(home) if small else {}
        for command in PARTS[part]:
            tried += 1
            with patience():
                result = call(*command.split())
            told = result.stderr.splitlines()
            fine = result.exit_code in CODES and "Traceback" not in result.output
            errors = [line for line in told if line.startswith("fer-exp: ")]  # before them: what takes its time
            fine = fine and (errors == told[-2:-1] != [] if result.exit_code else not errors)
            if not fine or (small and contents(home) != before):
                defects.append(f"{part}: {given.name}: {command}: exit {result.exit_code}: {result.stderr[-300:]}")
        remove(file)
        file.write_bytes(good)
    assert not defects, "\n".join(defects[:5])
    assert tried >= 50
