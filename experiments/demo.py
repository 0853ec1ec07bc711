"""Demo: the whole way in a minute, on drawn faces.

Question: which learning rate, width, dropout and oversampling learn the demo faces in four short epochs?
Hypothesis: a higher learning rate than the reference's, because there are few steps.
Command: fer-exp search experiments/demo.py --workers auto
Cost: 4 trainings of 4 epochs on 1,400 cartoon faces, about a minute on two slow cores.
Result: none of scientific value; the faces are cartoons. It shows what a campaign leaves behind.
"""

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import Recipe, baseline_recipe

# A quarter of the reference's widths, half its convolutions, no dense head and no dropout, on the middle 32 pixels: an
# epoch takes two seconds. 180 steps are too few for averages that follow at 0.99, so these follow at 0.8.
BASELINE = baseline_recipe().but(
    crop=32,
    widths=(8, 16, 32),
    convs_per_block=1,
    last_width=64,
    head_widths=(),
    head_dropouts=(),
    norm_momentum=0.8,
    block_dropout=0.0,
    pooled_dropout=0.0,
    oversampling=0.0,
)


def space(hp: HyperParameters) -> Recipe:
    """Around the narrow baseline."""
    width = hp.Choice("first_width", [8, 12], default=8)
    return BASELINE.but(
        widths=(width, 2 * width, 4 * width),
        last_width=8 * width,
        pooled_dropout=hp.Float("pooled_dropout", 0.0, 0.4, step=0.1, default=0.0),
        learning_rate=hp.Float("learning_rate", 1e-3, 3e-2, sampling="log", default=1e-3),
        oversampling=hp.Choice("oversampling", [0.0, 1.0], default=0.0),
    )


campaign = Campaign(
    name="demo",
    question="Which learning rate, width, dropout and oversampling learn the demo faces in four short epochs?",
    space=space,
    baseline=BASELINE,
    settings=Settings(algorithm=Algorithm.RANDOM, max_trials=3, epochs=4, limit=1400),
    data="demo",
)
