"""Writing files: a reader finds the old content or the new one, and a journal cut short by a crash goes on."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_exp.system.files import (
    FOREIGN_AGE,
    TEMPORARY,
    append_line,
    drop_partial,
    drop_torn_line,
    host_digest,
    replacing,
    temporary_name,
    whole_lines,
    write_atomically,
)

CHECKOUT = Path(__file__).resolve().parents[2]


def write_half(path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_text("half of the n")
        raise RuntimeError("cut")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


def test_writing_creates_the_folders_on_the_way(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b" / "c.json", "{}")
    assert (tmp_path / "a" / "b" / "c.json").read_text() == "{}"


def test_text_is_stored_as_utf8_and_bytes_as_they_are(tmp_path: Path) -> None:
    write_atomically(tmp_path / "text", "ärger")
    write_atomically(tmp_path / "bytes", b"\x00\xff")
    assert (tmp_path / "text").read_bytes() == "ärger".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\x00\xff"


def test_failing_in_the_middle_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_atomically(path, "old")
    with pytest.raises(RuntimeError, match="cut"):
        write_half(path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def test_a_reader_sees_the_old_content_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_atomically(path, "old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_killed_writer_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_atomically(path, "old")
    writer = f"""
import os, pathlib, fer_exp.system.files
with fer_exp.system.files.replacing(pathlib.Path({str(path)!r})) as temporary:
    temporary.write_text("half of the n")
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", writer], cwd=CHECKOUT, check=False).returncode == 9
    assert path.read_text() == "old"
    left = [entry.name for entry in tmp_path.iterdir() if entry != path]
    assert len(left) == 1
    assert left[0].startswith(TEMPORARY)


def test_the_temporary_name_ends_like_the_final_one(tmp_path: Path) -> None:
    with replacing(tmp_path / "model.keras") as temporary:
        temporary.write_bytes(b"")
        assert temporary.name.startswith(TEMPORARY)
        assert temporary.suffix == ".keras"


def test_a_journal_that_does_not_exist_has_no_lines(journal: Path) -> None:
    assert whole_lines(journal) == []
    drop_torn_line(journal)
    assert not journal.exists()


def test_lines_come_back_in_order(journal: Path) -> None:
    append_line(journal, "one")
    append_line(journal, "two")
    assert whole_lines(journal) == ["one", "two"]


# JSON leaves U+2028, U+0085 and others unescaped; str.splitlines() would break a line at each of them.
@settings(max_examples=30)  # each line waits for the disk
@given(lines=st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))))
def test_whatever_a_line_holds_it_comes_back_as_one(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    journal = tmp_path_factory.mktemp("journal") / "ledger.jsonl"
    for line in lines:
        append_line(journal, line)
    assert whole_lines(journal) == lines


@pytest.mark.parametrize("tail", [b'{"epoch": 3', b"\xc3", b"\x00\x00"])
def test_a_torn_last_line_is_not_a_line(journal: Path, tail: bytes) -> None:
    journal.write_bytes(b"one\ntwo\n" + tail)
    assert whole_lines(journal) == ["one", "two"]


@pytest.mark.parametrize("tail", [b'{"epoch": 3', b"\xc3", b"\x00\x00"])
def test_after_dropping_a_torn_line_the_next_one_stands_alone(journal: Path, tail: bytes) -> None:
    journal.write_bytes(b"one\ntwo\n" + tail)
    drop_torn_line(journal)
    append_line(journal, "three")
    assert whole_lines(journal) == ["one", "two", "three"]


def test_a_journal_torn_in_its_first_line_becomes_empty(journal: Path) -> None:
    journal.write_bytes(b"on")
    drop_torn_line(journal)
    assert journal.read_bytes() == b""


def test_dropping_leaves_a_whole_journal_alone(journal: Path) -> None:
    append_line(journal, "one")
    before = journal.stat().st_mtime_ns
    drop_torn_line(journal)
    assert journal.read_bytes() == b"one\n"
    assert journal.stat().st_mtime_ns == before


def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_what_killed_processes_left_half_written_goes(tmp_path: Path) -> None:
    (tmp_path / "trials" / "0001").mkdir(parents=True)
    gone = dead_pid()
    left = [
        tmp_path / temporary_name("state.json", pid=gone),
        tmp_path / "trials" / "0001" / temporary_name("scores.json", pid=gone),
        tmp_path / temporary_name("b", pid=10**17),
    ]
    kept = [tmp_path / "state.json", tmp_path / "trials" / "0001" / "scores.json"]
    for path in (*left, *kept):
        path.write_text("x")
    drop_partial(tmp_path)
    assert [path.exists() for path in (*left, *kept)] == [False] * len(left) + [True, True]


def test_what_another_process_is_writing_stays_and_can_be_finished(tmp_path: Path) -> None:
    """As `fer-exp sync` writes its note into a record while a search starts."""
    writer = f"""
import pathlib, fer_exp.system.files
with fer_exp.system.files.replacing(pathlib.Path({str(tmp_path / "tracking.json")!r})) as temporary:
    temporary.write_text("whole")
    print(flush=True)
    input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", writer], cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        drop_partial(tmp_path)
        process.communicate(b"\n")
    assert process.returncode == 0
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("tracking.json", "whole")]


def test_a_file_older_than_the_process_that_has_its_number_now_goes(tmp_path: Path) -> None:
    """Numbers are given out again: after a restart of a container, the same ones in the same order."""
    mine, older = tmp_path / temporary_name("a"), tmp_path / temporary_name("b")
    for path in (mine, older):
        path.write_text("x")
    before = psutil.Process().create_time() - 60
    os.utime(older, (before, before))
    drop_partial(tmp_path)
    assert [path.exists() for path in (mine, older)] == [True, False]


@pytest.mark.parametrize(
    "name",
    [
        temporary_name("state.json", pid=2**22 + 1, host="0" * 8),
        f"{TEMPORARY}{2**22 + 1}-state.json",  # as earlier versions named it, on whichever host
        f"{TEMPORARY}x-state.json",
        TEMPORARY,
    ],
    ids=["of another host", "of an earlier version", "of no process", "of no name"],
)
def test_the_file_of_another_host_is_not_judged_by_a_process_number_of_this_one(tmp_path: Path, name: str) -> None:
    """It goes when nobody has written to it for a day."""
    theirs = tmp_path / name
    theirs.write_text("x")
    drop_partial(tmp_path)
    assert theirs.exists()
    long_ago = time.time() - FOREIGN_AGE - 60
    os.utime(theirs, (long_ago, long_ago))
    drop_partial(tmp_path)
    assert not theirs.exists()


def test_two_writers_with_one_process_number_never_share_a_temporary_file(tmp_path: Path) -> None:
    """Two containers on one disk: in both the search is process 1."""
    with replacing(tmp_path / "state.json") as first, replacing(tmp_path / "state.json") as second:
        first.write_text("the first, which is longer")
        second.write_text("the second")
        assert first != second
    assert (tmp_path / "state.json").read_text() == "the first, which is longer"


def test_machines_of_one_name_have_names_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines made from one image share a host name and count processes alike; the kernel's boot tells them apart."""
    digests = []
    for boot in ("one", "other"):
        (tmp_path / boot).write_text(boot)
        monkeypatch.setattr("fer_exp.system.files.BOOT_ID", tmp_path / boot)
        digests.append(host_digest.__wrapped__())
    assert digests[0] != digests[1]
    monkeypatch.setattr("fer_exp.system.files.BOOT_ID", tmp_path / "missing")
    assert len(host_digest.__wrapped__()) == 8
