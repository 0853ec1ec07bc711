"""A campaign's settings as options change them.

In: what the campaign file says and the values of options. Out: settings, or the campaign, with those changes.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from fer_exp.system.errors import BadInput

if TYPE_CHECKING:
    from fer_exp.campaign import Campaign, HyperParameters, Settings
    from fer_exp.recipe import Recipe


def override(settings: "Settings", **given: object) -> "Settings":
    """The settings with the values that were given; None is none.

    Raises:
        BadInput: They do not go together.
    """
    from pydantic import ValidationError

    from fer_exp.campaign import Settings

    try:
        return Settings.model_validate({**settings.model_dump(), **{k: v for k, v in given.items() if v is not None}})
    except ValidationError as error:
        told = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise BadInput(f"options: {told}", "Nothing was started. Change one of them.") from error


def cleaned(settings: "Settings", *, leaks: bool, conflicts: bool, blank: bool) -> "Settings":
    """Switches rules on; those that the campaign file has on stay on."""
    from fer_exp.data.split.info import Cleaning

    said = settings.cleaning
    cleaning = Cleaning(
        drop_leaks=said.drop_leaks or leaks,
        drop_conflicts=said.drop_conflicts or conflicts,
        drop_blank=said.drop_blank or blank,
    )
    return settings.model_copy(update={"cleaning": cleaning})


def without_clahe(campaign: "Campaign") -> "Campaign":
    """The campaign whose recipes, the baseline's too, leave CLAHE out."""

    def space(hp: "HyperParameters") -> "Recipe":
        return campaign.space(hp).but(clahe=False)

    return replace(campaign, baseline=campaign.baseline.but(clahe=False), space=space)
