"""The parent's work per trial: from asking for it to having taken it in, over 1,000 trials that train nothing.

Measured is what the search does itself: proposing, writing the record's beginning and the state, telling the oracle,
the leaderboard, whose models stay. What trial processes write lies outside of the clock. The last trials of the long
search take turns with the tenth of short ones, so that both see the same machine.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.fakes import fake_campaign, finish
from benchmarks.setting import Setting
from benchmarks.sides import Goal, Row, Side, row, share, times_
from fer_exp.campaign import Algorithm
from fer_exp.data.split.prepare import Development, prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.records import Record
from fer_exp.system.stderr import stderr_to

TRIALS = 1_000
BEFORE, AROUND = 5, 11  # trials of a short search until it is measured, and those that are: around the tenth
SHORT = 3  # searches


def rows(setting: Setting) -> Iterator[Row]:
    """Random and hyperband; the seconds of trial 1,000, and its ratio to trial 10."""
    for algorithm in (Algorithm.RANDOM, Algorithm.HYPERBAND):
        with tempfile.TemporaryDirectory() as folder:
            number, late, early = _late_and_early(algorithm, setting.pick(TRIALS, 50), Path(folder))
        last, first = Side(f"trial {number}", tuple(late)), Side("trial 10", tuple(early))
        name = f"parent's work per trial, {algorithm.value}"
        note = f"median of {len(late)} trials up to that"
        yield row(name, [last], 1000 * last.median, Goal(high=50, unit=" ms"), note)
        note = f"against trials {BEFORE + 1} to {BEFORE + AROUND} of {SHORT} searches, in turns"
        yield share(f"{name}: {last.name} against {first.name}", [last, first], times_(high=2), note)


def _late_and_early(algorithm: Algorithm, trials: int, home: Path) -> tuple[int, list[float], list[float]]:
    """How many trainings the long search had; seconds of its last ones, and of those around the tenth of short ones."""
    development = prepare("demo", protocol=Protocol.OFFICIAL, seed=1, limit=70, cache=home / "cache")
    long = _Search(algorithm, trials, development, home / "long")
    while long.left > SHORT * AROUND:
        long.step()
    late, early = [], []
    for number in range(SHORT):
        short = _Search(algorithm, trials, development, home / f"short-{number}")
        for _ in range(BEFORE):
            short.step()
        for _ in range(AROUND):
            late.append(long.step())
            early.append(short.step())
    return long.done, late, early


class _Search:
    """A search whose trials train nothing."""

    def __init__(self, algorithm: Algorithm, trials: int, development: Development, folder: Path) -> None:
        with stderr_to():
            from fer_exp.tuning.search_request import SearchRequest
            from fer_exp.tuning.trials import SearchWork
        campaign = fake_campaign(algorithm, trials, epochs=3)
        self._work = SearchWork(
            folder, SearchRequest(campaign, campaign.settings, "fake.py", "fingerprint", development)
        )
        self._keeps = algorithm is Algorithm.HYPERBAND
        self.done = 0

    @property
    def left(self) -> int:
        """Trainings to come."""
        return self._work.planned - self.done

    def step(self) -> float:
        """Seconds that the search itself needed for its next trial."""
        began = time.perf_counter()
        record = self._work.next()
        asked = time.perf_counter() - began
        if not isinstance(record, Record):
            raise RuntimeError(f"expected trial {self.done} of {self._work.planned}, received {record}")
        finish(record, keep_checkpoints=self._keeps)
        began = time.perf_counter()
        self._work.ended(record)
        self._work.rows()
        self.done += 1
        return asked + time.perf_counter() - began
