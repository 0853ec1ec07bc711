"""A campaign's settings as parameters change them.

In: what the campaign file says and the values of parameters. Out: settings, or the campaign, with those changes.
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
        BadInput: A value is none that it can have.
    """
    from pydantic import ValidationError

    from fer_exp.campaign import Settings

    changes = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings.model_validate({**settings.model_dump(), **changes})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput(
            f"{where}: {first['msg'].removeprefix('Value error, ')}, received {first['input']!r:.60}",
            "Nothing was started. Change that value.",
        ) from error


def refuse_foldless(settings: "Settings", changes: dict[str, object]) -> None:
    """Folds belong to the protocol subject-kfold alone.

    Raises:
        BadInput: They were given for another one.
    """
    given = [name for name in ("folds", "fold") if changes.get(name) is not None]
    if given and settings.test_fold is None:
        raise BadInput(
            f"{' and '.join(given)}: expected the protocol subject-kfold with them, received {settings.protocol}",
            "Nothing was started. Choose --protocol subject-kfold, or leave them out.",
        )


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
