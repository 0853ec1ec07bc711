"""FER2013 on all faces in about an hour of two cores: what does a compact recipe reach in fourteen epochs?

Question: what does a network of four blocks in the manner of the literature reach on all faces in fourteen epochs?
Hypothesis: 63 % on PublicTest, near the reference's 64 % after 44 epochs, for a fifth of its cost.
Command: fer-exp search experiments/fer2013_compact.py --data PATH
Cost: one training of 14 epochs on 28,709 faces, about an hour on two cores in bfloat16.
Result: 63.92 ± 0.80 % on PublicTest, 65.28 ± 0.79 % on PrivateTest (2026-11-27, one seed); 69.58 ± 1.96 % on CK+48.
    Numbers: experiments/LOG.md.
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
    baseline_recipe,
)

COMPACT = baseline_recipe().but(
    widths=(32, 64, 128, 256),
    last_width=0,
    head_widths=(),
    head_dropouts=(),
    order=Order.NORM_FIRST,
    norm_momentum=0.97,
    block_dropout=0.05,
    pooled_dropout=0.2,
    optimizer=Optimizer.SGD,
    learning_rate=0.05,
    weight_decay=5e-4,
    schedule=Schedule.COSINE,
    warmup_epochs=1.0,
    stop_patience=0,
    batch_size=64,
    label_smoothing=0.1,
    oversampling=0.0,
    class_weights=ClassWeights.NONE,
    augmentation=Augmentation(flip=True, shift=3.0),
    precision=Precision.BFLOAT16,
)


def space(_: HyperParameters) -> Recipe:
    """One recipe: there is nothing to search."""
    return COMPACT


campaign = Campaign(
    name="fer2013-compact",
    question="What does a compact recipe reach on all faces in fourteen epochs?",
    space=space,
    baseline=COMPACT,
    settings=Settings(max_trials=0, epochs=14),
)
