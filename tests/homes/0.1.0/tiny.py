"""A tiny campaign."""

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import Recipe, baseline_recipe

BASELINE = baseline_recipe().but(widths=(4,), last_width=8, head_widths=(8,), head_dropouts=(0.1,), learning_rate=1e-2)


def space(hp: HyperParameters) -> Recipe:
    """Two numbers."""
    return BASELINE.but(
        block_dropout=hp.Choice("block_dropout", [0.0, 0.1, 0.2, 0.3], default=0.0),
        learning_rate=hp.Choice("learning_rate", [1e-3, 3e-3, 1e-2], default=1e-2),
    )


campaign = Campaign(
    name="tiny",
    question="Does it work?",
    space=space,
    baseline=BASELINE,
    settings=Settings(algorithm=Algorithm("random"), max_trials=2, epochs=2, limit=140),
    data="demo",
)
