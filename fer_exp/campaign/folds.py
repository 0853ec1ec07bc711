"""The folds of a k-fold campaign: each is a campaign of its own, and its name says which.

In: a campaign under `subject-kfold` and a fold. Out: the fold's campaign; and the folds of a name that a home holds.
A fold is a campaign like any other, so that kills, resuming, records and MLflow are those of any other, and folds may
run on several machines. Each fold searches on its own development part: no recipe is chosen by faces that it is tested
on.
"""

import re
from dataclasses import replace

from fer_exp.campaign.campaign import Campaign, Settings
from fer_exp.data.split.info import Fold
from fer_exp.system.home import Home

_NAMED = re.compile(r"(?P<name>.+)-fold-(?P<number>\d+)-of-(?P<of>\d+)")


def name_of_fold(name: str, fold: Fold) -> str:
    """The campaign of a fold: `ck-fold-2-of-5`."""
    return f"{name}-fold-{fold}"


def of_fold(campaign: Campaign, settings: Settings, fold: Fold) -> tuple[Campaign, Settings]:
    """The campaign of a fold, and its settings."""
    return replace(campaign, name=name_of_fold(campaign.name, fold)), settings.model_copy(update={"fold": fold.number})


def folds_asked(settings: Settings) -> tuple[Fold, ...]:
    """The folds that a search goes through: one where the settings name it, else all; none under other protocols."""
    if settings.test_fold is None:
        return ()
    numbers = range(1, settings.folds + 1) if settings.fold is None else (settings.fold,)
    return tuple(Fold(number=number, of=settings.folds) for number in numbers)


def folds_in(home: Home, name: str) -> tuple[Fold, ...]:
    """The folds of `name` in a home, by number. Where it was split into 5 folds and into 10, those of 10."""
    named = [match for campaign in home.recorded() if (match := _NAMED.fullmatch(campaign))]
    folds = [Fold(number=int(one["number"]), of=int(one["of"])) for one in named if one["name"] == name]
    most = max((fold.of for fold in folds), default=0)
    return tuple(sorted((fold for fold in folds if fold.of == most), key=lambda fold: fold.number))
