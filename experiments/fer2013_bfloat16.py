"""FER2013: does multiplying in bfloat16 cost the reference recipe accuracy?

Question: trained on the same faces for the same epochs, is the reference's recipe in bfloat16 as good as in float32,
    over five seeds each, and how much faster is an epoch where the processor multiplies bfloat16?
Hypothesis: no difference beyond noise, because weights, loss and averages stay in float32; 1.3 times the images/s.
Command: fer-exp search experiments/fer2013_bfloat16.py --data PATH, then
    fer-exp retrain-best fer2013-bfloat16 --seeds 5
Cost: 12 trainings of eight epochs on 2,500 faces, half an hour on two cores that multiply bfloat16.
Result: not run to its end yet.
"""

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import Precision, Recipe, baseline_recipe


def space(hp: HyperParameters) -> Recipe:
    """The reference in bfloat16; as it is, it trains first as the campaign's baseline."""
    return baseline_recipe().but(precision=hp.Choice("precision", [Precision.BFLOAT16.value]))


campaign = Campaign(
    name="fer2013-bfloat16",
    question="Does multiplying in bfloat16 cost the reference recipe accuracy?",
    space=space,
    settings=Settings(algorithm=Algorithm.GRID, max_trials=1, epochs=8, limit=2500),
)
