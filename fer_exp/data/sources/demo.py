"""Demo: cartoon faces drawn by this program, so that everything can be tried without FER2013. They are not photographs.

In: a seed. Out: Faces of kind "demo", 3,600 of them, imbalanced like FER2013 and split by Usage like it.
Expressions vary in strength down to almost none, and every drawn person has a resting face of their own: some faces are
ambiguous, as FER2013's are, so a network can be better or worse at them and a search has something to find.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_exp.data.emotions import Emotion
from fer_exp.data.faces import SIDE, Faces, Images, Labels, Usage

VERSION = 1  # of the drawing; raise it when a change of this file changes a pixel
SOURCE = "demo (drawn faces)"
PART_SIZES = {Usage.TRAINING: 2800, Usage.PUBLIC_TEST: 400, Usage.PRIVATE_TEST: 400}
FER2013_COUNTS = np.array([3995, 436, 4097, 7215, 4830, 3171, 4965])  # its Training part, in label order
CANVAS = 2 * SIDE  # faces are drawn at twice their size, then shrunk
FRACTION = 4  # bits behind the point in OpenCV's drawing coordinates

Grey = NDArray[np.uint8]  # (96, 96) while drawing, (48, 48) afterwards
Generator = np.random.Generator


@dataclass(frozen=True)
class Expression:
    """What muscles do; 0 is a neutral face, about 1 is a strong expression."""

    mouth_curve: float  # corners up
    mouth_open: float
    mouth_width: float  # wider
    brow_inner: float  # up
    brow_outer: float  # up
    eye_open: float  # wider
    gaze_down: float
    nose_wrinkle: float


#                                  curve  open  width inner outer  eyes  gaze wrinkle
EXPRESSIONS = {
    Emotion.ANGRY: np.array([-0.55, 0.15, -0.1, -1.0, 0.35, -0.2, 0.0, 0.3]),
    Emotion.DISGUST: np.array([-0.75, 0.25, -0.25, -0.6, -0.2, -0.55, 0.2, 1.0]),
    Emotion.FEAR: np.array([-0.35, 0.5, 0.35, 0.9, 0.25, 0.65, 0.0, 0.0]),
    Emotion.HAPPY: np.array([1.0, 0.35, 0.5, 0.1, 0.1, -0.25, 0.0, 0.1]),
    Emotion.SAD: np.array([-0.85, 0.0, -0.15, 0.7, -0.5, -0.4, 0.7, 0.0]),
    Emotion.SURPRISE: np.array([0.0, 1.0, -0.35, 0.9, 0.9, 0.7, 0.0, 0.0]),
    Emotion.NEUTRAL: np.zeros(8),
}
RESTING_SPREAD = np.array([0.28, 0.14, 0.25, 0.28, 0.28, 0.24, 0.3, 0.16])  # standard deviation between people


def draw_faces(seed: int = 1) -> Faces:
    """3,600 drawn faces (2,800 Training, 400 PublicTest, 400 PrivateTest), shuffled, the same for the same seed."""
    generator = np.random.default_rng(seed)
    labels, usage = _columns(generator)
    images: Images = np.stack([_draw(Emotion(label), generator) for label in labels])
    return Faces(images, labels, usage, source=SOURCE, kind="demo")


def _columns(generator: Generator) -> tuple[Labels, NDArray[np.uint8]]:
    """Labels and usage of all rows, in a random order."""
    labels: list[int] = []
    usage: list[int] = []
    for part, size in PART_SIZES.items():
        counts = np.floor(FER2013_COUNTS / FER2013_COUNTS.sum() * size).astype(int)
        counts[Emotion.HAPPY] += size - counts.sum()  # what rounding left over goes to the largest class
        labels.extend(np.repeat(np.arange(len(counts)), counts))
        usage.extend([int(part)] * size)
    order = generator.permutation(len(labels))
    return np.array(labels, np.uint8)[order], np.array(usage, np.uint8)[order]


def _draw(emotion: Emotion, generator: Generator) -> Grey:
    """One `(48, 48)` face of a new person in a new pose and light."""
    strength = generator.beta(2.6, 1.3) * 1.3
    resting = generator.normal(0.0, RESTING_SPREAD)
    expression = Expression(*(EXPRESSIONS[emotion] * strength + resting).tolist())
    skin = generator.uniform(110, 215)
    ink = skin * generator.uniform(0.2, 0.5)  # brows, pupils, lips
    canvas = np.full((CANVAS, CANVAS), generator.uniform(20, 235), np.uint8)
    _head(canvas, skin, generator)
    _eyes(canvas, expression, ink, generator)
    _nose(canvas, expression, skin, generator)
    _mouth(canvas, expression, ink, generator)
    _occlude(canvas, skin, generator)
    return _photograph(canvas, generator)


def _head(canvas: Grey, skin: float, generator: Generator) -> None:
    width, height = generator.uniform(27, 34), generator.uniform(35, 41)
    hair = generator.uniform(5, 200)
    _ellipse(canvas, 48, 96, generator.uniform(10, 16), 26, skin * 0.85)  # neck
    bald = generator.random() < 0.15
    if not bald:
        _ellipse(canvas, 48, 50 - generator.uniform(4, 9), width + generator.uniform(1, 6), height, hair)
    for side in (-1, 1):
        _ellipse(canvas, 48 + side * width, 52, 4, 7, skin * 0.9)
    _ellipse(canvas, 48, 52, width, height, skin)
    if not bald and generator.random() < 0.4:  # fringe
        _ellipse(canvas, 48 + generator.uniform(-10, 10), 17, width * 0.8, generator.uniform(4, 9), hair)
    if generator.random() < 0.2:  # beard
        _ellipse(canvas, 48, 84, width * 0.6, generator.uniform(6, 10), 0.5 * (hair + skin))


def _eyes(canvas: Grey, expression: Expression, ink: float, generator: Generator) -> None:
    apart, level = generator.uniform(11, 15), generator.uniform(42, 46)
    width = generator.uniform(5.5, 7.0)
    height = max(0.7, generator.uniform(2.8, 3.6) * (1 + 0.9 * expression.eye_open))
    aside = generator.normal(0, 1.2)
    weight = int(generator.integers(2, 4))
    lift = generator.uniform(8, 11)
    for side in (-1, 1):
        x = 48 + side * apart
        _ellipse(canvas, x, level, width, height, 240)
        _ellipse(canvas, x + aside, level + 1.6 * expression.gaze_down, 2.4, min(2.4, height), ink * 0.6)
        _line(canvas, [(x - width, level), (x, level - height), (x + width, level)], ink, 1)
        inner = (x - side * 6.5, level - lift - 5.0 * expression.brow_inner)
        outer = (x + side * 7.0, level - lift + 1.5 - 5.0 * expression.brow_outer)
        middle = (x, (inner[1] + outer[1]) / 2 - 1.2)
        _line(canvas, [inner, middle, outer], ink, weight)


def _nose(canvas: Grey, expression: Expression, skin: float, generator: Generator) -> None:
    tip = generator.uniform(56, 60)
    shade = skin * 0.7
    width = generator.uniform(3, 5)
    _line(canvas, [(48, 48), (48 - width * 0.5, tip - 2), (48 - width, tip), (48 + width, tip)], shade, 1)
    for step in range(round(3 * max(0.0, expression.nose_wrinkle))):
        y = 44 + 3 * step
        _line(canvas, [(44, y + 1.5), (48, y), (52, y + 1.5)], shade, 1)
    if expression.nose_wrinkle > 0.5:  # raised folds beside the nose
        for side in (-1, 1):
            _line(canvas, [(48 + side * 6, tip - 3), (48 + side * 11, tip + 7)], shade, 1)


def _mouth(canvas: Grey, expression: Expression, ink: float, generator: Generator) -> None:
    half = max(4.0, generator.uniform(10.5, 13.5) * (1 + 0.35 * expression.mouth_width))
    level = generator.uniform(70, 73)
    gap = max(0.0, 9.5 * expression.mouth_open)
    bend = 6.5 * expression.mouth_curve
    tilt = generator.normal(0, 0.6)
    across = np.linspace(-1, 1, 9)
    arch = 1 - across**2
    corner = level - bend / 2 + tilt * across
    upper = np.column_stack([48 + half * across, corner + arch * (bend - gap * 0.45)])
    lower = np.column_stack([48 + half * across, corner + arch * (bend + gap)])
    if gap > 1:
        outline = _fixed(np.concatenate([upper, lower[::-1]]))
        cv2.fillPoly(canvas, [outline], ink * 0.5, cv2.LINE_AA, FRACTION)
        if generator.random() < 0.5:  # teeth
            _line(canvas, np.add(upper[2:-2], [0, 1.5]).tolist(), 225, 2)
    weight = int(generator.integers(1, 4))
    _line(canvas, upper.tolist(), ink, weight)
    _line(canvas, lower.tolist(), ink, weight)


def _occlude(canvas: Grey, skin: float, generator: Generator) -> None:
    if generator.random() < 0.15:  # glasses
        frame, size = generator.uniform(5, 90), generator.uniform(8, 10)
        for x in (35, 61):
            cv2.circle(canvas, (x, 44), int(size), frame, int(generator.integers(1, 3)), cv2.LINE_AA)
        _line(canvas, [(35 + size, 44), (61 - size, 44)], frame, 2)
    if generator.random() < 0.12:  # a hand or a bar in front of a part of the face
        left, y = generator.uniform(8, 64), generator.uniform(25, 90)
        if generator.random() < 0.5:
            _ellipse(canvas, left + 12, y, generator.uniform(6, 13), generator.uniform(6, 13), skin * 0.92)
        else:
            _line(canvas, [(left - 8, y), (left + 32, y + generator.uniform(-20, 20))], generator.uniform(0, 255), 8)


def _photograph(canvas: Grey, generator: Generator) -> Grey:
    """Turns, scales and shifts the head, shrinks it to 48x48, and adds light and noise."""
    turn = cv2.getRotationMatrix2D((48.0, 52.0), generator.normal(0, 5), generator.uniform(1.05, 1.25))
    turn[:, 2] = np.add(turn[:, 2], generator.normal(0, 2, 2))
    posed = cv2.warpAffine(canvas, turn, (CANVAS, CANVAS), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    small = cv2.resize(posed, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    ramp = np.linspace(-0.5, 0.5, SIDE, dtype=np.float32)
    across, down = generator.normal(0, 0.25, 2)
    light = generator.uniform(0.7, 1.15) * (1 + across * ramp[np.newaxis, :] + down * ramp[:, np.newaxis])
    noise = generator.standard_normal((SIDE, SIDE), dtype=np.float32) * generator.uniform(2, 10)
    picture: Grey = np.clip(small * light + noise, 0, 255).astype(np.uint8)
    return picture


def _fixed(points: object) -> NDArray[np.int32]:
    fixed: NDArray[np.int32] = np.round(np.asarray(points, dtype=np.float64) * 2**FRACTION).astype(np.int32)
    return fixed


def _ellipse(canvas: Grey, x: float, y: float, half_width: float, half_height: float, grey: float) -> None:
    (cx, cy), (rx, ry) = _fixed([(x, y), (half_width, half_height)]).tolist()
    cv2.ellipse(canvas, (cx, cy), (rx, ry), 0, 0, 360, grey, -1, cv2.LINE_AA, FRACTION)


def _line(canvas: Grey, points: object, grey: float, weight: int) -> None:
    cv2.polylines(canvas, [_fixed(points)], False, grey, weight, cv2.LINE_AA, FRACTION)
