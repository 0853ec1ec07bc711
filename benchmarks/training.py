"""Training images per second of the baseline on this processor: fer-exp's batches against plain `fit` on arrays.

One epoch over the same images, in turns, on the same network; with augmentation; against what a plain matrix product
reaches here; with Keras's own normalisation; and with bfloat16 where the processor multiplies it. Plain `fit` waits at
the end of some passes, so turns are short and many, and the figure is the median of the ratios of neighbours in time.
"""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence

import keras
import numpy as np

from benchmarks.bare import WIDTHS, bare_model
from benchmarks.machine import has_bfloat16
from benchmarks.setting import Setting
from benchmarks.sides import Doing, Goal, Row, Side, in_turns, row, share_by_turns, times_
from fer_exp.data.faces import Images, Labels
from fer_exp.model import build, compile_model
from fer_exp.recipe import Augmentation, Precision, Recipe, baseline_recipe
from fer_exp.records import Kind, TrialSpec
from fer_exp.training.feed import feed
from fer_exp.training.train import Batches

IMAGES = 512
SIDE = 2048  # of the square matrices whose product is the machine's peak
AUGMENTED = Augmentation(flip=True, shift=4, rotation=10, zoom=0.1)
TIMES = 9


def rows(setting: Setting) -> Iterator[Row | str]:
    """Float32, augmented, of the peak, bfloat16."""
    count = setting.pick(IMAGES, 64)
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (count, 48, 48), dtype=np.uint8)
    labels = generator.integers(0, 7, count, dtype=np.uint8)
    recipe = baseline_recipe()
    ways = {
        "fer-exp": fitting(recipe, images, labels),
        "plain Keras fit": _plain(images, labels),
        "fer-exp, augmented": fitting(recipe.but(augmentation=AUGMENTED), images, labels),
        "matrix product": _product,
    }
    for way in ways.values():
        way()  # graphs are traced before anything is measured
    spent: dict[str, list[float]] = {name: [] for name in ways}
    metered = {name: _metered(way, spent[name]) for name, way in ways.items()}
    ours, plain, augmented, product = in_turns(metered, setting.pick(TIMES, 1), "images/s")
    backend = keras.backend.backend()
    note = f"{_compared(ours, plain, spent)}; {backend}, batch {recipe.batch_size}"
    yield share_by_turns("training images/s, float32", [ours, plain], times_(1), note)
    note = f"{_compared(augmented, plain, spent)}; flip, shift, rotation, zoom"
    yield share_by_turns("with augmentation, against plain fit without", [augmented, plain], times_(0.92), note)
    peak = Side("matrix product", product.values, "GFLOP/s")
    reached = Side("fer-exp", tuple(value * _flops() / 1e9 for value in ours.values), "GFLOP/s")
    share_of_peak = 100 * reached.median / peak.median
    yield row("training against the matrix product's peak", [reached, peak], share_of_peak, Goal(unit=" %"))
    yield _normalisation(recipe, images, labels, setting, "float32")
    if not has_bfloat16():
        yield "bfloat16: left out, this processor does not multiply it"
        return
    half = recipe.but(precision=Precision.BFLOAT16)
    yield _normalisation(half, images, labels, setting, "bfloat16")
    yield _bfloat16(recipe, images, labels, setting)


def _metered(way: Doing, spent: list[float]) -> Doing:
    """The same, noting the seconds that processors worked for it: what a neighbour takes is not among them."""

    def run() -> object:
        began = time.process_time()
        figure = way()
        spent.append(time.process_time() - began)
        return figure

    return run


def _compared(ours: Side, theirs: Side, spent: Mapping[str, Sequence[float]]) -> str:
    """Two sides by what disturbs less than the clock."""
    best = max(ours.values) / max(theirs.values)
    turns = zip(spent[theirs.name], spent[ours.name], strict=True)
    processor = statistics.median(theirs / ours for theirs, ours in turns)
    return f"best against best {best:.2f}x, by processor seconds {processor:.2f}x"


def fitting(recipe: Recipe, images: Images, labels: Labels, to_train: bool = True) -> Doing:
    """One epoch of `recipe` as a trial trains it; returns images per second. Otherwise of Keras's layers alone."""
    count = len(images)
    model = build(recipe, 1, to_train=to_train)
    compile_model(model, recipe, steps_per_epoch=max(count // recipe.batch_size, 1), horizon=1)
    digests = {"data_digest": "", "split_digest": "", "protocol": "official"}
    spec = TrialSpec(
        campaign="bench", kind=Kind.BASELINE, number=0, seed=1, recipe=recipe, epochs=1, horizon=1, **digests
    )
    batches = Batches(images, labels, np.arange(count), np.ones(7, np.float32), spec)
    return lambda: rate(count, lambda: model.fit(feed(batches), epochs=1, shuffle=False, verbose=0))


def _plain(images: Images, labels: Labels) -> Doing:
    model = bare_model()
    faces = (images / np.float32(255))[..., np.newaxis]
    return lambda: rate(len(images), lambda: model.fit(faces, labels, batch_size=32, epochs=1, verbose=0))


def rate(count: int, work: Doing) -> float:
    """Images per second of a work on `count` images."""
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def _product() -> float:
    """GFLOP/s of a float32 matrix product, the best of five."""
    a = keras.ops.convert_to_tensor(np.ones((SIDE, SIDE), np.float32))
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        keras.ops.convert_to_numpy(keras.ops.matmul(a, a))
        seconds.append(time.perf_counter() - began)
    return 2 * SIDE**3 / min(seconds) / 1e9


def _flops() -> float:
    """Floating-point operations to train on one image: convolutions forward, and twice that backward."""
    side, before, forward = 48, 1, 0
    for width in WIDTHS:
        forward += side * side * 9 * 2 * (before * width + width * width)
        side, before = side // 2, width
    forward += side * side * 9 * 2 * before * 256
    return 3.0 * forward


def _normalisation(recipe: Recipe, images: Images, labels: Labels, setting: Setting, precision: str) -> Row:
    """Batch normalisation as one operation against Keras's layer, all else alike."""
    ways = {
        "fer-exp": fitting(recipe, images, labels),
        "the same with Keras's batch normalisation": fitting(recipe, images, labels, to_train=False),
    }
    for way in ways.values():
        way()
    sides = in_turns(ways, setting.pick(TIMES, 1), "images/s")
    note = f"best against best {max(sides[0].values) / max(sides[1].values):.2f}x"
    return share_by_turns(f"training images/s, {precision}, by the way of normalising", sides, times_(1.1), note)


def _bfloat16(recipe: Recipe, images: Images, labels: Labels, setting: Setting) -> Row:
    ways = {
        "fer-exp, bfloat16": fitting(recipe.but(precision=Precision.BFLOAT16), images, labels),
        "fer-exp, float32": fitting(recipe, images, labels),
    }
    for way in ways.values():
        way()
    sides = in_turns(ways, setting.pick(TIMES, 1), "images/s")
    note = f"best against best {max(sides[0].values) / max(sides[1].values):.2f}x; accuracy: experiments/LOG.md"
    return share_by_turns("training images/s with bfloat16", sides, times_(1.3), note)
