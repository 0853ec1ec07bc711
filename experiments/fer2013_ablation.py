"""FER2013: one thing at a time around the reference, each switched once.

Question: which single change of the reference recipe is worth how much on FER2013?
Hypothesis: augmentation gains most (flip, shift, random crop), then normalisation before ReLU, width and the cosine;
    CLAHE, oversampling and class weights are worth nothing or harm; the focal loss and mixup do not help at this size.
Command: fer-exp search experiments/fer2013_ablation.py --data PATH
Cost: 27 trainings of up to 60 epochs on 28,709 faces; an epoch of the baseline takes about 100 s on two cores, so a
    full run wants a GPU. Each arm has one seed, and seeds differ by more than many of these changes: retrain what looks
    better (`fer-exp retrain-best fer2013-ablation --trial N --seeds 5`) for a verdict against the baseline.
Result: not run to its end yet.
"""

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import Augmentation, ClassWeights, Loss, Optimizer, Order, Recipe, Schedule, baseline_recipe

# What each arm changes. Where one thing takes several fields, they stand together: SGD needs a rate of its own.
SWITCHES: dict[str, dict[str, object]] = {
    # network
    "norm-first": {"order": Order.NORM_FIRST},
    "double-width": {"widths": (64, 128, 256), "last_width": 512},
    "fourth-block": {"widths": (32, 64, 128, 256)},
    "third-convolution": {"convs_per_block": 3},
    "no-dense-head": {"head_widths": (), "head_dropouts": ()},
    "no-dropout": {"block_dropout": 0.0, "pooled_dropout": 0.0, "head_dropouts": (0.0, 0.0)},
    # optimisation
    "sgd": {"optimizer": Optimizer.SGD, "learning_rate": 0.05},
    "weight-decay": {"weight_decay": 0.01},
    "cosine": {"schedule": Schedule.COSINE, "warmup_epochs": 3.0, "stop_patience": 0},
    "batch-128": {"batch_size": 128},
    "label-smoothing": {"label_smoothing": 0.1},
    "focal-loss": {"loss": Loss.FOCAL},
    "averaged-weights": {"ema": 0.999},
    # data
    "no-clahe": {"clahe": False},
    "no-oversampling": {"oversampling": 0.0},
    "no-class-weights": {"class_weights": ClassWeights.NONE},
    "no-balancing": {"oversampling": 0.0, "class_weights": ClassWeights.NONE},
    "effective-number": {"oversampling": 0.0, "class_weights": ClassWeights.EFFECTIVE_NUMBER},
    "mixup": {"mixup": 0.2},
    "flip": {"augmentation": Augmentation(flip=True)},
    "shift": {"augmentation": Augmentation(shift=4.0)},
    "random-crop": {"augmentation": Augmentation(shift=2.0), "crop": 44},
    "rotation": {"augmentation": Augmentation(rotation=10.0)},
    "zoom": {"augmentation": Augmentation(zoom=0.1)},
    "contrast": {"augmentation": Augmentation(contrast=0.2)},
    "erasing": {"augmentation": Augmentation(erasing=0.5)},
}


def space(hp: HyperParameters) -> Recipe:
    """The reference with one switch thrown; as it is, it trains first as the campaign's baseline."""
    return baseline_recipe().but(**SWITCHES[hp.Choice("switch", list(SWITCHES))])


campaign = Campaign(
    name="fer2013-ablation",
    question="Which single change of the reference recipe is worth how much on FER2013?",
    space=space,
    settings=Settings(algorithm=Algorithm.GRID, max_trials=len(SWITCHES), epochs=60),
)
