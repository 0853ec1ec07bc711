"""The parent's handle on the tracker's process, which shows records in MLflow while trials train.

In: a campaign. Out: a word on how far MLflow is behind. The process only reads records, so killing it loses nothing,
and a server that hangs holds up nobody but it.
"""

import time
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from fer_exp.execute.entry import follow_records

PATIENCE = 60.0  # seconds that the end of a campaign waits for MLflow before it says `fer-exp sync`


class Tracker:
    """A process that follows the records of one campaign."""

    def __init__(self, context: ForkServerContext, home: Path, campaign: str) -> None:
        self._line, theirs = context.Pipe()
        self._process: ForkServerProcess = context.Process(
            target=follow_records, args=(home, campaign, theirs), daemon=True
        )
        self._process.start()
        theirs.close()
        self.behind: str | None = None  # why MLflow is behind the records; None where it is not
        self._done = False

    @property
    def line(self) -> Connection:
        """Where its messages come in."""
        return self._line

    def hear(self) -> None:
        """Takes in what it has said since."""
        try:
            while self._line.poll():
                word, what = self._line.recv()
                self._done = self._done or word == "done"
                self.behind = str(what) if word == "behind" else None
        except (EOFError, OSError):
            if not self._done:
                self.behind = "the tracker's process ended"

    def finish(self, state: str, patience: float = PATIENCE) -> str | None:
        """Asks for a last look at everything and waits; returns why MLflow stayed behind, or None."""
        try:
            self._line.send(("finish", state))
        except OSError:
            return self.behind or "the tracker's process ended"
        deadline = time.monotonic() + patience
        while not self._done and self._process.is_alive() and time.monotonic() < deadline:
            self._line.poll(0.2)
            self.hear()
        self.hear()
        behind = None if self._done else (self.behind or f"it did not answer within {patience:.0f} s")
        self.kill()
        return behind

    def kill(self) -> None:
        """Ends it now."""
        self._process.kill()
        self._process.join()
        self._line.close()
