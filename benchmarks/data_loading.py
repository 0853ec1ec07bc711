"""From FER2013's CSV to training-ready CLAHE arrays: fer-exp cold and warm, and the reference notebook's way."""

import gzip
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.setting import Setting
from benchmarks.sides import Goal, Row, faster, in_turns, row, times_
from fer_exp.data.split.prepare import prepare
from fer_exp.data.split.protocol import Protocol


def rows(setting: Setting) -> Iterator[Row]:
    """Cold and warm; both sides read the same unpacked file from the page cache."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "fer2013.csv"
        with gzip.open(setting.packed()) as source, plain.open("wb") as target:
            shutil.copyfileobj(source, target)
        cache = Path(folder) / "cache"

        def cold() -> None:
            shutil.rmtree(cache, ignore_errors=True)
            _ours(plain, cache)

        ways = {"fer-exp": cold, "the notebook's way": lambda: _notebooks(plain)}
        sides = in_turns(ways, setting.pick(3, 1))
        yield faster("CSV to CLAHE training arrays, cold", sides, times_(4))
        warm = in_turns({"fer-exp": lambda: _ours(plain, cache)}, setting.pick(9, 2))
        yield faster("the same, second start", [*warm, sides[1]], times_(100))
        yield row("the same, in seconds", warm, warm[0].median, Goal(high=0.15, unit=" s"))


def _ours(path: Path, cache: Path) -> NDArray[np.uint8]:
    development = prepare(str(path), protocol=Protocol.OFFICIAL, seed=1, limit=None, cache=cache)
    return development.train(clahe=True).images


def _notebooks(path: Path) -> NDArray[np.float32]:
    """One Python split and one float array a row, then CLAHE image by image; all rows, as the notebook does."""
    table = pd.read_csv(path)
    faces = np.stack([np.array(text.split(), dtype="float32").reshape(48, 48) for text in table["pixels"]]) / 255.0
    clahe = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
    equalised = np.stack([clahe.apply((face * 255).astype("uint8")) for face in faces])
    return np.asarray(equalised / 255.0, dtype="float32")[..., np.newaxis]
