"""The baseline's training as someone would write it by hand in JAX: no Keras, faces on the device, an epoch a call.

In: faces and labels. Out: a function that trains one epoch. Same network, loss and Adam as `benchmarks.bare`; batch
normalisation with running averages, dropout with keys of its own. Steps are a `lax.scan` over shuffled row numbers.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax, random

from benchmarks.bare import WIDTHS
from fer_exp.data.faces import Images, Labels

Tree = dict[str, Any]  # arrays by name
CLASSES = 7
TOP = 256
HEAD = ((128, 0.3), (64, 0.2))  # width, dropout
BLOCK_DROPOUT, POOLED_DROPOUT = 0.25, 0.5
MOMENTUM, EPSILON = 0.99, 1e-3  # of batch normalisation, as Keras has them
RATE, BETA1, BETA2, TINY = 1e-3, 0.9, 0.999, 1e-7  # of Adam, as Keras has them


def epoch_of(images: Images, labels: Labels, batch: int, widths: Sequence[int] = WIDTHS) -> Callable[[], float]:
    """Trains one more epoch at each call, and returns its mean loss once the device is done.

    Args:
        images: `(n, 48, 48)` uint8.
        labels: `(n,)` uint8, 0-6.
        batch: Faces a step; a rest that fills no batch is left out.
        widths: Channels of the blocks.
    """
    steps = len(labels) // batch
    faces, answers = jnp.asarray(images)[..., None], jnp.asarray(labels, jnp.int32)

    def step(state: Tree, rows: jax.Array) -> tuple[Tree, jax.Array]:
        key, dropout = random.split(state["key"])
        x = faces[rows].astype(jnp.float32) / 255
        (loss, averages), slopes = jax.value_and_grad(_loss, has_aux=True)(
            state["weights"], state["averages"], x, answers[rows], dropout
        )
        moved = _adam(state, slopes)
        return moved | {"averages": averages, "key": key}, loss

    @jax.jit
    def epoch(state: Tree) -> tuple[Tree, jax.Array]:
        key, shuffling = random.split(state["key"])
        rows = random.permutation(shuffling, len(labels))[: steps * batch].reshape(steps, batch)
        state, losses = lax.scan(step, state | {"key": key}, rows)
        return state, losses.mean()

    held = {"state": initial_state(widths)}

    def train() -> float:
        held["state"], loss = epoch(held["state"])
        return float(loss)

    return train


def initial_state(widths: Sequence[int] = WIDTHS) -> Tree:
    """Weights (Glorot uniform, seed 1), averages, Adam's moments, count and key."""
    keys = iter(random.split(random.key(1), 32))
    weights: Tree = {}
    averages: Tree = {}

    def add(name: str, shape: tuple[int, ...], *, normalised: bool = True) -> None:
        area = shape[0] * shape[1] if len(shape) == 4 else 1
        limit = (6 / (area * (shape[-2] + shape[-1]))) ** 0.5
        weights[name] = {
            "kernel": random.uniform(next(keys), shape, minval=-limit, maxval=limit),
            "bias": jnp.zeros(shape[-1]),
        }
        if normalised:
            weights[name] |= {"gamma": jnp.ones(shape[-1]), "beta": jnp.zeros(shape[-1])}
            averages[name] = {"mean": jnp.zeros(shape[-1]), "variance": jnp.ones(shape[-1])}

    before = 1
    for block, width in enumerate(widths):
        add(f"block{block}_0", (3, 3, before, width))
        add(f"block{block}_1", (3, 3, width, width))
        before = width
    add("top", (3, 3, before, TOP))
    before = TOP
    for number, (width, _) in enumerate(HEAD):
        add(f"dense{number}", (before, width))
        before = width
    add("output", (before, CLASSES), normalised=False)
    nothing = jax.tree.map(jnp.zeros_like, weights)
    return {
        "weights": weights,
        "averages": averages,
        "first": nothing,
        "second": nothing,
        "count": jnp.zeros((), jnp.int32),
        "key": random.key(2),
    }


def _loss(weights: Tree, averages: Tree, x: jax.Array, labels: jax.Array, key: jax.Array) -> tuple[jax.Array, Tree]:
    """Mean cross-entropy of a batch, and the averages behind it."""
    keys = iter(random.split(key, 8))
    moved: Tree = {}

    def normalised(name: str, x: jax.Array) -> jax.Array:
        axes = tuple(range(x.ndim - 1))
        mean, variance = x.mean(axes), x.var(axes)
        old = averages[name]
        moved[name] = {
            "mean": MOMENTUM * old["mean"] + (1 - MOMENTUM) * lax.stop_gradient(mean),
            "variance": MOMENTUM * old["variance"] + (1 - MOMENTUM) * lax.stop_gradient(variance),
        }
        result: jax.Array = (x - mean) * lax.rsqrt(variance + EPSILON) * weights[name]["gamma"] + weights[name]["beta"]
        return result

    def convolved(name: str, x: jax.Array) -> jax.Array:
        x = lax.conv_general_dilated(
            x, weights[name]["kernel"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return normalised(name, jax.nn.relu(x + weights[name]["bias"]))

    def dropped(rate: float, x: jax.Array) -> jax.Array:
        return jnp.where(random.bernoulli(next(keys), 1 - rate, x.shape), x / (1 - rate), 0)

    for block in range(sum(name.startswith("block") for name in weights) // 2):
        x = convolved(f"block{block}_1", convolved(f"block{block}_0", x))
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        x = dropped(BLOCK_DROPOUT, x)
    x = dropped(POOLED_DROPOUT, convolved("top", x).mean((1, 2)))
    for number, (_, rate) in enumerate(HEAD):
        name = f"dense{number}"
        x = dropped(rate, normalised(name, jax.nn.relu(x @ weights[name]["kernel"] + weights[name]["bias"])))
    logits = jax.nn.log_softmax(x @ weights["output"]["kernel"] + weights["output"]["bias"])
    loss: jax.Array = -jnp.take_along_axis(logits, labels[:, None], 1).mean()
    return loss, moved


def _adam(state: Tree, slopes: Tree) -> Tree:
    """The state after one step of Adam (Kingma and Ba 2015)."""
    count = state["count"] + 1
    first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, state["first"], slopes)
    second = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, state["second"], slopes)
    rate = RATE * jnp.sqrt(1 - BETA2**count) / (1 - BETA1**count)
    weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + TINY), state["weights"], first, second)
    return state | {"weights": weights, "first": first, "second": second, "count": count}
