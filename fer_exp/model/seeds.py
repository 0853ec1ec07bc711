"""Seeds: every random number of a model follows from the trial's seed, and from nothing that happened before.

In: a seed, and an epoch or a name. Out: seeds for weights, and a reset of every random state that a model holds.
Keras keeps the state of each dropout and augmentation layer in a variable which the compiled training step reads. Set
before an epoch, these variables fix the epoch, whether it follows others or is the first of a resumed process.
"""

import zlib

import keras
import numpy as np

RANDOM_STATE = "seed_generator_state"  # the name Keras gives the variable of every keras.random.SeedGenerator


def derived_seed(*parts: int | str) -> int:
    """A seed in 0..2**31-1 that depends on all parts and their order (NumPy's SeedSequence; words enter by CRC-32).

    Raises:
        ValueError: A number is negative.
    """
    numbers = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in parts]
    entropy = [len(numbers), *numbers]  # the length too, because SeedSequence takes a missing number for a zero
    return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)  # 31 bits: PyTorch's state is a signed int32


def random_states(owner: keras.Model | keras.Layer) -> list[keras.Variable]:
    """The random states of a model or a layer, in the order of its layers; none for a layer that is not random."""
    return [variable for variable in owner.variables if variable.name == RANDOM_STATE]


def reseed(model: keras.Model, seed: int, epoch: int) -> None:
    """Sets all randomness inside the model (dropout, augmentation) to that of one epoch of the training with `seed`.

    Call it before the epoch, also from a callback's `on_epoch_begin`; it needs no new compilation.
    """
    for index, state in enumerate(random_states(model)):
        # The second number counts draws; Keras begins at zero and adds one a step.
        state.assign(np.array([derived_seed(seed, epoch, index), 0], dtype=state.dtype))
