"""CK+48: on 700 faces of 80 people, is batch normalisation's slow average what holds a small network back?

Question: with nobody on two sides, does a faster average help a small network in the manner of the reference's?
Hypothesis: yes, by many points in 25 epochs: an epoch has 14 steps, and a momentum of 0.99 forgets its beginning only
    after hundreds, so that validation measures averages rather than weights.
Command: fer-exp search experiments/ckplus48.py --data ck48.zip, then fer-exp retrain-best ckplus48 --seeds 3
Cost: 4 and 6 trainings of at most 25 epochs, about six minutes on two cores.
Result: yes (2026-11-28, three seeds each, n = 153 images of 18 people): 85.6 against 69.7 %, better by 16 points, 95 %
    interval +11.8 to +20.0. Before averages forgot where they began (decision 34), 82.4 against 23.3 %: most of what
    the slow average cost was its start. Numbers: experiments/LOG.md.
"""

from fer_exp.campaign import Campaign, HyperParameters, Settings
from fer_exp.data.split.protocol import Protocol
from fer_exp.recipe import Recipe, baseline_recipe

SMALL = baseline_recipe().but(widths=(16, 32, 64), last_width=0, head_widths=(64,), head_dropouts=(0.25,))


def space(hp: HyperParameters) -> Recipe:
    """How fast averages follow, how much is dropped, how large a step is."""
    return SMALL.but(
        norm_momentum=hp.Choice("norm_momentum", [0.9, 0.95], default=0.9),
        block_dropout=hp.Choice("block_dropout", [0.1, 0.25], default=0.25),
        learning_rate=hp.Choice("learning_rate", [1e-3, 2e-3], default=1e-3),
    )


campaign = Campaign(
    name="ckplus48",
    question="Is batch normalisation's slow average what holds a small network back on 700 faces?",
    space=space,
    baseline=SMALL,
    settings=Settings(max_trials=3, epochs=25, protocol=Protocol.GROUPED),
)
