"""A process ends with those who started it: with its parent, and with the fork server, even one that died before."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.trainings import TINY, demo_development, new_record

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE = 10.0  # seconds for a process to be gone


def is_alive(pid: int) -> bool:
    """Whether the process is there and not just waiting for somebody to ask how it ended."""
    try:
        return bool(psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD))
    except psutil.NoSuchProcess:
        return False


def wait_until_gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while any(map(is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = [pid for pid in pids if is_alive(pid)]
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return not left


PARENT = """
import sys
from pathlib import Path
from fer_exp.execute.local import LocalEngine, start_fork_server
from fer_exp.records import Record

if __name__ == "__main__":
    engine = LocalEngine(start_fork_server(Path(sys.argv[1])), 2, Path(sys.argv[2]))
    engine.start(Record(Path(sys.argv[3])))
    while True:  # until this process is killed
        engine.wait(0.05)
        first, *others = engine.attempts
        if first.epoch >= 2 and not others:  # the first is training, the second has only just been started
            engine.start(Record(Path(sys.argv[4])))
            print(*(attempt.process.pid for attempt in engine.attempts), flush=True)
"""


@pytest.mark.parametrize("victim", ["parent", "fork server"])
def test_without_its_parent_or_its_fork_server_a_process_is_gone_soon(victim: str, tmp_path: Path) -> None:
    endless = TINY.but(stop_patience=0)
    development = demo_development(tmp_path / "cache")
    records = [new_record(tmp_path / name, endless, epochs=100_000) for name in ("training", "starting")]
    (tmp_path / "parent.py").write_text(PARENT)
    paths = (tmp_path / "parent.py", tmp_path / "server.log", development.folder, *(record.path for record in records))
    command = [sys.executable, *map(str, paths)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[2]
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        alive = [is_alive(pid) for pid in pids]
        server = psutil.Process(pids[0]).ppid()
        os.kill(parent.pid if victim == "parent" else server, signal.SIGKILL)
        gone = wait_until_gone([*pids, server])
        parent.kill()
    assert alive == [True, True]
    assert gone
    assert records[0].outcome() is None
    assert records[0].history()


LATE = """
import sys, time
from pathlib import Path
from fer_exp.execute.local import start_fork_server
from fer_exp.execute.parent_watch import end_with_parents

def late(left):
    while not Path(left).exists():  # until the fork server is gone
        time.sleep(0.02)
    end_with_parents()
    time.sleep(600)

if __name__ == "__main__":
    context = start_fork_server(Path(sys.argv[1]), loads="fer_exp.execute.parent_watch")
    process = context.Process(target=late, args=(sys.argv[2],), daemon=True)
    process.start()
    print(process.pid, flush=True)
    sys.stdin.read()
"""


def test_a_process_that_looks_only_after_its_fork_server_has_died_is_gone_soon(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(LATE)
    command = [sys.executable, *(str(tmp_path / name) for name in ("parent.py", "server.log", "left"))]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, text=True, cwd=Path(__file__).resolve().parents[2]
    ) as parent:
        assert parent.stdout is not None
        late = int(parent.stdout.readline())
        server = psutil.Process(late).ppid()
        os.kill(server, signal.SIGKILL)
        server_gone = wait_until_gone([server])
        (tmp_path / "left").touch()
        gone = wait_until_gone([late])
        parent.kill()
    assert server_gone
    assert gone
