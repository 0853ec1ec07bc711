"""Figures: what a person looks at. Each function returns a `matplotlib.figure.Figure`; `save` writes one as PNG.

In: scores, histories, predictions, leaderboard rows. Out: figures. They are drawn through Figure objects alone: pyplot
keeps every figure it makes alive in the process, and a search would draw thousands.

    campaign       how a search went, what its trials were, what mattered
    curves         loss and accuracy by epoch
    predictions    how far confidence can be trusted, and the surest mistakes
    scores         the confusion matrix, and precision, recall and F1 of each class
    style          the look of all figures, and how one reaches the disk
"""

from fer_exp.figures.campaign import history_figure, importance_figure, parallel_figure
from fer_exp.figures.curves import curves_figure
from fer_exp.figures.predictions import calibration_figure, confidence_figure, mistakes_figure
from fer_exp.figures.scores import class_figure, confusion_figure
from fer_exp.figures.style import save

__all__ = [
    "calibration_figure",
    "class_figure",
    "confidence_figure",
    "confusion_figure",
    "curves_figure",
    "history_figure",
    "importance_figure",
    "mistakes_figure",
    "parallel_figure",
    "save",
]
