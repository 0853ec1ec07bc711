"""Records travel whole: what is packed is the truth, and nothing in an archive is believed before it is checked."""

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from fer_exp.portable import pack, unpack
from fer_exp.portable.manifest import MEMBER, Entry, Manifest
from fer_exp.records import Record, State, records_in
from fer_exp.system.errors import BadInput
from fer_exp.system.files import append_line, write_atomically
from fer_exp.system.home import Home
from fer_exp.system.lock import lock
from tests.commands import contents, done, refused
from tests.made_records import made_campaign, made_campaign_spec, made_history


@pytest.fixture
def folder(home: Home) -> Path:
    """A campaign called made, with what is no record's strewn into it."""
    made = made_campaign(home.campaign("made"), 2)
    (made / "trials" / "0001" / "tracking.json").write_text("{}")
    (made / "trials" / "0001" / ".partial-1-scores.json").write_text("{")
    (made / "tracking.lock").write_text("")
    (made / "set-aside").mkdir()
    (made / "set-aside" / "trials-0009.note").write_text("why")
    return made


@pytest.fixture
def archive(folder: Path, tmp_path: Path) -> Path:
    pack(folder, tmp_path / "made.tar.zst")
    return tmp_path / "made.tar.zst"


@pytest.fixture
def other(tmp_path: Path) -> Home:
    return Home(tmp_path / "other")


def files(folder: Path) -> dict[str, bytes]:
    """The records' files by name."""
    passing = ("lock.json", "tracking.json", "tracking.lock")
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in found.items()
        if path.name not in passing and not path.name.startswith(".partial-") and not name.startswith("set-aside")
    }


# -- there and back


def test_what_is_unpacked_is_what_was_packed_with_its_times(folder: Path, archive: Path, other: Home) -> None:
    done_there = unpack(other, archive)
    assert {path.name for path in other.root.iterdir()} == {"campaigns", "unpack.lock"}
    assert {
        path.relative_to(done_there.folder).as_posix() for path in done_there.folder.rglob("*") if path.is_file()
    } == set(files(folder))
    assert files(done_there.folder) == files(folder)
    name = "trials/0001/trial.json"
    assert (done_there.folder / name).stat().st_mtime_ns == (folder / name).stat().st_mtime_ns


def test_the_same_records_give_the_same_bytes_here_and_there(
    folder: Path, archive: Path, other: Home, tmp_path: Path
) -> None:
    pack(folder, tmp_path / "again.tar.zst")
    pack(unpack(other, archive).folder, tmp_path / "there.tar.zst")
    assert (
        archive.read_bytes() == (tmp_path / "again.tar.zst").read_bytes() == (tmp_path / "there.tar.zst").read_bytes()
    )


def test_a_campaign_that_is_driven_is_not_packed(folder: Path, tmp_path: Path) -> None:
    with lock(folder):
        refused("records", "pack", "made", tmp_path / "made.tar.zst", code=6)
    assert not (tmp_path / "made.tar.zst").exists()


def test_an_archive_that_is_there_is_not_written_over(folder: Path, archive: Path) -> None:
    before = archive.read_bytes()
    with pytest.raises(BadInput, match="exists already"):
        pack(folder, archive)
    assert archive.read_bytes() == before


@pytest.mark.parametrize("kind", ["link", "pipe", "blank"])
def test_what_is_no_plain_file_is_not_packed(folder: Path, tmp_path: Path, kind: str) -> None:
    if kind == "link":
        (folder / "link").symlink_to("/etc/passwd")
    elif kind == "pipe":
        os.mkfifo(folder / "pipe")
    else:
        (folder / "a b").write_text("")
    with pytest.raises(BadInput, match="expected"):
        pack(folder, tmp_path / "made.tar.zst")
    assert not (tmp_path / "made.tar.zst").exists()


@pytest.mark.usefixtures("folder")
def test_the_commands_say_what_they_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "of made packed into made.fer-exp.tar.zst" in done("records", "pack", "made")
    monkeypatch.setenv("FER_EXP_HOME", str(tmp_path / "other"))
    assert "fer-exp sync made" in done("records", "unpack", "made.fer-exp.tar.zst")
    assert "3 finished; best trial 2" in done("status")
    assert "here already" in done("records", "unpack", "made.fer-exp.tar.zst")
    assert "found no file" in refused("records", "unpack", "nothing.tar.zst")[0]


# -- a campaign that is here already


def test_records_that_went_on_elsewhere_are_taken(folder: Path, archive: Path, other: Home, tmp_path: Path) -> None:
    (folder / "trials" / "0001" / "outcome.json").unlink()
    without_lines(folder / "trials" / "0001" / "history.jsonl", 3)
    shutil.rmtree(folder / "trials" / "0002")
    pack(folder, tmp_path / "early.tar.zst")
    there = unpack(other, tmp_path / "early.tar.zst").folder
    (there / "set-aside").mkdir()
    (there / "set-aside" / "mine.note").write_text("kept")
    added = unpack(other, archive).added
    assert [record.state() for record in records_in(there / "trials")] == [State.FINISHED] * 3
    assert added == 2 + len(
        list((there / "trials" / "0002").iterdir())
    )  # history and outcome of trial 1, all of trial 2
    assert (there / "set-aside" / "mine.note").read_text() == "kept"


def without_lines(path: Path, count: int) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-count]))


def gain_a_record(there: Path) -> None:
    shutil.copytree(there / "trials" / "0001", there / "trials" / "0003")


AHEAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a record that the archive lacks": (gain_a_record, r"trials/0003/\S+ is not in the archive"),
    "an epoch that the archive lacks": (
        lambda f: append_line(f / "trials" / "0001" / "history.jsonl", made_history(13)[12].to_json()),
        r"trials/0001/history.jsonl does not go on from ours there",
    ),
    "other scores": (
        lambda f: Record(f / "trials" / "0001").write_scores({"val/accuracy": 0.1}),
        r"trials/0001/scores.json is another one there",
    ),
    "another campaign": (
        lambda f: write_atomically(
            f / "campaign.json", made_campaign_spec().model_copy(update={"identity": "other"}).to_json()
        ),
        "is another campaign of the same name",
    ),
}


@pytest.mark.parametrize("case", AHEAD)
def test_what_is_here_and_not_in_the_archive_is_never_lost(archive: Path, other: Home, case: str) -> None:
    change, said = AHEAD[case]
    change(unpack(other, archive).folder)
    before = contents(other)
    with pytest.raises(BadInput, match=said):
        unpack(other, archive)
    assert contents(other) == before


def test_a_campaign_that_is_driven_is_not_unpacked_over(folder: Path, archive: Path) -> None:
    (folder / "trials" / "0001" / "scores.json").unlink()
    with lock(folder):
        refused("records", "unpack", archive, code=6)
    assert len(list(records_in(folder / "trials"))) == 3


# -- archives that nobody packed


Member = tuple[tarfile.TarInfo, bytes]


def header(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size, found.type, found.linkname = size, kind, link
    return found


def forged(path: Path, listed: dict[str, bytes], members: list[Member] | None = None, **changes: object) -> Path:
    """An archive whose manifest says `listed`; its members are those, or `members`."""
    entries = [
        Entry(path=name, size=len(data), sha256=hashlib.sha256(data).hexdigest(), mtime_ns=0)
        for name, data in listed.items()
    ]
    document = json.loads(Manifest(campaign="made", identity="a1b2c3d4", files=tuple(entries)).to_json()) | changes
    text = json.dumps(document).encode()
    there = [(header(name, len(data)), data) for name, data in listed.items()] if members is None else members
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member, data in [(header(MEMBER, len(text)), text), *there]:
            archive.addfile(member, io.BytesIO(data))
    path.write_bytes(zstandard.ZstdCompressor().compress(buffer.getvalue()))
    return path


SPEC = {"campaign.json": made_campaign_spec().to_json().encode()}
MINE = [(header("campaign.json", len(SPEC["campaign.json"])), SPEC["campaign.json"])]
BAD_NAMES = {
    "../evil.json": "expected a name within",
    "/etc/evil.json": "expected a name within",
    "trials/../../evil.json": "expected a name within",
    "trials//evil.json": "expected a name within",
    "trials\\..\\evil.json": "expected a name within",
    ".partial-1-x": "without a leading dot",
    "trials/.hidden": "without a leading dot",
    "trials/a b": "expected a name of letters",
    "trials/a\nb": "expected a name of letters",
    "lock.json": "expected records alone",
    "trials/0001/tracking.json": "expected records alone",
    "set-aside/x": "expected records alone",
    "CAMPAIGN.json": "the same on some file systems",
    "campaign.json/x": "received 'campaign.json' as both",
    "/".join("abcdefghi"): "expected a name of letters",
}


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_leads_elsewhere_is_refused(other: Home, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match=BAD_NAMES[name]):
        unpack(other, forged(tmp_path / "x.tar.zst", SPEC | {name: b"{}"}))
    assert contents(other) == {"unpack.lock": hashlib.sha256(b"").hexdigest()}
    assert not list(tmp_path.rglob("evil.json"))


STRANGE: dict[str, tuple[dict[str, bytes], list[Member], str]] = {
    "a symbolic link": (
        SPEC | {"x.json": b""},
        [*MINE, (header("x.json", 0, tarfile.SYMTYPE, "/etc/passwd"), b"")],
        "which is no plain file",
    ),
    "a hard link": (
        SPEC | {"x.json": b""},
        [*MINE, (header("x.json", 0, tarfile.LNKTYPE, "campaign.json"), b"")],
        "which is no plain file",
    ),
    "a device": (
        SPEC | {"x.json": b""},
        [*MINE, (header("x.json", 0, tarfile.CHRTYPE), b"")],
        "which is no plain file",
    ),
    "a folder in a file's place": (
        SPEC | {"x.json": b""},
        [*MINE, (header("x.json", 0, tarfile.DIRTYPE), b"")],
        "which is no plain file",
    ),
    "a member that is not listed": (SPEC, [*MINE, (header("y.json", 2), b"{}")], "received 'y.json'"),
    "a member that is missing": (SPEC | {"x.json": b"{}"}, MINE, "expected x.json of 2 bytes, received None"),
    "another content": (
        SPEC | {"x.json": b"{}"},
        [*MINE, (header("x.json", 2), b"[]")],
        "expected x.json with SHA-256",
    ),
    "another size": (SPEC | {"x.json": b"{}"}, [*MINE, (header("x.json", 3), b"{ }")], "expected x.json of 2 bytes"),
    "no campaign": ({"x.json": b"{}"}, [(header("x.json", 2), b"{}")], "expected campaign.json among its files"),
}


@pytest.mark.parametrize("case", STRANGE)
def test_members_other_than_listed_are_refused(other: Home, tmp_path: Path, case: str) -> None:
    listed, members, said = STRANGE[case]
    with pytest.raises(BadInput, match=said):
        unpack(other, forged(tmp_path / "x.tar.zst", listed, members))
    assert list(other.campaigns.iterdir()) == []
    assert [path.name for path in other.root.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema_version": 2}, "expected schema version 1 or lower"),
        ({"campaign": "../made"}, "expected the name of a campaign"),
        ({"campaign": "another"}, "received the records of 'made'"),
        ({"identity": "another"}, "received the records of 'made'"),
        ({"files": "none"}, "expected a manifest"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    other: Home, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        unpack(other, forged(tmp_path / "x.tar.zst", SPEC, None, **changes))
    assert list(other.campaigns.iterdir()) == []


def test_a_bomb_is_refused_before_it_fills_the_disk(
    other: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_exp.portable.unpacking.FREE", 2**20)
    bomb = forged(tmp_path / "x.tar.zst", SPEC | {"x.json": bytes(2**24)})
    assert bomb.stat().st_size < 2**14
    with pytest.raises(BadInput, match="unpacked bytes, received more"):
        unpack(other, bomb)
    assert list(other.campaigns.iterdir()) == []


def test_a_manifest_that_promises_too_much_is_refused_unread(other: Home, tmp_path: Path) -> None:
    entry = {"path": "x", "size": 2**50, "sha256": "0" * 64, "mtime_ns": 0}
    listed = [entry, {**entry, "path": "campaign.json"}]
    with pytest.raises(BadInput, match="expected at most"):
        unpack(other, forged(tmp_path / "x.tar.zst", SPEC, files=listed))


def test_a_damaged_archive_is_refused_wherever_it_is_damaged(archive: Path, other: Home, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    damaged = tmp_path / "damaged.tar.zst"
    last = range(len(whole) - 12, len(whole))  # the checksum, and what stands before it
    for place in (*range(0, len(whole), len(whole) // 40), *last):
        damaged.write_bytes(whole[:place])
        with pytest.raises(BadInput):
            unpack(other, damaged)
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with pytest.raises(BadInput):
            unpack(other, damaged)
    assert list(other.campaigns.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x28\xb5\x2f\xfd"])
def test_what_is_no_archive_is_refused(other: Home, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar.zst").write_bytes(content)
    with pytest.raises(BadInput, match="expected"):
        unpack(other, tmp_path / "x.tar.zst")
