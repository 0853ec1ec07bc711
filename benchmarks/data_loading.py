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

from benchmarks.sides import Comparison, compare
from fer_exp.data.prepare import prepare
from fer_exp.data.protocol import Protocol


def measurements(packed: Path) -> Iterator[Comparison]:
    """Cold and warm; both sides read the same unpacked file from the page cache."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "fer2013.csv"
        with gzip.open(packed) as source, plain.open("wb") as target:
            shutil.copyfileobj(source, target)
        cache = Path(folder) / "cache"

        def cold() -> None:
            shutil.rmtree(cache, ignore_errors=True)
            _ours(plain, cache)

        yield compare("CSV to CLAHE training arrays, cold", cold, lambda: _notebooks(plain), times=3)
        yield compare(
            "CSV to CLAHE training arrays, second start", lambda: _ours(plain, cache), lambda: _notebooks(plain), 3
        )


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
