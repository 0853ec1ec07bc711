"""The parent's work per trial: from asking for it to having taken it in, over 1,000 trials that train nothing.

Measured is what the search does itself: proposing, writing the record's beginning and the state, telling the oracle,
the leaderboard, whose models stay. What trial processes write lies outside of the clock.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.fakes import fake_campaign, finish
from benchmarks.setting import Setting
from benchmarks.sides import Goal, Row, Side, row, share, times_
from fer_exp.campaign import Algorithm
from fer_exp.data.prepare import prepare
from fer_exp.data.protocol import Protocol
from fer_exp.quiet import stderr_to
from fer_exp.records import Record

TRIALS = 1_000
EARLY = slice(5, 16)  # around the tenth


def rows(setting: Setting) -> Iterator[Row]:
    """Random and hyperband; the seconds of trial 1,000, and its ratio to trial 10."""
    for algorithm in (Algorithm.RANDOM, Algorithm.HYPERBAND):
        seconds = _seconds_per_trial(algorithm, setting.pick(TRIALS, 30))
        early = Side("trial 10", tuple(seconds[EARLY]))
        last = Side(f"trial {len(seconds)}", tuple(seconds[-(EARLY.stop - EARLY.start) :]))
        name = f"parent's work per trial, {algorithm.value}"
        yield row(name, [last], 1000 * last.median, Goal(high=50, unit=" ms"), "median of the last 11 trials")
        yield share(f"{name}: {last.name} against {early.name}", [last, early], times_(high=2))


def _seconds_per_trial(algorithm: Algorithm, trials: int) -> list[float]:
    with stderr_to():
        from fer_exp.search.drive import Order, SearchWork
    campaign = fake_campaign(algorithm, trials, epochs=3)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        development = prepare("demo", protocol=Protocol.OFFICIAL, seed=1, limit=70, cache=home / "cache")
        order = Order(campaign, campaign.settings, "fake.py", "fingerprint", development)
        work = SearchWork(home / "fake", order)
        seconds: list[float] = []
        while True:
            began = time.perf_counter()
            record = work.next()
            asked = time.perf_counter() - began
            if not isinstance(record, Record):
                return seconds
            finish(record, keep_checkpoints=algorithm is Algorithm.HYPERBAND)
            began = time.perf_counter()
            work.ended(record)
            work.rows()
            seconds.append(asked + time.perf_counter() - began)
