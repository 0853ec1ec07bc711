"""The parent's handle on the tracker's process, which shows records in MLflow while trials train.

In: a campaign. Out: a word on how far MLflow is behind. The process only reads records, so killing it loses nothing,
and a server that hangs holds up nobody but it.
"""

import time
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from fer_exp.execute.entry import follow_records
from fer_exp.execute.start import start_without_main
from fer_exp.system.home import Home

PATIENCE = 60.0  # seconds that the end of a campaign waits for MLflow before it says `fer-exp sync`
SILENCE = 20.0  # seconds without a word, once it has turned to a server, that count as behind: one request, its repeat
SILENCE_OF_FILE = 90.0  # the same for a file in the home, which waits for processors and for nobody else


class Tracker:
    """A process that follows the records of one campaign."""

    def __init__(self, context: ForkServerContext, home: Path, campaign: str) -> None:
        self._line, theirs = context.Pipe()
        self._process: ForkServerProcess = context.Process(
            target=follow_records, args=(home, campaign, theirs), daemon=True
        )
        self._silence = SILENCE if Home(home).tracking_uri.startswith(("http://", "https://")) else SILENCE_OF_FILE
        start_without_main(self._process)
        theirs.close()
        self._behind: str | None = None
        self._telling_since: float | None = None  # when it turned to MLflow; None while it does not wait for an answer
        self._done = False

    @property
    def line(self) -> Connection:
        """Where its messages come in."""
        return self._line

    @property
    def behind(self) -> str | None:
        """Why MLflow is behind the records; None where it is not, as far as is known."""
        silent = 0.0 if self._telling_since is None else time.monotonic() - self._telling_since
        return self._behind or (f"MLflow has not answered for {silent:.0f} s" if silent > self._silence else None)

    def hear(self) -> None:
        """Takes in what it has said since."""
        try:
            while self._line.poll():
                word, what = self._line.recv()
                self._telling_since = time.monotonic() if word == "telling" else None
                if word == "telling":
                    continue  # whether it is behind shows when MLflow has answered
                self._done = self._done or word == "done"
                self._behind = str(what) if word == "behind" else None
        except (EOFError, OSError):
            if not self._done:
                self._behind = self._behind or "the tracker's process ended"

    def finish(self, state: str, patience: float | None = None) -> str | None:
        """Asks for a last look at everything and waits; returns why MLflow stayed behind, or None.

        Ctrl-C ends the wait: the records are complete, and so is what was searched.

        Args:
            state: How the search ended; `AT_REST` leaves it to the campaign's folder.
            patience: Seconds to wait at most; None for `PATIENCE`.
        """
        seconds = PATIENCE if patience is None else patience
        deadline = time.monotonic() + seconds
        given_up = f"it did not answer within {seconds:.0f} s"
        try:
            self._line.send(("finish", state))
            while not self._done and self._process.is_alive() and time.monotonic() < deadline:
                self._line.poll(0.2)
                self.hear()
        except KeyboardInterrupt:
            given_up = "you did not wait for it"
        except OSError:
            given_up = "the tracker's process ended"
        self.hear()
        self.kill()
        return None if self._done else (self._behind or given_up)

    def kill(self) -> None:
        """Ends it now."""
        self._process.kill()
        self._process.join()
        self._line.close()
