"""Tables with learning curves, made in minutes: grids of small dense networks, every epoch of every recipe recorded.

In: a data set that is at hand (scikit-learn's digits, the built-in demo faces, FER2013's pixels). Out: a table for
`fer-exp replay` under `benchmarks/tables/`. What others publish as packages holds final values alone, and a search that
stops early can be replayed only where every epoch is known. All recipes of one shape are trained at once, in NumPy:
dense layers with ReLU and dropout, cross-entropy, Adam. Repeat: `python -m benchmarks.curves digits`.
"""

import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

EPOCHS = 27
SEEDS = (1, 2)
SPACE: dict[str, list[float]] = {
    "learning_rate": [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2],
    "dropout": [0.0, 0.2, 0.5],
    "width": [16, 48, 128],
    "depth": [1, 2],
    "batch": [16, 64],
}
DEFAULT: dict[str, float] = {"learning_rate": 1e-3, "dropout": 0.2, "width": 48, "depth": 1, "batch": 64}
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7  # of Adam, as Keras has them
FOLDER = Path(__file__).parent / "tables"


@dataclass(frozen=True)
class Task:
    """Features scaled to mean 0 and deviation 1 by the training part, and classes from 0."""

    train: Floats  # (n, features)
    train_labels: NDArray[np.int64]  # (n,)
    validation: Floats
    validation_labels: NDArray[np.int64]

    @property
    def classes(self) -> int:
        """How many."""
        return int(self.train_labels.max()) + 1


def curves(task: Task, depth: int, width: int, batch: int, rows: list[tuple[float, float, int]]) -> Floats:
    """Validation accuracy after each epoch.

    Args:
        task: What to learn.
        depth: Hidden layers.
        width: Units of each.
        batch: Images a step.
        rows: Learning rate, dropout and seed of each network; all are trained at once.

    Returns:
        `(networks, EPOCHS)`.
    """
    rates, drops = (np.array(column, np.float32)[:, None, None] for column in list(zip(*rows, strict=True))[:2])
    random = [np.random.default_rng(seed) for _, _, seed in rows]
    sizes = [task.train.shape[1], *[width] * depth, task.classes]
    weights = [
        np.stack([(r.standard_normal((a, b)) * np.sqrt(2 / a)).astype(np.float32) for r in random])
        for a, b in itertools.pairwise(sizes)
    ]
    weights += [np.zeros((len(rows), 1, size), np.float32) for size in sizes[1:]]
    first, second = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    targets = np.eye(task.classes, dtype=np.float32)[task.train_labels]
    found, step, layers = [], 0, depth + 1
    for _ in range(EPOCHS):
        order = np.stack([r.permutation(len(task.train)) for r in random])
        for begin in range(0, len(task.train) - batch + 1, batch):
            chosen = order[:, begin : begin + batch]
            activations, masks = [task.train[chosen]], []
            for layer in range(layers):
                out = activations[-1] @ weights[layer] + weights[layers + layer]
                if layer < depth:
                    kept = np.stack([r.random((batch, width), np.float32) for r in random]) >= drops
                    masks.append((out > 0) * kept / (1 - drops))
                    out = out * masks[-1]
                activations.append(out)
            logits = activations.pop()
            shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
            slope = (shares / shares.sum(axis=-1, keepdims=True) - targets[chosen]) / batch
            step += 1
            scale = rates * np.float32(np.sqrt(1 - BETA_2**step) / (1 - BETA_1**step))
            for layer in reversed(range(layers)):
                gradients = (activations[layer].transpose(0, 2, 1) @ slope, slope.sum(axis=1, keepdims=True))
                if layer:
                    slope = (slope @ weights[layer].transpose(0, 2, 1)) * masks[layer - 1]
                for index, gradient in zip((layer, layers + layer), gradients, strict=True):
                    first[index] += (1 - BETA_1) * (gradient - first[index])
                    second[index] += (1 - BETA_2) * (gradient * gradient - second[index])
                    weights[index] -= scale * first[index] / (np.sqrt(second[index]) + EPSILON)
        found.append(_accuracy(task, weights, depth))
    return np.stack(found, axis=1).astype(np.float32)


def _accuracy(task: Task, weights: list[Floats], depth: int) -> Floats:
    out = np.broadcast_to(task.validation, (len(weights[0]), *task.validation.shape))
    for layer in range(depth + 1):
        out = out @ weights[layer] + weights[depth + 1 + layer]
        out = np.maximum(out, 0) if layer < depth else out
    return np.asarray((out.argmax(axis=-1) == task.validation_labels).mean(axis=-1), np.float32)


def digits() -> Task:
    """Handwritten digits of 8 x 8 pixels, which scikit-learn brings along; half of them for validation."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(1).permutation(len(images))
    return _task(images[order], labels[order], len(images) // 2)


SIDE = 12  # pixels that a face is reduced to
FACES = 2000  # of the training part


def pixels(source: str, prepared: str) -> Task:
    """Faces reduced to `SIDE` x `SIDE` grey levels."""
    import cv2

    from fer_exp.data.reading import Reading
    from fer_exp.data.split.prepare import prepare
    from fer_exp.data.split.protocol import Protocol

    chosen = prepare(source, protocol=Protocol.OFFICIAL, seed=1, limit=FACES, cache=Path(prepared), reading=Reading())
    parts = [chosen.train(clahe=False), chosen.validation(clahe=False)]
    small = [
        np.stack([cv2.resize(face.squeeze(), (SIDE, SIDE), interpolation=cv2.INTER_AREA) for face in part.images])
        for part in parts
    ]
    features = np.concatenate(small).reshape(sum(map(len, small)), -1)
    return _task(features, np.concatenate([part.labels for part in parts]), len(small[0]))


def _task(features: NDArray[np.floating], labels: NDArray[np.int64], train: int) -> Task:
    mean, deviation = features[:train].mean(axis=0), features[:train].std(axis=0) + 1e-3
    scaled = ((features - mean) / deviation).astype(np.float32)
    return Task(scaled[:train], labels[:train].astype(np.int64), scaled[train:], labels[train:].astype(np.int64))


def table_of(task: Task, name: str, source: str) -> str:
    """The whole grid as the text of a table."""
    from fer_exp.replay.table import Table

    rows = list(itertools.product(SPACE["learning_rate"], SPACE["dropout"], SEEDS))
    found: dict[tuple[float, ...], list[list[float]]] = {}
    for depth, width, batch in itertools.product(*(map(int, SPACE[key]) for key in ("depth", "width", "batch"))):
        trained = curves(task, depth, width, batch, [(rate, drop, seed) for rate, drop, seed in rows])
        for (rate, drop, _), curve in zip(rows, trained, strict=True):
            found.setdefault((rate, drop, width, depth, batch), []).append([round(float(v), 5) for v in curve])
        sys.stderr.write(f"{name}: depth {depth}, width {width}, batch {batch}\n")
    table = Table.of(name, source, SPACE, DEFAULT, {point: tuple(map(tuple, seeds)) for point, seeds in found.items()})
    return table.text()


def main() -> None:
    """Makes the tables named on the command line: digits, demo, or fer2013-pixels with the path of FER2013."""
    name, *rest = sys.argv[1:]
    if name == "digits":
        task, source = digits(), "dense networks on scikit-learn's digits"
    else:
        prepared = rest[1] if len(rest) > 1 else ".cache"
        task, source = pixels(rest[0], prepared), f"dense networks on {FACES} faces of {SIDE} x {SIDE} pixels"
    (FOLDER / f"{name}.jsonl").write_text(table_of(task, name, source), encoding="utf-8")


if __name__ == "__main__":
    main()
