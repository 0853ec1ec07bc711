"""FER2013 many times over, with noise, and what it takes to make it ready.

python -m benchmarks.more_faces make PACKED FOLDER FACTOR    writes FOLDER/faces.csv
python -m benchmarks.more_faces read PACKED FOLDER FACTOR    prints seconds by stage and the peak of memory as JSON
"""

import json
import os
import resource
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

from fer_exp.data.faces import Usage
from fer_exp.data.split.prepare import prepare
from fer_exp.data.split.protocol import Protocol

NOISE = 3  # grey levels either way
FILE = "faces.csv"


def make(packed: Path, folder: Path, factor: float) -> None:
    """Writes the CSV, a copy at a time."""
    from fer_exp.data.cache import cached_faces

    faces, _ = cached_faces(str(packed), folder / "of-the-original")
    random = np.random.default_rng(1)
    words = np.array([f"{grey}".encode() for grey in range(256)], dtype=object)
    total = round(len(faces) * factor)
    with (folder / FILE).open("wb") as target:
        target.write(b"emotion,pixels,Usage\n")
        for number in range(total):
            row = number % len(faces) if factor >= 1 else int(number / factor)
            noise = random.integers(-NOISE, NOISE + 1, (48, 48), dtype=np.int16)
            image = np.clip(faces.images[row].astype(np.int16) + noise, 0, 255)
            title = Usage(int(faces.usage[row])).title
            target.write(b"%d,%s,%s\n" % (faces.labels[row], b" ".join(words[image.ravel()]), title.encode()))
        target.flush()
        os.fsync(target.fileno())  # else reading would compete with the disk for what was written last


def read(folder: Path) -> dict[str, float]:
    """Seconds by stage, and the process's peak of memory in MiB."""
    seconds: dict[str, float] = {}
    began = time.perf_counter()
    prepared = partial(prepare, protocol=Protocol.OFFICIAL, seed=1, limit=None, cache=folder / "cache")
    development = prepared(str(folder / FILE))
    seconds["read and split"] = time.perf_counter() - began
    began = time.perf_counter()
    _ = development.train(clahe=True), development.validation(clahe=True)
    seconds["CLAHE"] = time.perf_counter() - began
    began = time.perf_counter()
    again = prepared(str(folder / FILE))
    _ = again.train(clahe=True), again.validation(clahe=True)
    seconds["second start"] = time.perf_counter() - began
    return {**seconds, "peak memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    what, packed, folder, factor = sys.argv[1:]
    if what == "make":
        make(Path(packed), Path(folder), float(factor))
    else:
        print(json.dumps(read(Path(folder))))
