"""Forecast: what a recipe will reach at full budget, from all short and long trainings so far.

In: points of the unit cube, how long each was trained, and what it reached. Out: mean and deviation at full budget, as
a Gaussian process over (recipe, epochs) sees them. Its covariance is a Matérn 5/2 over recipes, with a length for each
hyperparameter, times one over the logarithm of epochs that never falls to 0: a short training tells of a long one of
the same recipe, and how much is learnt from the trials themselves (Swersky, Snoek and Adams 2014, freeze-thaw; Wistuba,
Kadra and Grabocka 2022, DyHPO). A second term over epochs alone is the common shape of learning curves.
scikit-learn's process knows no such covariance, and refits in a second what takes milliseconds here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_solve, cholesky

Floats = NDArray[np.float64]

SHAPE = 4.0  # variance of the common learning curve, in those of the objective
SHAPE_LENGTH = 0.5  # of its covariance, in the logarithm of epochs, from 0 (one epoch) to 1 (full budget)
STEPS = (1.6, 1 / 1.6)  # by which one parameter is tried larger and smaller
JITTER = 1e-8
SQRT_5 = 5**0.5


@dataclass(frozen=True)
class Prior:
    """Median and spread of the logarithm of a parameter."""

    median: float
    spread: float
    low: float
    high: float


LENGTH = Prior(0.7, 1.0, 0.05, 20.0)  # of a hyperparameter whose range is 1
KEPT = Prior(1.5, 1.0, 0.05, 50.0)  # covariance over epochs that never falls, against the part that does
FORGETS = Prior(0.5, 1.0, 0.05, 5.0)  # length of the part that falls
NOISE = Prior(0.02, 1.5, 1e-4, 1.0)  # variance between seeds


def first_parameters(dimensions: int) -> list[float]:
    """Where learning begins: a length for each dimension, then `KEPT`, `FORGETS` and `NOISE`."""
    return [prior.median for prior in _priors(dimensions)]


def _priors(dimensions: int) -> list[Prior]:
    return [LENGTH] * dimensions + [KEPT, FORGETS, NOISE]


class Forecast:
    """A Gaussian process over trainings.

    Args:
        points: `(n, d)` recipes in the unit cube.
        stages: `(n,)` logarithm of epochs, 0 to 1 at full budget.
        values: `(n,)` what they reached, with mean 0 and variance near 1.
        parameters: As `first_parameters` or an earlier forecast gave them.
    """

    def __init__(self, points: Floats, stages: Floats, values: Floats, parameters: list[float]) -> None:
        self._points, self._stages, self._values = points, stages, values
        self._squares = (points[:, None, :] - points[None, :, :]) ** 2
        self._gaps = np.abs(stages[:, None] - stages[None, :])
        self.parameters = list(parameters)
        self._likelihood, self._factor = self._judged(self.parameters)

    def learn(self) -> None:
        """Moves each parameter once to where the trainings are likelier, if they are."""
        for index, prior in enumerate(_priors(self._points.shape[1])):
            for step in STEPS:
                tried = list(self.parameters)
                tried[index] = float(np.clip(tried[index] * step, prior.low, prior.high))
                likelihood, factor = self._judged(tried)
                if likelihood > self._likelihood:
                    self.parameters, self._likelihood, self._factor = tried, likelihood, factor
                    break

    def at_full_budget(self, points: Floats) -> tuple[Floats, Floats]:
        """Mean and deviation of what `(m, d)` recipes reach, noise left out: `(m,)` each."""
        return self.at(points, np.ones(len(points)))

    def at(self, points: Floats, stages: Floats) -> tuple[Floats, Floats]:
        """Mean and deviation after so many epochs."""
        squares = (points[:, None, :] - self._points[None, :, :]) ** 2
        across = _covariance(self.parameters, squares, np.abs(stages[:, None] - self._stages[None, :]))
        mean = across @ cho_solve((self._factor, True), self._values)
        solved = cho_solve((self._factor, True), across.T)
        variance = 1 + SHAPE - np.einsum("ij,ji->i", across, solved)
        return mean, np.sqrt(np.maximum(variance, 1e-12))

    def _judged(self, parameters: list[float]) -> tuple[float, Floats]:
        """Logarithm of likelihood times prior, and the Cholesky factor of the covariance."""
        covariance = _covariance(parameters, self._squares, self._gaps)
        covariance[np.diag_indices_from(covariance)] += parameters[-1] + JITTER
        try:
            factor = np.asarray(cholesky(covariance, lower=True, check_finite=False))
        except LinAlgError:
            return -np.inf, np.eye(len(covariance))
        solved = cho_solve((factor, True), self._values, check_finite=False)
        likelihood = -0.5 * float(self._values @ solved) - float(np.log(np.diag(factor)).sum())
        for value, prior in zip(parameters, _priors(self._points.shape[1]), strict=True):
            likelihood -= 0.5 * (np.log(value / prior.median) / prior.spread) ** 2
        return likelihood, factor


def _covariance(parameters: list[float], squares: Floats, gaps: Floats) -> Floats:
    *lengths, kept, forgets, _ = parameters
    far = np.sqrt(squares @ (1 / np.square(lengths)))
    recipes = (1 + SQRT_5 * far + 5 / 3 * far**2) * np.exp(-SQRT_5 * far)
    epochs = (kept + np.exp(-gaps / forgets)) / (kept + 1)
    shape = SHAPE * np.exp(-0.5 * (gaps / SHAPE_LENGTH) ** 2)
    return np.asarray(recipes * epochs + shape)
