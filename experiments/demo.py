"""Demo: the whole way in three minutes, on drawn faces.

Question: do dropout, width, learning rate and oversampling matter on the demo faces?
Hypothesis: wider blocks and a higher learning rate are better for so few epochs.
Command: fer-exp search experiments/demo.py --workers 2
Cost: 6 trainings of 7 epochs on 2,800 cartoon faces, two minutes on two cores (three with one worker).
Result: none of scientific value; the faces are cartoons. It shows what a campaign leaves behind.
"""

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import Recipe, baseline_recipe

# A quarter of the reference's widths and half its convolutions, so that an epoch takes two seconds, and little dropout:
# what the reference drops is made for ten times the epochs and would leave this one guessing.
BASELINE = baseline_recipe().but(
    widths=(8, 16, 32),
    convs_per_block=1,
    last_width=64,
    head_widths=(32,),
    block_dropout=0.0,
    pooled_dropout=0.2,
    head_dropouts=(0.1,),
    learning_rate=2e-3,
)


def space(hp: HyperParameters) -> Recipe:
    """Around the narrow baseline."""
    width = hp.Choice("first_width", [8, 12], default=8)
    return BASELINE.but(
        widths=(width, 2 * width, 4 * width),
        last_width=8 * width,
        block_dropout=hp.Float("block_dropout", 0.0, 0.2, step=0.05, default=0.0),
        pooled_dropout=hp.Float("pooled_dropout", 0.0, 0.6, step=0.1, default=0.2),
        learning_rate=hp.Float("learning_rate", 5e-4, 1e-2, sampling="log", default=2e-3),
        oversampling=hp.Choice("oversampling", [0.0, 1.0, 1.5], default=1.5),
    )


campaign = Campaign(
    name="demo",
    question="Do dropout, width, learning rate and oversampling matter on the demo faces?",
    space=space,
    baseline=BASELINE,
    settings=Settings(algorithm=Algorithm.RANDOM, max_trials=5, epochs=7),
    data="demo",
)
