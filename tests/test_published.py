"""The numbers that are published, told again from the records that are committed in docs/results."""

import re
import shlex
from pathlib import Path

import pytest

from fer_exp.portable import unpack
from fer_exp.portable.manifest import SUFFIX
from fer_exp.system.home import Home
from tests.commands import done

RESULTS = Path(__file__).parents[1] / "docs" / "results"
LARGEST = 1_500_000  # bytes of an archive: whoever clones the project fetches it
ROW = re.compile(r"^\| (?P<records>[\w-]+) \| `fer-exp (?P<command>[^`]+)` \| (?P<says>`.+`) \|$", re.MULTILINE)
ROWS = [match.group("records", "command", "says") for match in ROW.finditer((RESULTS / "README.md").read_text())]


def test_every_archive_has_a_row_and_every_row_an_archive() -> None:
    archives = {path.name.removesuffix(SUFFIX): path for path in RESULTS.glob(f"*{SUFFIX}")}
    assert archives.keys() == {records for records, _, _ in ROWS}
    assert max(path.stat().st_size for path in archives.values()) < LARGEST


@pytest.mark.parametrize(("records", "command", "says"), ROWS)
def test_published_numbers_follow_from_their_records(records: str, command: str, says: str, home: Home) -> None:
    unpacked = unpack(home, RESULTS / f"{records}{SUFFIX}")
    assert unpacked.manifest.light
    told = " ".join(done(*shlex.split(command)).split())
    for figures in re.findall("`([^`]+)`", says):
        assert figures in told
