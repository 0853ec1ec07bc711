"""Training images per second of the baseline: fer-exp's ordered, weighted batches against plain `fit` on arrays."""

from collections.abc import Iterator

import keras
import numpy as np

from benchmarks.sides import Comparison, compare
from fer_exp.data.faces import Emotion
from fer_exp.model import build, compile_model
from fer_exp.recipe import baseline_recipe
from fer_exp.records import Kind, TrialSpec
from fer_exp.train import Batches

IMAGES = 2048


def measurements() -> Iterator[Comparison]:
    """One epoch over the same images on the same compiled model, in turns."""
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (IMAGES, 48, 48), dtype=np.uint8)
    labels = generator.integers(0, 7, IMAGES, dtype=np.uint8)
    recipe = baseline_recipe()
    model = build(recipe, 1)
    compile_model(model, recipe, steps_per_epoch=IMAGES // recipe.batch_size, horizon=1)
    spec = TrialSpec(
        campaign="bench",
        kind=Kind.BASELINE,
        number=0,
        seed=1,
        recipe=recipe,
        epochs=1,
        horizon=1,
        data_digest="",
        split_digest="",
        protocol="official",
    )
    batches = Batches(images, labels, np.arange(IMAGES), np.ones(7, np.float32), spec)
    arrays = (images[..., np.newaxis].astype("float32"), np.eye(len(Emotion), dtype=np.float32)[labels])
    weights = np.ones(IMAGES, np.float32)

    def ours() -> None:
        model.fit(batches, epochs=1, verbose=0)

    def plain() -> None:
        model.fit(*arrays, sample_weight=weights, batch_size=recipe.batch_size, epochs=1, verbose=0)

    ours()
    plain()  # both graphs are compiled before anything is measured
    yield compare(
        f"one epoch of the baseline on {IMAGES} images, batch 32, {keras.backend.backend()}", ours, plain, times=5
    )
