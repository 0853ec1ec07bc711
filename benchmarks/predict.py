"""Faces a second in batches against the loop people write, and a video end to end; `exports` has other runtimes.

The model is the baseline's network as it is kept, with CLAHE, scaling and a temperature inside; its weights are those
it begins with, which cost the same as trained ones.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.detectors import _frame
from benchmarks.setting import Setting
from benchmarks.sides import Goal, Row, faster, in_turns, row, times_
from fer_exp.data.faces import Images
from fer_exp.prediction.detectors import detector
from fer_exp.prediction.inputs import sources
from fer_exp.prediction.looking import Detecting
from fer_exp.prediction.run import Probabilities, Tally, look

Answers = Callable[[Images], Probabilities]
Prepared = NDArray[np.float32]


def keras_in_batches(model: Path) -> Answers:
    """What `fer-exp predict` does."""
    from fer_exp.model import load_model, predict

    network = load_model(model)
    return lambda faces: np.asarray(predict(network, faces), np.float32)


def rows(setting: Setting) -> Iterator[Row]:
    """Batches against the loop, and the video."""
    with tempfile.TemporaryDirectory() as folder:
        model = _kept(Path(folder) / "model.keras")
        faces = np.random.default_rng(1).integers(0, 256, (setting.pick(2048, 64), 48, 48), dtype=np.uint8)
        ours = keras_in_batches(model)
        yield _against_the_loop(setting, ours, model, faces)
        yield _video(setting, ours, Path(folder) / "film.mp4")


def _kept(path: Path) -> Path:
    from fer_exp.model import build, with_preprocessing, with_temperature
    from fer_exp.recipe import baseline_recipe

    recipe = baseline_recipe()
    with_temperature(with_preprocessing(build(recipe, 1), recipe), 1.4).save(path)
    return path


def _against_the_loop(setting: Setting, ours: Answers, model: Path, faces: Images) -> Row:
    """Microseconds a face: `Model.predict` is asked about one face after another, on a twentieth of them."""
    from fer_exp.model import load_model

    network = load_model(model)
    some = faces[: max(len(faces) // 20, 8)].astype(np.float32)[..., np.newaxis]

    def loop() -> float:
        return _each(lambda: [network.predict(face[np.newaxis], verbose=0) for face in some], len(some))

    def batches() -> float:
        return _each(lambda: ours(faces), len(faces))

    ours(faces)
    network.predict(some[:1], verbose=0)
    sides = in_turns({"fer-exp": batches, "a loop of model.predict": loop}, setting.pick(3, 1), "ms/face")
    note = f"{1000 / sides[0].median:,.0f} faces/s against {1000 / sides[1].median:,.0f}"
    return faster("faces in batches against one `model.predict` a face", sides, times_(20), note)


def _each(doing: Callable[[], object], count: int) -> float:
    """Milliseconds a face."""
    began = time.perf_counter()
    doing()
    return 1000 * (time.perf_counter() - began) / count


class _Model:
    def __init__(self, answers: Answers) -> None:
        from fer_exp.data.form import FER2013_FORM

        self.form = FER2013_FORM
        self._answers = answers

    def probabilities(self, crops: Images) -> Probabilities:
        """As the run asks."""
        return self._answers(crops)


def _video(setting: Setting, ours: Answers, path: Path) -> Row:
    """From the file to the rows: a head of about 170 pixels that moves through a frame of 640x480."""
    count, frame = setting.pick(90, 6), _frame()
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30.0, (640, 480))
    for number in range(count):
        moved = np.roll(frame, round(60 * np.sin(number / 15)), axis=1)
        writer.write(cv2.cvtColor(moved, cv2.COLOR_RGB2BGR))
    writer.release()
    model, seen = _Model(ours), list[int]()

    busy: list[float] = []  # milliseconds of processor time a frame, of all threads

    def run() -> float:
        began, finder, tally = time.process_time(), detector(), Tally()
        looking = Detecting(finder, finder.framing)
        frames = look(sources([path]), looking, model, tally)
        milliseconds = _each(lambda: seen.append(sum(len(one.faces) for one in frames)), count)
        busy.append(1000 * (time.process_time() - began) / count)
        return 1000 / milliseconds

    sides = in_turns({f"fer-exp ({detector().name})": run}, setting.pick(3, 1), "frames/s")
    rate = sides[0].median
    note = f"{count} frames, {min(seen)} to {max(seen)} faces; {rate / 30:.2f} times real time; "
    note += f"{statistics.median(busy):.0f} ms of processor time a frame, {os.cpu_count()} cores"
    return row("a video of 640x480 with one face, end to end", sides, rate, Goal(low=15, unit=" frames/s"), note)
