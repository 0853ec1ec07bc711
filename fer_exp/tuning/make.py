"""The proposer of a campaign's algorithm.

In: a campaign and its settings. Out: what proposes its trials.
"""

from typing import TYPE_CHECKING

from fer_exp.campaign import Algorithm, Campaign, Settings

if TYPE_CHECKING:
    from fer_exp.tuning.adaptive_proposer import AdaptiveProposer
    from fer_exp.tuning.keras_tuner_proposer import KerasTunerProposer


def make_proposer(campaign: Campaign, settings: Settings) -> "AdaptiveProposer | KerasTunerProposer":
    """A new proposer, which has not been asked yet."""
    if settings.algorithm is Algorithm.ADAPTIVE:
        from fer_exp.tuning.adaptive_proposer import AdaptiveProposer

        return AdaptiveProposer(campaign, settings)
    from fer_exp.tuning.keras_tuner_proposer import KerasTunerProposer

    return KerasTunerProposer(campaign, settings)
