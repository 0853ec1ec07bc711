"""The tracker process beside a search: shows records in MLflow while trials train, which never wait for it.

In: a campaign and one end of a pipe. Out: MLflow level with the records, and short words on the pipe. It only reads
records, so it may be killed at any moment; it leaves at once when the other end of the pipe closes, whatever MLflow is
doing. It says when it begins to talk to MLflow, so that the other end knows of an answer that does not come.
"""

import contextlib
import logging
import os
import queue
import signal
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from fer_exp.campaign import AT_REST
from fer_exp.records import Record
from fer_exp.records.folder import records_of, state_at_rest
from fer_exp.system.errors import FerExpError
from fer_exp.system.home import Home
from fer_exp.system.values import first_line
from fer_exp.tracking.projection import Projection
from fer_exp.tracking.store import connect, holding

TICK = 1.0  # seconds between looks at the records
LONGEST_WAIT = 30.0  # seconds between attempts while MLflow does not answer
LAST_TRIES = 3  # attempts at the end, before it leaves MLflow behind
NICE = 10  # trainings come first where processors are few
_LINE = 300  # characters of an unforeseen error's own words that are worth saying

Stamp = tuple[int, ...]


def follow(home_root: Path, campaign: str, control: Connection) -> None:
    """Entry of the tracker's process, spawned or from a fork server, so that it alone holds its end.

    Sends `("loading", None)` first; `("telling", records)` before it turns to MLflow, then `("level", records)` or
    `("behind", reason)`. On `("finish", state)` it syncs everything, sends `("done", None)` and returns; where MLflow
    stays away it says why it is behind and returns without "done".
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # devices belong to trials
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent decides when this one ends
    os.nice(NICE)
    logging.disable(logging.CRITICAL)  # MLflow logs a page for each error; the reason goes over the pipe in one line
    finish: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(control, finish), daemon=True).start()
    _Follower(Home(home_root), campaign, control).run(finish)


def _listen(control: Connection, finish: "queue.Queue[str]") -> None:
    while True:
        try:
            word, state = control.recv()
        except (EOFError, OSError):
            os._exit(0)  # the parent is gone; a thread cannot end a process that hangs in a network call otherwise
        if word == "finish":
            finish.put(state)
            return


class _Follower:
    def __init__(self, home: Home, campaign: str, control: Connection) -> None:
        self._home = home
        self._campaign = campaign
        self._control = control
        self._folder = home.campaign(campaign)
        self._projection: Projection | None = None
        self._known: dict[Path, Stamp] = {}

    def run(self, finish: "queue.Queue[str]") -> None:
        self._load()
        wait = TICK
        while True:
            try:
                self._finish(finish.get(timeout=wait))
                return
            except queue.Empty:
                wait = TICK if self._look() else min(2 * wait, LONGEST_WAIT)

    def _load(self) -> None:
        """Makes the home's own store and loads what that takes: tens of seconds beside trainings."""
        self._say(("loading", None))
        if self._home.tracking_uri == self._home.own_tracking_uri:
            with contextlib.suppress(Exception):  # told with its reason when a record is to be shown
                connect(self._home)

    def _look(self) -> bool:
        """Brings changed records level; whether that went well."""
        changed = {}
        for record in records_of(self._folder):
            now = _stamp(record)
            if self._known.get(record.path) != now:
                changed[record.path] = now
        if not changed:
            return True
        problem = self._level(list(changed))
        if problem is None:
            # The stamp from before: what was written meanwhile is looked at again.
            self._known |= changed
        self._say(("level", len(self._known)) if problem is None else ("behind", problem))
        return problem is None

    def _level(self, paths: list[Path]) -> str | None:
        try:
            self._say(("telling", len(paths)))
            with holding(self._folder / "tracking.lock"):
                if self._projection is None:
                    self._projection = Projection(self._home, self._campaign, "running")
                for left, path in zip(reversed(range(len(paths))), paths, strict=True):
                    self._projection.level(Record(path), growing=False)
                    self._say(("telling", left))
        except Exception as error:  # whatever MLflow does, this process goes on; the reason is said
            self._projection = None
            return _reason(error)
        return None

    def _finish(self, state: str) -> None:
        problem = ""
        for attempt in range(LAST_TRIES):
            if attempt:
                time.sleep(TICK * 2 ** (attempt - 1))
            self._say(("telling", len(self._known)))
            try:
                with holding(self._folder / "tracking.lock"):
                    at_rest = state_at_rest(self._folder) if state == AT_REST else state
                    Projection(self._home, self._campaign, at_rest).level_all()
            except Exception as error:  # as above
                problem = _reason(error)
                self._say(("behind", problem))
            else:
                self._say(("done", None))
                return

    def _say(self, word: tuple[str, object]) -> None:
        try:
            self._control.send(word)
        except OSError:
            os._exit(0)  # the parent is gone


def _stamp(record: Record) -> Stamp:
    """What changes when something is written in a record.

    A folder's own time changes when a file in it appears, vanishes or is replaced, which is how everything but logs and
    history is written.
    """
    times = []
    folders = (record.path / name for name in ("test", "external", "figures"))
    for path in (record.path, *folders, *sorted(record.path.glob("external/*")), record.path / "history.jsonl"):
        try:
            times.append(path.stat().st_mtime_ns)
        except FileNotFoundError:
            times.append(0)
    return tuple(times)


def _reason(error: Exception) -> str:
    return error.problem if isinstance(error, FerExpError) else f"{type(error).__name__}: {first_line(error)}"[:_LINE]
