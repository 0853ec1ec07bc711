"""A campaign: one question, its baseline recipe, the space of recipes to try, and the settings of the search.

In: a campaign file. Out: a `Campaign`, read and checked; for its record, a `CampaignSpec`.

    campaign    what a campaign file holds
    load        reading one
    objective   the metric that decides, and which way it is better
    probe       what a space does when it is called, before anything is started
    resources   what an attempt takes of a machine
    space       the hyperparameters of a space, as text and as values
    folds       a campaign for each fold, known by its name
    changes     what may change under a campaign's name, and what may not
"""

from fer_exp.campaign.campaign import (
    AT_REST,
    NAME,
    Algorithm,
    Campaign,
    CampaignSpec,
    HyperParameters,
    Sample,
    Settings,
)
from fer_exp.campaign.load import fingerprint, load_campaign
from fer_exp.campaign.objective import Direction, Objective
from fer_exp.campaign.resources import Resources

__all__ = [
    "AT_REST",
    "NAME",
    "Algorithm",
    "Campaign",
    "CampaignSpec",
    "Direction",
    "HyperParameters",
    "Objective",
    "Resources",
    "Sample",
    "Settings",
    "fingerprint",
    "load_campaign",
]
