"""FER2013: what the reference's own knobs are worth, by the adaptive search.

Question: how far do dropout, filters, learning rate and oversampling alone move the reference model on FER2013?
Hypothesis: wider blocks and less oversampling gain one to three points; no choice of these four closes the gap to 70 %.
Command: fer-exp search experiments/fer2013.py --data PATH, then on all 28,709 faces, which is what is reported,
    fer-exp retrain-best fer2013 --data PATH --seeds 3 --limit 0 --epochs 40
Cost: the search takes as many epochs as 7 full trainings on 4,000 faces, then six trainings of up to 40 epochs on all.
    Estimated, not measured: two hours, and one to three for each of the six, on two cores that multiply bfloat16.
Result: not run to its end yet.
"""

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import Precision, Recipe, baseline_recipe

# The reference's recipe, in bfloat16: no difference in accuracy was seen over five seeds (experiments/LOG.md).
REFERENCE = baseline_recipe().but(precision=Precision.BFLOAT16)


def space(hp: HyperParameters) -> Recipe:
    """Dropout of blocks and head, filters, learning rate, oversampling ratio; all else is the reference's."""
    width = hp.Choice("first_width", [16, 24, 32, 48], default=32)
    head_dropout = hp.Float("head_dropout", 0.0, 0.5, step=0.1, default=0.3)
    return REFERENCE.but(
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
    baseline=REFERENCE,
    settings=Settings(algorithm=Algorithm.ADAPTIVE, max_trials=7, epochs=27, limit=4000),
)
