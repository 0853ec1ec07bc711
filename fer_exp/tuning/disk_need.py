"""How much disk a campaign will need, so that it does not end in the middle of a night for want of it.

In: recipes, how many trainings, what stays. Out: bytes, or a refusal. An estimate from above: of each kind of file the
largest that the recipes lead to. What a training leaves is rounded up from one record on FER2013 (10 epochs, 3,589
images of validation) and two networks; what an epoch takes in MLflow's database is a guess. Figures stand below.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_exp.data.form import FER2013_FORM, Form
from fer_exp.recipe import Optimizer, Order, Recipe
from fer_exp.system.errors import NoSpace

FLOAT = 4  # bytes of a weight
FRAME = 200_000  # bytes of a file of weights besides them: HDF5's tables, the description of the network; 105,000 seen
FIGURES = 1_000_000  # bytes of a record's figures, log, report and provenance; 652,000 seen, most of it faces
PREDICTION = 60  # bytes an image, compressed; 28 seen
EPOCH = 2_000  # bytes of an epoch: its line of history (273 seen), and its points in MLflow's database (a guess)
DATABASE = 1_500_000  # bytes of MLflow's database before the first run; 0.95 million seen
CHECKPOINTS = 3  # of a running trial: its last, its best, and the one that is being written
PROMOTABLE = 2  # checkpoints that an ended trial of Hyperband keeps: its last and its best
AMPLE = 2  # times the need, below which it is worth a word


@dataclass(frozen=True)
class Need:
    """What a campaign will still write."""

    recipes: Sequence[Recipe]  # those it may train, or enough of them
    trainings: int
    epochs: int  # of one training
    models: int | None  # that stay; None: every training's
    workers: int
    images: int  # of validation
    form: Form = FER2013_FORM
    promotions: bool = False  # ended trials keep checkpoints, as in Hyperband
    shown: bool = True  # MLflow keeps a copy in the same place

    @property
    def size(self) -> int:
        """Bytes, from above."""
        checkpoint = max(checkpoint_size(recipe, self.form) for recipe in self.recipes)
        model = max(FLOAT * weights(recipe, self.form) + FRAME for recipe in self.recipes)
        record = FIGURES + PREDICTION * self.images
        at_work = min(self.workers, self.trainings)
        checkpoints = CHECKPOINTS * at_work + (PROMOTABLE * self.trainings if self.promotions else 0)
        models = self.trainings if self.models is None else min(self.models + at_work, self.trainings)
        kept = models * model + self.trainings * record
        shown = kept + model + DATABASE if self.shown else 0  # a model is logged before the one it replaces goes
        return checkpoints * checkpoint + kept + shown + self.trainings * self.epochs * EPOCH


def require(place: Path, need: Need, name: str, say: Callable[[str], None]) -> None:
    """Passes where the disk of `place` has room for `need`, with a word where it is not ample.

    Raises:
        NoSpace: It has not.
    """
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < need.size:
        raise NoSpace(
            f"campaign {name!r} needs about {_told(need.size)} of disk, free on that of {place} are {_told(free)}",
            "Nothing was started. Free some space, or let FER_EXP_HOME name a folder on a larger disk.",
        )
    if free < AMPLE * need.size:
        say(f"Disk space is scarce: about {_told(need.size)} are needed, {_told(free)} are free on that of {place}.")


def checkpoint_size(recipe: Recipe, form: Form = FER2013_FORM) -> int:
    """Bytes of the weights and the optimizer's state."""
    slots = 2 if recipe.optimizer in (Optimizer.ADAM, Optimizer.ADAMW) else 1
    copies = 1 + slots + bool(recipe.ema)
    return FLOAT * weights(recipe, form) * copies + FRAME


def weights(recipe: Recipe, form: Form = FER2013_FORM) -> int:
    """How many numbers the network has, those of normalisation included; counted without building it."""
    total, channels = 0, form.channels
    steps = [width for width in recipe.widths for _ in range(recipe.convs_per_block)]
    for width in [*steps, *([recipe.last_width] if recipe.last_width else [])]:
        free = width // 2 if recipe.mirror else width
        bias = 0 if recipe.order is Order.NORM_FIRST else free
        total += 3 * 3 * channels * free + bias + 4 * free
        channels = width
    if recipe.mirror:
        channels //= 2
    for width in recipe.head_widths:
        total += (channels + 1) * width + 4 * width
        channels = width
    return total + (channels + 1) * form.classes


def _told(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
