"""Temperature: probabilities as they would be with every logit divided by one number (Guo et al. 2017).

In: probabilities `(n, 7)` and a temperature. Out: `p^(1/T)`, each row normalised, which equals `softmax(logits / T)`.
Above 1 a model becomes less sure, below 1 surer; `tempered(tempered(p, T), 1 / T)` gives `p` again. The most probable
emotion stays the same by construction, also where rounding would make two equal. `fer_exp.model.Temperature` is the
same as a layer.
"""

import numpy as np
from numpy.typing import NDArray

# What an emotion has at most of the odds of a more probable one. Four steps of float32 below 1, so that no rounding
# on the way to a probability can make the two equal; it moves a probability by less than 3e-7.
LARGEST_SHARE = 1.0 - 2.0**-22
# What a probability counts as at least: the smallest number that float32 holds in full. Some devices make 0 of what
# is smaller, others do not, and a high temperature would show the difference.
SMALLEST = float(np.finfo(np.float32).tiny)


def tempered(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """The probabilities `(n, 7)` at another temperature; those given are at 1."""
    exact = probabilities.astype(np.float64)
    top = exact.max(axis=1, keepdims=True)
    shares = np.minimum((np.maximum(exact, SMALLEST) / top) ** (1.0 / temperature), LARGEST_SHARE)
    odds = np.where(exact == top, 1.0, shares)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)
