"""A disk that is full in the middle of a search: it says so, nothing is damaged, and with room it goes on.

At the n-th operation of a small search somebody else fills its disk up to some last bytes; from there on whatever needs
more fails by itself. Where no disk can be mounted, and beside it, no file may grow beyond a size. Figures are printed.
"""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_exp.doctor import examine
from fer_exp.system.errors import ExitCode
from fer_exp.system.home import Home
from tests.faults import Fault
from tests.killing import Board, board, strays
from tests.nursery import Nursery
from tests.small_disks import MOUNTABLE, free_bytes, grow, small_disk
from tests.sweeping import PASSING, assert_nothing_wrong, assert_told, campaign, place, sweepers, watched

SIZE, LARGER = 16 * 2**20, 24 * 2**20  # bytes of the disk; a search wants four million to start
PAGE = 4096  # bytes that a file in memory takes at least
STEP = 11  # operations between two points; so that each kind of file is hit somewhere
LARGEST = 700  # bytes of a file: a note or a line still fits, a state does not


@pytest.fixture(scope="module")
def drivers() -> Iterator[Nursery]:
    with sweepers() as ready:
        yield ready


@pytest.fixture(scope="module")
def undisturbed(drivers: Nursery) -> tuple[Board, int]:
    """The leaderboard of a search that nothing happens to, and its operations."""
    with place() as folder:
        home, operations = watched(drivers, folder)
        return board(home), len(operations)


def assert_stopped_whole(home: Home, code: int, said: str) -> None:
    """Told as a full disk, with nothing damaged; or it had been written to the end."""
    assert code in (ExitCode.NO_SPACE, ExitCode.OK), said
    if code:
        assert_told(said, code)
    if home.campaign("tiny").exists():
        assert {finding.code for finding in examine(home, ["tiny"], tracking=False).left} <= PASSING


@pytest.mark.slow
@pytest.mark.skipif(not MOUNTABLE, reason="to mount a small disk takes root's rights; below, a limit of file size")
def test_a_search_on_a_disk_that_is_full_says_so_and_goes_on_when_there_is_room(
    drivers: Nursery, undisturbed: tuple[Board, int], tmp_path: Path
) -> None:
    expected, operations = undisturbed
    ends: Counter[int] = Counter()
    began = time.monotonic()
    for point, nth in enumerate(range(1, operations + 1, STEP)):
        folder = tmp_path / str(nth)
        with small_disk(folder / "mlruns", SIZE) as disk:
            home, file = campaign(folder)
            ballast, spare = disk / "ballast", PAGE * (point % 4)
            fault = Fault(
                process="driver",
                forks=True,
                under=str(disk),
                marker=str(folder / "happened"),
                nth=nth,
                ballast=str(ballast),
                spare=spare,
            )
            code, said = drivers.run(home, "search", file, "--no-tracking", fault=fault)
            assert ballast.stat().st_size > SIZE / 2
            assert code or nth > operations - 5 * STEP, (nth, said)
            assert free_bytes(disk) < SIZE / 4
            assert_stopped_whole(home, code, said)
            ends[code] += 1
            if point % 2:
                grow(disk, LARGER)
            else:
                ballast.unlink()
            code, said = drivers.run(home, "search", file, "--no-tracking")
            assert code == 0, (nth, said)
            assert_nothing_wrong(home, expected)
            assert strays(drivers) == []
        assert not (folder / "mlruns" / "campaigns").exists()  # the disk is gone
    assert ends[ExitCode.NO_SPACE] > sum(ends.values()) / 2
    print(f"\n{sum(ends.values())} full disks, ended with {dict(ends)}; {time.monotonic() - began:.0f} s")  # noqa: T201  # figures for the documentation


@pytest.mark.slow
@pytest.mark.skipif(not MOUNTABLE, reason="to mount a small disk takes root's rights")
def test_a_search_that_would_not_fit_is_refused_before_it_writes(drivers: Nursery, tmp_path: Path) -> None:
    with small_disk(tmp_path / "mlruns", 2**20) as disk:
        home, file = campaign(tmp_path)
        code, said = drivers.run(home, "search", file, "--no-tracking")
        assert code == ExitCode.NO_SPACE
        assert "needs about 4 MB of disk, free on that of" in said
        assert "Nothing was started." in said
        assert sorted(path.name for path in (disk / "campaigns" / "tiny").iterdir()) == ["lock.json"]


@pytest.mark.slow
def test_a_search_whose_files_may_grow_no_more_says_so_and_goes_on_when_they_may(
    drivers: Nursery, undisturbed: tuple[Board, int], tmp_path: Path
) -> None:
    """As with a quota of somebody who is not root, or a file system that has its own limit."""
    expected, operations = undisturbed
    ends: Counter[int] = Counter()
    for nth in range(1, operations + 1, 3 * STEP):
        folder = tmp_path / str(nth)
        folder.mkdir()
        home, file = campaign(folder)
        fault = Fault(
            process="driver",
            forks=True,
            under=str(home.root),
            marker=str(folder / "happened"),
            nth=nth,
            largest=LARGEST,
        )
        code, said = drivers.run(home, "search", file, "--no-tracking", fault=fault)
        assert (folder / "happened").exists()
        assert_stopped_whole(home, code, said)
        ends[code] += 1
        code, said = drivers.run(home, "search", file, "--no-tracking")
        assert code == 0, (nth, said)
        assert_nothing_wrong(home, expected)
    assert ends[ExitCode.NO_SPACE] > sum(ends.values()) / 2
    print(f"\n{sum(ends.values())} limits of file size, ended with {dict(ends)}")  # noqa: T201  # figures for the documentation
