"""Every operation of a search on its files, one after the other: it fails, or is the last; then the search goes on.

A small search is watched first. Then, for n = 1, 2, 3 and so on to the last, the n-th operation of one kind fails once,
or the search is killed at it, or the trial's process alone. Figures are printed (`-s`).
"""

import errno
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest

from fer_exp.doctor import examine
from fer_exp.model_card import CARD
from fer_exp.report import REPORT
from fer_exp.system.errors import ExitCode
from tests.faults import OPERATIONS, Fault
from tests.killing import Board, board, strays
from tests.nursery import Nursery
from tests.sweeping import PASSING, assert_nothing_wrong, assert_told, campaign, place, sweepers, watched

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # of some nine hundred searches; a busy machine needs long

# What may fail with what. A disk may be full at any of the first, and is noticed to be broken at the others.
ERRORS = dict.fromkeys(("open", "write", "rename", "mkdir", "link"), errno.ENOSPC)
ERRORS |= dict.fromkeys(("fsync", "unlink"), errno.EIO)
DEADLY = [kind for kind in ERRORS if kind != "fsync"]  # what was written outlives a kill, with fsync or without


@dataclass(frozen=True)
class Operation:
    """One of a search's, as it was seen."""

    process: str  # "driver" or "trial"
    kind: str
    file: str
    page: bool  # whether it writes what follows from the records: the report, or the model card beside it


@dataclass(frozen=True)
class Undisturbed:
    """A search that nothing happened to."""

    board: Board
    operations: tuple[Operation, ...]

    def of(self, kind: str) -> list[Operation]:
        return [operation for operation in self.operations if operation.kind == kind]


@pytest.fixture(scope="module")
def drivers() -> Iterator[Nursery]:
    with sweepers() as ready:
        yield ready


@pytest.fixture(scope="module")
def undisturbed(drivers: Nursery) -> Undisturbed:
    with place() as folder:
        home, lines = watched(drivers, folder)
        assert_nothing_wrong(home, board(home))
        return Undisturbed(board(home), operations(lines))


def operations(lines: Iterable[str]) -> tuple[Operation, ...]:
    """What was seen, line by line; the pages are written last."""
    found: list[Operation] = []
    for line in lines:
        process, kind, file = re.sub(r"\.partial-[^-]+-", ".partial-*-", line).split()
        page = file.endswith((REPORT, CARD)) or (bool(found) and found[-1].page)
        found.append(Operation(process, kind, file, page))
    return tuple(found)


def sweep(
    drivers: Nursery, undisturbed: Undisturbed, kind: str, *, error: int = 0, process: str = "*", alone: bool = False
) -> Counter[int]:
    """Lets the n-th operation of a kind go wrong, for each n, and has the search go on; how often it ended how."""
    ends: Counter[int] = Counter()
    began = time.monotonic()
    for number, operation in enumerate(undisturbed.of(kind), start=1):
        if process not in ("*", operation.process):
            continue
        with place() as folder:
            home, file = campaign(folder)
            marker, trace = folder / "happened", folder / "trace"
            when = "within" if kind == "write" else "before"
            fault = Fault(
                process="driver",
                forks=True,
                under=str(home.root),
                marker=str(marker),
                operation=kind,
                nth=number,
                when=when,
                error=error,
                alone=alone,
                trace=str(trace),
            )
            code, said = drivers.run(home, "search", file, "--no-tracking", fault=fault)
            seen = operations(trace.read_text().splitlines())
            assert marker.exists(), (number, operation, said)
            assert seen[number - 1] == operation, (number, said)
            ends[code] += 1
            assert code == expected(operation, error, alone=alone), (number, operation, said)
            if code > 0:
                assert_told(said, code)
            if error and operation.page:
                assert "No report this time (" in said, (number, operation)
            if home.campaign("tiny").exists():
                left = examine(home, ["tiny"], tracking=False).left
                assert {finding.code for finding in left} <= (PASSING if code else set()), (number, operation, left)
            if code:
                code, said = drivers.run(home, "search", file, "--no-tracking")
                assert code == 0, (number, operation, said)
            assert_nothing_wrong(home, undisturbed.board)
    assert strays(drivers) == []
    print(f"\n{kind}: {sum(ends.values())} faults, ended with {dict(ends)}; {time.monotonic() - began:.0f} s")  # noqa: T201  # figures for the documentation
    return ends


def expected(operation: Operation, error: int, *, alone: bool) -> int:
    """The exit code of a search whose operation has failed, or which was killed at it."""
    if alone:
        return ExitCode.OK  # the trial's process is started once more
    if error == 0:
        return -9
    if operation.page:
        return ExitCode.OK  # the records are whole, and `fer-exp report` makes it at any time
    if operation.kind == "link" or (operation.kind == "open" and operation.file.endswith(".npz")):
        return ExitCode.OK  # a copy does as well as a link; and Python's zipfile tries once more by itself
    if error == errno.ENOSPC:
        return ExitCode.NO_SPACE
    return ExitCode.OK if operation.process == "trial" else ExitCode.DISK_FAILED


def test_a_search_has_operations_of_every_kind(undisturbed: Undisturbed) -> None:
    """Else nothing below would show anything. What is not among them is not swept: `truncate` mends torn lines."""
    counted = Counter(operation.kind for operation in undisturbed.operations)
    print(f"\n{len(undisturbed.operations)} operations: {dict(counted)}")  # noqa: T201  # figures for the documentation
    assert set(counted) == set(ERRORS) == set(OPERATIONS) - {"truncate"}
    assert {operation.process for operation in undisturbed.operations} == {"driver", "trial"}
    assert len(undisturbed.operations) > 200


@pytest.mark.parametrize(("kind", "error"), ERRORS.items())
def test_whichever_operation_fails_the_next_start_ends_as_undisturbed(
    kind: str, error: int, drivers: Nursery, undisturbed: Undisturbed
) -> None:
    ends = sweep(drivers, undisturbed, kind, error=error)
    assert sum(ends.values()) == len(undisturbed.of(kind))


@pytest.mark.parametrize("kind", DEADLY)
def test_at_whichever_operation_it_is_killed_the_next_start_ends_as_undisturbed(
    kind: str, drivers: Nursery, undisturbed: Undisturbed
) -> None:
    ends = sweep(drivers, undisturbed, kind)
    assert ends == {-9: len(undisturbed.of(kind))}


@pytest.mark.parametrize("kind", ["write", "rename"])
def test_at_whichever_operation_a_trial_dies_alone_the_search_ends_as_undisturbed(
    kind: str, drivers: Nursery, undisturbed: Undisturbed
) -> None:
    ends = sweep(drivers, undisturbed, kind, process="trial", alone=True)
    assert ends == {0: sum(operation.process == "trial" for operation in undisturbed.of(kind))}
