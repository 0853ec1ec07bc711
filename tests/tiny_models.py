"""Networks small enough to train in a test, on random faces."""

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from fer_exp.model import build, compile_model
from fer_exp.recipe import Augmentation, Recipe

EVERYTHING = Augmentation(flip=True, shift=4, rotation=10, zoom=0.1, contrast=0.2, erasing=0.5)


SMALL = Recipe(widths=(4,), convs_per_block=1, last_width=0, head_widths=(8,), head_dropouts=(0.3,), batch_size=16)


def faces(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, 48, 48), dtype=np.uint8)


def one_hot(count: int) -> NDArray[np.float32]:
    return np.eye(7, dtype=np.float32)[np.arange(count) % 7]


def opencv(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    clahe = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
    return np.stack([clahe.apply(image) for image in images])


def trained(recipe: Recipe) -> keras.Model:
    model = build(recipe, seed=1)
    compile_model(model, recipe, steps_per_epoch=3, horizon=1)
    model.fit(faces(48)[..., None], one_hot(48), batch_size=16, verbose=0)
    return model
