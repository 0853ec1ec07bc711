"""Calibration: by how much a model is surer than it is right, and the one number that corrects it.

In: predictions on validation. Out: the temperature (Guo et al. 2017), and what it changes on validation or on test, as
a value, as metrics and as text. A temperature changes no predicted emotion, so accuracy and its like stay the same.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from fer_exp.data.classes import FER2013, Classes
from fer_exp.data.faces import Labels
from fer_exp.metrics.scores import Probabilities, score
from fer_exp.metrics.temperature import SMALLEST, tempered
from fer_exp.system.values import Value

CALIBRATION = "calibration.json"  # in a record, and in its `test/`
RANGE = (0.1, 10.0)  # where a temperature is sought; networks have been seen between 0.5 and 4
AT_BOUND = 1.01  # closer than this factor to an end of the range, the end was found, not a minimum


class Trust(Value):
    """How far stated probabilities can be believed, at one temperature."""

    log_loss: float  # nats
    ece: float
    confidence: float  # mean, of the predicted emotion; equals accuracy in a calibrated model


class Calibration(Value):
    """What temperature scaling does to a model on one part of the data."""

    temperature: float  # fitted on validation
    applied: bool  # whether the kept model divides by it
    images: int
    accuracy: float  # the same before and after
    before: Trust  # as trained, over the views of the recipe
    after: Trust

    def metrics(self, part: str) -> dict[str, float]:
        """The numbers by MLflow name (`val/temperature`, `val/ece_uncalibrated`), for `part` "val" or "test"."""
        found = {"temperature": self.temperature}
        for name in Trust.model_fields:
            found[f"{name}_uncalibrated"] = getattr(self.before, name)
            found[f"{name}_calibrated"] = getattr(self.after, name)
        return {f"{part}/{name}": value for name, value in found.items()}


def fit_temperature(labels: Labels, probabilities: Probabilities) -> float:
    """The temperature with the smallest mean log loss, to four digits (Brent's bounded search on its logarithm).

    Args:
        labels: `(n,)` of validation.
        probabilities: `(n, 7)` of the model without calibration.

    The loss is convex in 1 / T, so the minimum is the only one. Unlike the reported log loss it is not cut off at
    1e-7, because where it is cut off there is no slope to follow.
    """
    logits = np.log(np.maximum(probabilities, SMALLEST).astype(np.float64))
    low, high = np.log(RANGE)
    found = minimize_scalar(
        lambda x: _loss(labels, logits, float(np.exp(x))), bounds=(low, high), method="bounded", options={"xatol": 1e-5}
    )
    temperature = float(np.exp(found.x))
    return temperature if found.fun < _loss(labels, logits, 1.0) else 1.0


def _loss(labels: Labels, logits: NDArray[np.float64], temperature: float) -> float:
    given = log_softmax(logits / temperature, axis=1)[np.arange(len(labels)), labels]
    return float(-given.mean())


def calibration_at(
    labels: Labels, probabilities: Probabilities, temperature: float, *, applied: bool, classes: Classes = FER2013
) -> Calibration:
    """What `temperature` changes; `probabilities` are those of the model without it.

    Raises:
        ValueError: Shapes do not fit, or the rows are not probabilities.
    """
    before, after = (score(labels, p, classes) for p in (probabilities, tempered(probabilities, temperature)))
    trusts = [Trust(log_loss=s.log_loss, ece=s.ece, confidence=s.confidence.mean) for s in (before, after)]
    return Calibration(
        temperature=temperature,
        applied=applied,
        images=before.images,
        accuracy=before.accuracy,
        before=trusts[0],
        after=trusts[1],
    )


def uncalibrated(probabilities: Probabilities, calibration: Calibration) -> Probabilities:
    """What the kept model said before its temperature, where it applies one; nothing is predicted again."""
    return tempered(probabilities, 1.0 / calibration.temperature) if calibration.applied else probabilities


def calibration_text(calibration: Calibration, part: str) -> str:
    """A few lines for the report on `part`: before, after, and what the comparison is worth."""
    kept = "applies it" if calibration.applied else "does not apply it (calibrate is off)"
    worth = {
        "val": "In-sample: the temperature was fitted on these very images. It is one number, so that flatters little.",
        "test": "The temperature comes from validation; these images had no part in it.",
    }
    lines = [
        f"Calibration: temperature {calibration.temperature:.4f}{_bound(calibration)}. The kept model {kept}.",
        f"{'':>12} {'log loss':>10} {'ECE':>10} {'confidence':>10} {'accuracy':>10}",
    ]
    for name, trust in (("before", calibration.before), ("after", calibration.after)):
        columns = [
            f"{trust.log_loss:.4f}",
            f"{trust.ece:.4f}",
            *(f"{100 * s:.2f} %" for s in (trust.confidence, calibration.accuracy)),
        ]
        lines.append(f"{name:>12} {' '.join(f'{column:>10}' for column in columns)}")
    return "\n".join([*lines, worth[part]])


def _bound(calibration: Calibration) -> str:
    low, high = RANGE
    at_end = calibration.temperature < low * AT_BOUND or calibration.temperature > high / AT_BOUND
    return f" (the end of the range {low:g}-{high:g}: no minimum inside)" if at_end else ""
