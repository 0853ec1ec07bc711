"""Training images per second on one GPU with JAX: the baseline at two batch sizes, and a loop written by hand.

The reference needed 13 to 14 s an epoch on a Colab GPU, 2,860 images/s. Only where JAX finds a GPU.
"""

import os
import shutil
from collections.abc import Iterator
from functools import partial

from benchmarks.setting import NoData, Setting
from benchmarks.sides import Goal, Row, in_turns, row, share

REFERENCE = 2_860  # images/s
BATCHES = (32, 256, 1024, 4096)
IMAGES = 32_768


def rows(setting: Setting) -> Iterator[Row]:
    """Batch 32, then the best, then against the hand-written loop."""
    if shutil.which("nvidia-smi") is None:
        raise NoData("left out: no GPU here")
    os.environ["KERAS_BACKEND"] = "jax"
    import jax
    import numpy as np

    if jax.default_backend() != "gpu":
        raise NoData("left out: JAX finds no GPU; install '.[jax-cuda]' into the environment of the measurements")
    from benchmarks.jax_loop import epoch_of
    from benchmarks.training import fitting, rate
    from fer_exp.recipe import baseline_recipe

    random = np.random.default_rng(1)
    images = random.integers(0, 256, (IMAGES, 48, 48), dtype=np.uint8)
    labels = random.integers(0, 7, IMAGES, dtype=np.uint8)
    ours = {f"batch {size}": fitting(baseline_recipe().but(batch_size=size), images, labels) for size in BATCHES}
    by_hand = {f"by hand, batch {size}": partial(rate, IMAGES, epoch_of(images, labels, size)) for size in BATCHES}
    ways = ours | by_hand
    for way in ways.values():
        way()
    sides = in_turns(ways, setting.pick(5, 1), "images/s")
    yield row("one GPU, JAX, batch 32", sides[:1], sides[0].median, Goal(10 * REFERENCE, unit=" images/s"))
    best, best_by_hand = (max(some, key=lambda side: side.median) for some in (sides[: len(ours)], sides[len(ours) :]))
    yield row(f"one GPU, JAX, {best.name}", [best], best.median, Goal(100_000, unit=" images/s"))
    both = [best, best_by_hand]
    yield share("one GPU, JAX, against a hand-written loop, each at its best batch", both, Goal(unit="x"))
