"""FER2013: is a network whose filters come in mirrored pairs better than one that is shown mirrored faces?

Question: what are mirrored filters worth at the same cost, and at the same number of parameters?
Hypothesis: a point at the same number of parameters, for 1.9 times the operations; at the same cost, with half the
    parameters, no difference that three seeds can show. Flip views gain half a point for the plain network and none
    for a mirrored one, which gives both views one answer.
Command: fer-exp search experiments/fer2013_mirror.py --data PATH, then for each arm N that is to be judged
    fer-exp retrain-best fer2013-mirror --trial N --seeds 3 --data PATH, which trains the baseline's seeds once
Cost: 4 trainings of 30 epochs on 28,709 faces: 188 MFLOP an image, the one at equal parameters 350. At the 0.3 TFLOP/s
    of a step of the plain network on two cores that multiply bfloat16, half an hour each and an hour for that one.
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

# 1,176,359 parameters, 188 MFLOP an image; augmentation flips, one view.
PLAIN = baseline_recipe().but(
    widths=(32, 64, 128, 256),
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
    calibrate=True,
)
ARMS: dict[str, dict[str, object]] = {
    "mirror": {"mirror": True},  # 588,183 parameters, 188 MFLOP
    "mirror-wide": {"mirror": True, "widths": (32, 96, 192, 352)},  # 1,174,503 parameters, 350 MFLOP
    "flip-views": {"views": Views.FLIP},
}


def space(hp: HyperParameters) -> Recipe:
    """The plain network with one of the arms."""
    return PLAIN.but(**ARMS[hp.Choice("arm", list(ARMS))])


campaign = Campaign(
    name="fer2013-mirror",
    question="What are mirrored filters worth at the same cost, and at the same number of parameters?",
    space=space,
    baseline=PLAIN,
    settings=Settings(algorithm=Algorithm.GRID, max_trials=len(ARMS), epochs=30),
)
