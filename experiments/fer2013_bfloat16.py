"""FER2013: does multiplying in bfloat16 cost accuracy?

Question: trained on the same faces for the same epochs, is a recipe in bfloat16 as good as in float32, over five seeds
    each, and how much faster is an epoch where the processor multiplies bfloat16?
Hypothesis: no difference beyond noise, because weights, loss and averages stay in float32; 1.3 times the images/s.
    The reference's recipe still guesses after so few steps, so this one is quicker to learn: normalisation before
    ReLU, no dropout in the blocks, no copies, a step size that ends at zero.
Command: fer-exp search experiments/fer2013_bfloat16.py --data PATH, then
    fer-exp retrain-best fer2013-bfloat16 --trial 1 --seeds 5
Cost: 12 trainings of 10 epochs on 2,500 faces, 25 minutes on two cores that multiply bfloat16.
Result: no difference shown (2026-11-25, five seeds each, n = 3,589): accuracy 50.6 against 50.1 %, +0.5 points, 95 %
    interval -0.6 to +1.7, at 1.37 times the images/s. Numbers: experiments/LOG.md.
"""

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import Augmentation, ClassWeights, Order, Precision, Recipe, Schedule, baseline_recipe

QUICK = baseline_recipe().but(
    crop=44,
    head_widths=(),
    head_dropouts=(),
    order=Order.NORM_FIRST,
    block_dropout=0.0,
    pooled_dropout=0.1,
    learning_rate=2e-3,
    schedule=Schedule.COSINE,
    warmup_epochs=0.5,
    stop_patience=0,
    oversampling=0.0,
    class_weights=ClassWeights.NONE,
    augmentation=Augmentation(flip=True),
)


def space(hp: HyperParameters) -> Recipe:
    """The baseline in bfloat16; as it is, it trains first."""
    return QUICK.but(precision=hp.Choice("precision", [Precision.BFLOAT16.value]))


campaign = Campaign(
    name="fer2013-bfloat16",
    question="Does multiplying in bfloat16 cost accuracy?",
    space=space,
    baseline=QUICK,
    settings=Settings(algorithm=Algorithm.GRID, max_trials=1, epochs=10, limit=2500),
)
