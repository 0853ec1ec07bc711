"""FER2013 by Hyperband: the same space, most of the budget on what looks good early.

Question: does Hyperband find in the same number of epochs what random search finds on FER2013?
Hypothesis: yes, since promoted trials go on from their last epoch, optimizer and all, instead of starting again.
Command: fer-exp search experiments/fer2013_hyperband.py --data PATH
Cost: `--dry-run` prints the brackets; 27 epochs at factor 3.
Result: not run to its end yet.
"""

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import Recipe, baseline_recipe


def space(hp: HyperParameters) -> Recipe:
    """The space of fer2013.py: a campaign file is forked, not inherited."""
    width = hp.Choice("first_width", [24, 32, 48, 64], default=32)
    head_dropout = hp.Float("head_dropout", 0.0, 0.5, step=0.1, default=0.3)
    return baseline_recipe().but(
        widths=(width, 2 * width, 4 * width),
        last_width=8 * width,
        block_dropout=hp.Float("block_dropout", 0.0, 0.5, step=0.05, default=0.25),
        pooled_dropout=hp.Float("pooled_dropout", 0.0, 0.7, step=0.1, default=0.5),
        head_dropouts=(head_dropout, head_dropout),
        learning_rate=hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3),
        oversampling=hp.Choice("oversampling", [0.0, 0.5, 1.0, 1.5, 2.0], default=1.5),
    )


campaign = Campaign(
    name="fer2013-hyperband",
    question="Does Hyperband find in the same number of epochs what random search finds on the official split?",
    space=space,
    settings=Settings(algorithm=Algorithm.HYPERBAND, epochs=27, hyperband_factor=3),
)
