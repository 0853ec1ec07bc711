"""FER2013: what the reference's own knobs are worth, by random search.

Question: how far do dropout, filters, learning rate and oversampling alone move the reference model on FER2013?
Hypothesis: wider blocks and less oversampling gain one to three points; no choice of these four closes the gap to 70 %.
Command: fer-exp search experiments/fer2013.py --data PATH
Cost: 31 trainings of up to 40 epochs on 28,709 faces; an epoch of the baseline takes about 100 s on two cores, so a
    full run wants a GPU. `--limit 4000 --epochs 3 --max-trials 4` is a look at it in minutes.
Result: not run to its end yet.
"""

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import Recipe, baseline_recipe


def space(hp: HyperParameters) -> Recipe:
    """Dropout of blocks and head, filters, learning rate, oversampling ratio; all else is the reference's."""
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
    name="fer2013",
    question="How far do dropout, filters, learning rate and oversampling move the reference model?",
    space=space,
    settings=Settings(algorithm=Algorithm.RANDOM, max_trials=30, epochs=40),
)
