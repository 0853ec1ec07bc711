"""A campaign of small networks on drawn faces, for rows about what lies around training; also a campaign file.

Question: which of these small networks is best on the demo faces?
Hypothesis: none; what is measured is the way there.
Command: python -m benchmarks campaigns
Cost: 12 trainings of a few seconds.
Result: see docs/performance.md.
"""

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import ClassWeights, Recipe, Schedule, baseline_recipe

# Nothing here that plain Keras would not do by default: no plateau, no stop, no oversampling, no class weights.
BASELINE = baseline_recipe().but(
    widths=(8, 16, 32),
    convs_per_block=1,
    last_width=64,
    head_widths=(32,),
    head_dropouts=(0.1,),
    schedule=Schedule.CONSTANT,
    stop_patience=0,
    oversampling=0.0,
    class_weights=ClassWeights.NONE,
)
TRIALS = 12  # the baseline among them


def space(hp: HyperParameters) -> Recipe:
    """Three numbers."""
    return BASELINE.but(
        learning_rate=hp.Float("learning_rate", 5e-4, 1e-2, sampling="log", default=1e-3),
        block_dropout=hp.Float("block_dropout", 0.0, 0.4, default=0.25),
        pooled_dropout=hp.Float("pooled_dropout", 0.0, 0.6, default=0.5),
    )


campaign = Campaign(
    name="toy",
    question="Which of these small networks is best on the demo faces?",
    space=space,
    baseline=BASELINE,
    settings=Settings(algorithm=Algorithm.RANDOM, max_trials=TRIALS - 1, epochs=3),
    data="demo",
)
