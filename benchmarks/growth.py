"""How a campaign grows: 1 to 1,000 trials that train nothing, with 1, 2 and 4 workers; and how data grow.

Trials: seconds of a whole search, processes included. Faces: copies of FER2013's with noise, as CSV; each size in a
process of its own, with its peak of memory. 1x is FER2013; 100x are 30 GB of text and come with --long.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.fakes import fake_campaign, train_fake
from benchmarks.setting import CHECKOUT, NoData, Setting
from benchmarks.sides import Goal, Row, Side, row
from fer_exp.campaign import Algorithm
from fer_exp.execute.progress import Silence
from fer_exp.system.home import Home
from fer_exp.tuning.run import Conditions, run_search
from fer_exp.tuning.values import DataChoice

COUNTS = {1: (1, 10, 100, 1_000), 2: (1, 10, 100), 4: (1, 10, 100)}  # trials by workers
TIMES_FACES = (0.1, 1, 10)


def rows(setting: Setting) -> Iterator[Row | str]:
    """Trials, then faces."""
    for workers, counts in ({1: (1, 4)} if setting.tiny else COUNTS).items():
        seconds = [_search(count, workers) for count in counts]
        sides = [
            Side(f"{count} trials", (1000 * took / (count + 1),), "ms a training")
            for count, took in zip(counts, seconds, strict=True)
        ]
        figure = sides[-1].median / sides[-2].median
        note = (
            f"the figure: a training among {counts[-1]:,} against one among {counts[-2]:,}; short ones carry the start"
        )
        yield row(f"growth: trials, {workers} workers", sides, figure, Goal(unit="x"), note)
    try:
        yield from _faces(setting)
    except NoData as reason:
        yield f"growth of faces: {reason}"


def _search(trials: int, workers: int) -> float:
    campaign = fake_campaign(Algorithm.RANDOM, trials)
    with tempfile.TemporaryDirectory() as folder:
        conditions = Conditions(
            Home(Path(folder)), Silence(), workers, tracking=False, entry=train_fake, loads="benchmarks.fakes"
        )
        began = time.perf_counter()
        run_search(campaign, campaign.settings, "fake.py", "mark", DataChoice("demo"), conditions)
        return time.perf_counter() - began


def _faces(setting: Setting) -> Iterator[Row]:
    packed = setting.packed()
    factors = (0.01, 0.02) if setting.tiny else (*TIMES_FACES, 100) if setting.long else TIMES_FACES
    found = []
    for factor in factors:
        with tempfile.TemporaryDirectory() as folder:
            words = [str(packed), folder, str(factor)]
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.more_faces", "make", *words],
                cwd=CHECKOUT,
                capture_output=True,
                text=True,
            )
            done.check_returncode()
            measured = subprocess.run(
                [sys.executable, "-m", "benchmarks.more_faces", "read", *words],
                cwd=CHECKOUT,
                capture_output=True,
                text=True,
            )
            measured.check_returncode()
            found.append(json.loads(measured.stdout.splitlines()[-1]))
    for stage, unit in (("read and split", "s"), ("CLAHE", "s"), ("second start", "s"), ("peak memory", "MiB")):
        sides = [Side(f"{factor}x faces", (one[stage],), unit) for factor, one in zip(factors, found, strict=True)]
        figure = sides[-1].median / sides[-2].median
        note = f"the figure: {factors[-1]}x against {factors[-2]}x the faces"
        yield row(f"growth: faces, {stage}", sides, figure, Goal(unit="x"), note)
