"""FER2013, rungs 1 to 3: one strong network on two cores, several seeds of it, and their average.

Question: what does one network of the strong recipe reach within three hours of two cores, and what do three averaged?
Hypothesis: 70 % on PrivateTest as the mean of three seeds, and 72 % by their average, two points above one network.
Command: fer-exp search experiments/fer2013_ladder.py --data PATH, then
    fer-exp retrain-best fer2013-ladder --trial 0 --seeds 3 --data PATH, then
    fer-exp ensemble fer2013-ladder:baseline --data PATH, then once, for the one that is handed on,
    fer-exp evaluate fer2013-ladder-ensemble --data PATH
Cost: 1 trainings of 60 epochs on 28,709 faces, and three more for the seeds. An image takes 1.56 times the operations
    of `fer2013_compact.py`, which went at 265 images a second beside other work: 2.8 hours a training at that rate,
    less where nothing else runs.
Result: not run yet.
"""

from fer_exp.campaign import Campaign, HyperParameters, Settings
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

# 1,836,207 parameters, 294 MFLOP an image.
LADDER = baseline_recipe().but(
    widths=(40, 80, 160, 320),
    last_width=0,
    head_widths=(),
    head_dropouts=(),
    crop=44,  # with a shift of 2 pixels, the random crop of the literature
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
    augmentation=Augmentation(flip=True, shift=2.0, rotation=10.0, zoom=0.1, erasing=0.25),
    views=Views.FLIP,
    calibrate=True,
)


def space(_: HyperParameters) -> Recipe:
    """One recipe: there is nothing to search."""
    return LADDER


campaign = Campaign(
    name="fer2013-ladder",
    question="What does one network of the strong recipe reach within three hours of two cores?",
    space=space,
    baseline=LADDER,
    settings=Settings(max_trials=0, epochs=60),
)
