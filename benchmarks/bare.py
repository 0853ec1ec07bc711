"""The baseline in plain Keras, as someone would write it without fer-exp: the notebook's network and compilation.

In: widths. Out: a compiled model that takes float32 faces in 0-1 and integer labels. Run as a script it is the bare
counterpart of a training: it loads arrays, fits once, and prints when training began and when its first epoch's
training was over.

    python -m benchmarks.bare FOLDER WIDTH...      FOLDER holds train-*.npy and validation-*.npy
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

WIDTHS = (32, 64, 128)
Floats = NDArray[np.float32]


def bare_model(
    widths: Sequence[int] = WIDTHS,
    *,
    convs: int = 2,
    last: int = 256,
    head: Sequence[tuple[int, float]] = ((128, 0.3), (64, 0.2)),
    block_dropout: float = 0.25,
    pooled_dropout: float = 0.5,
    learning_rate: float = 1e-3,
) -> keras.Model:
    """626,791 parameters at its defaults."""
    stack: list[Any] = [keras.Input((48, 48, 1))]
    for width in widths:
        for _ in range(convs):
            stack += [layers.Conv2D(width, 3, padding="same", activation="relu"), layers.BatchNormalization()]
        stack += [layers.MaxPooling2D(2), layers.Dropout(block_dropout)]
    stack += [layers.Conv2D(last, 3, padding="same", activation="relu"), layers.BatchNormalization()]
    stack += [layers.GlobalAveragePooling2D(), layers.Dropout(pooled_dropout)]
    for width, dropout in head:
        stack += [layers.Dense(width, activation="relu"), layers.BatchNormalization(), layers.Dropout(dropout)]
    model = keras.Sequential([*stack, layers.Dense(7, activation="softmax")])
    model.compile(keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def toy_model(learning_rate: float, block_dropout: float, pooled_dropout: float) -> keras.Model:
    """The network of `benchmarks.toy`, value for value."""
    return bare_model(
        (8, 16, 32),
        convs=1,
        last=64,
        head=((32, 0.1),),
        block_dropout=block_dropout,
        pooled_dropout=pooled_dropout,
        learning_rate=learning_rate,
    )


def arrays(folder: Path, part: str, kind: str = "clahe") -> tuple[Floats, NDArray[np.uint8]]:
    """The faces that fer-exp has prepared, as someone without it would hold them: float32 in 0-1, and labels."""
    images = np.load(folder / f"{part}-{kind}.npy")
    return (images / np.float32(255))[..., np.newaxis], np.load(folder / f"{part}-labels.npy")


class _Clock(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Prints, in seconds since 1970, when training began and when the first epoch's training was over."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Training begins."""
        print(f"began {time.time()}", flush=True)

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Validation begins."""
        print(f"trained {time.time()}", flush=True)


def main(folder: Path) -> None:
    """One epoch."""
    train, validation = arrays(folder, "train"), arrays(folder, "validation")
    toy_model(1e-3, 0.25, 0.5).fit(*train, validation_data=validation, epochs=1, callbacks=[_Clock()], verbose=0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
