"""FER2013 as a table: every recipe of a small space trained to its end, so that searches can be replayed on it.

Question: how many epochs does each search need to find the best of 216 recipes, and from which epoch on does a short
    training rank as a long one?
Hypothesis: a forecast from short trainings needs a third of random search's epochs; ranks at epoch 3 correlate by more
    than 0.7 with those at epoch 20, since batch normalisation's averages follow quickly at a momentum of 0.9.
Command: fer-exp search experiments/fer2013_grid.py --data PATH --no-tracking, then for a second seed of the first 72
    fer-exp search experiments/fer2013_grid.py --data PATH --no-tracking --name fer2013-grid-2 --seed 2 --max-trials 72,
    then fer-exp replay fer2013-grid --seeds-from fer2013-grid-2 --save benchmarks/tables/fer2013_grid.jsonl
Cost: 217 trainings of 20 epochs with 1,000 faces and 73 with another seed, about two and a half hours on two cores
    with `--workers 2` where little else runs.
Result: ranks at epoch 3 correlate by 0.35 with those of the whole training, so that the hypothesis is wrong on both
    counts: the adaptive search needs 0.55 of random search's epochs here, Hyperband more than random search does.
    290 trainings of 46 s (median), two at once. `LOG.md`, 2026-11-28; docs/replay.md.
"""

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import Augmentation, ClassWeights, Order, Recipe, Schedule, baseline_recipe

# A small network without early stopping: a table needs every epoch, and what matters is how recipes rank.
SMALL = baseline_recipe().but(
    widths=(12, 24, 48, 96),
    convs_per_block=1,
    last_width=0,
    head_widths=(),
    head_dropouts=(),
    order=Order.NORM_FIRST,
    norm_momentum=0.9,
    block_dropout=0.15,
    pooled_dropout=0.2,
    batch_size=32,
    class_weights=ClassWeights.NONE,
    schedule=Schedule.CONSTANT,
    stop_patience=0,
)


def space(hp: HyperParameters) -> Recipe:
    """Dropout, filters, learning rate and oversampling ratio, and whether faces are mirrored."""
    width = hp.Choice("first_width", [8, 12, 16], default=12)
    return SMALL.but(
        widths=(width, 2 * width, 4 * width, 8 * width),
        block_dropout=hp.Choice("block_dropout", [0.0, 0.15, 0.3], default=0.15),
        learning_rate=hp.Choice("learning_rate", [3e-4, 1e-3, 3e-3, 1e-2], default=1e-3),
        oversampling=hp.Choice("oversampling", [0.0, 1.0, 1.5], default=1.5),
        augmentation=Augmentation(flip=hp.Boolean("flip")),
    )


campaign = Campaign(
    name="fer2013-grid",
    question="How many epochs does each search need to find the best of 216 recipes?",
    space=space,
    settings=Settings(algorithm=Algorithm.GRID, max_trials=216, epochs=20, limit=1000, keep_models=0),
    baseline=SMALL,
)
