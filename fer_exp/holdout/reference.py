"""What the reference notebook printed: the numbers that a reproduction is held against.

In: nothing. Out: constants, with their source. github.com/harman-04/FER2013-Optimized-CNN, the saved output of its one
notebook, read line by line; where its README says otherwise, the notebook's output counts.
"""

from typing import NamedTuple

VALIDATION_ACCURACY = 0.8413  # best epoch, 71 of 86
VALIDATION_IMAGES = 8262
TEST_ACCURACY = 0.6478
TEST_IMAGES = 5384


class ByClass(NamedTuple):
    """What it reached on one class of its test part."""

    precision: float
    recall: float
    f1: float
    support: int  # images


BY_CLASS = {
    "angry": ByClass(0.6081, 0.5034, 0.5508, 743),
    "disgust": ByClass(0.6761, 0.5854, 0.6275, 82),
    "fear": ByClass(0.5957, 0.3971, 0.4766, 768),
    "happy": ByClass(0.8228, 0.8503, 0.8363, 1349),
    "sad": ByClass(0.4904, 0.5877, 0.5347, 912),
    "surprise": ByClass(0.7273, 0.8133, 0.7679, 600),
    "neutral": ByClass(0.5739, 0.6344, 0.6027, 930),
}
