"""Records that nothing was trained for yet. Loads no Keras, so that a process that trains nothing starts at once.

In: a folder and a recipe. Out: the record.
"""

from pathlib import Path
from typing import Any

from fer_exp.recipe import Recipe
from fer_exp.records import Kind, Record, TrialSpec

TINY = Recipe(widths=(4,), convs_per_block=1, last_width=8, head_widths=(8,), head_dropouts=(0.2,))
EPOCHS = 3


def new_record(folder: Path, recipe: Recipe = TINY, *, epochs: int = EPOCHS, seed: int = 1, **changes: Any) -> Record:
    """A record that nothing was trained for yet."""
    spec = TrialSpec(
        campaign="toy",
        kind=Kind.TRIAL,
        number=1,
        seed=seed,
        recipe=recipe,
        epochs=epochs,
        horizon=epochs,
        data_digest="0" * 16,
        split_digest="0" * 16,
        protocol="official",
    )
    return Record.create(folder, spec.model_copy(update=changes))
