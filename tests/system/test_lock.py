"""The lock of a campaign: one driver, whoever died holding it, on whichever machine."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from fer_exp.system.errors import Busy, ExitCode
from fer_exp.system.files import temporary_name
from fer_exp.system.lock import FILE, Owner, is_held, lock
from fer_exp.system.values import Value

pytestmark = pytest.mark.usefixtures("kernel")


def owned_by(folder: Path, **changes: object) -> Path:
    """A lock file that names a process like this one, but for `changes`."""
    owner = Owner.this_process().model_copy(update=changes)
    (folder / FILE).write_text(owner.to_json())
    return folder


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture(params=["flock", "no flock"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the kernel's lock, and as on a file system that has none."""
    if request.param == "no flock":

        def refused(*_: object) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", refused)
    return str(request.param)


def test_the_lock_names_its_owner_and_is_empty_afterwards(tmp_path: Path) -> None:
    with lock(tmp_path) as held:
        assert Owner.read(tmp_path / FILE) == held.owner == Owner.this_process()
        assert held.owner.started == psutil.Process().create_time()
        assert is_held(tmp_path)
    assert (tmp_path / FILE).read_bytes() == b""
    assert not is_held(tmp_path)


def test_a_second_driver_is_refused_with_the_owner_named(tmp_path: Path) -> None:
    with (
        lock(tmp_path),
        pytest.raises(Busy, match=f"driven by process {os.getpid()} on ") as refused,
        lock(tmp_path),
    ):
        pass
    assert refused.value.exit_code is ExitCode.BUSY


@pytest.mark.parametrize("change", ["pid", "boot", "started"])
def test_a_dead_owner_on_this_machine_is_taken_over_with_a_line(tmp_path: Path, change: str) -> None:
    changes = {"pid": dead_pid(), "boot": "another run of the machine", "started": 1.0}
    owned_by(tmp_path, **{change: changes[change]})
    said: list[str] = []
    with lock(tmp_path, said.append) as held:
        assert Owner.read(tmp_path / FILE) == held.owner
    assert len(said) == 1
    assert said[0].startswith("Taking over from process ")


def test_an_owner_on_another_machine_is_busy_and_the_error_says_how_to_free_it(tmp_path: Path) -> None:
    owned_by(tmp_path, host="elsewhere", boot="another machine")
    assert is_held(tmp_path)
    with pytest.raises(Busy, match=r"process \d+ on elsewhere") as refused, lock(tmp_path):
        pass
    assert f"delete {tmp_path / FILE}" in refused.value.remedy
    (tmp_path / FILE).unlink()
    with lock(tmp_path):
        pass


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff"])
def test_what_names_nobody_holds_nobody_up(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with lock(tmp_path):
        pass


@pytest.mark.parametrize("loss", ["replaced", "removed", "overwritten"])
def test_a_driver_that_lost_its_lock_is_told_so_and_leaves_it_alone(tmp_path: Path, loss: str) -> None:
    path = tmp_path / FILE
    other = Owner.this_process().model_copy(update={"pid": 1}).to_json()
    with lock(tmp_path) as held:
        held.check()
        if loss != "overwritten":
            path.unlink()
        if loss != "removed":
            path.write_text(other)
        with pytest.raises(Busy, match="no longer driven by process") as lost:
            held.check()
    assert lost.value.exit_code is ExitCode.BUSY
    assert (path.read_text() if path.exists() else None) == (None if loss == "removed" else other)


def test_the_lock_of_an_earlier_version_is_understood(tmp_path: Path) -> None:
    class Earlier(Value):
        pid: int
        host: str

    (tmp_path / FILE).write_text(Earlier(pid=dead_pid(), host=Owner.this_process().host).to_json())
    with lock(tmp_path):
        pass


def test_what_was_left_half_written_goes_before_and_after_and_nothing_of_others(tmp_path: Path) -> None:
    """A search that ends its trials at once has them leave half of a file, and is not there at the next start."""
    before, meanwhile = (tmp_path / temporary_name(name, pid=dead_pid()) for name in ("state.json", "scores.json"))
    before.touch()
    mine = tmp_path / temporary_name("report.json")
    with lock(tmp_path):
        assert not before.exists()
        meanwhile.touch()
        mine.touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == [mine.name, FILE]
