"""FER2013, rung 2: the strong network again, taught by the average of its earlier selves.

Question: how much of an average of three does one network keep that learns from it?
Hypothesis: 0.8 points above the same network without a teacher at a share of 0.6, half of what the average gains.
Command: fer-exp search experiments/fer2013_born_again.py --data PATH, after the first three commands of
    `fer2013_ladder.py`, whose average is the teacher; then
    fer-exp retrain-best fer2013-born-again --seeds 3 --data PATH
Cost: 4 trainings of 70 epochs on 28,709 faces, of which the ladder's campaign has trained the baseline already: about
    1.7 hours each on two cores that multiply bfloat16. The teacher is asked once, some minutes.
Result: not run yet.
"""

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import (
    Augmentation,
    ClassWeights,
    Optimizer,
    Order,
    Precision,
    Recipe,
    Schedule,
    Views,
    baseline_recipe,
)

# As in `fer2013_ladder.py`, to the digit, so that its trainings are answers here.
LADDER = baseline_recipe().but(
    widths=(48, 96, 192, 384),
    last_width=0,
    head_widths=(),
    head_dropouts=(),
    crop=44,
    sides=((0.0, 32), (0.4, 40), (0.7, 44)),  # three quarters of the operations
    order=Order.NORM_FIRST,
    norm_momentum=0.97,
    block_dropout=0.05,
    pooled_dropout=0.3,
    optimizer=Optimizer.SGD,
    learning_rate=0.05,
    weight_decay=2e-3,  # Keras's decay does not gather momentum: docs/recipes.md
    schedule=Schedule.COSINE,
    warmup_epochs=2.0,
    stop_patience=0,  # the cosine's last epochs are its best
    batch_size=128,
    label_smoothing=0.1,
    ema=0.998,
    precision=Precision.BFLOAT16,
    clahe=False,
    oversampling=0.0,
    class_weights=ClassWeights.NONE,
    augmentation=Augmentation(flip=True, shift=4.0, rotation=10.0, zoom=0.1, erasing=0.25),
    views=Views.TEN_CROP,
    calibrate=True,
)


def space(hp: HyperParameters) -> Recipe:
    """The same recipe with a teacher's probabilities in its targets; they smooth the label themselves."""
    return LADDER.but(distillation=hp.Choice("distillation", [0.3, 0.6, 0.9], default=0.6), label_smoothing=0.0)


campaign = Campaign(
    name="fer2013-born-again",
    question="How much of an average of three does one network keep that learns from it?",
    space=space,
    baseline=LADDER,
    settings=Settings(algorithm=Algorithm.GRID, max_trials=3, epochs=70, teacher="fer2013-ladder-ensemble"),
)
