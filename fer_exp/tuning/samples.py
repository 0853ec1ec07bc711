"""What a campaign's `space` makes of fixed points: the recipes by which a changed file is told from an edited one.

In: a declared space and the function that makes recipes. Out: Samples, written into `campaign.json` when the campaign
starts; later, how the recipes of those points, and of every recorded trial, differ now. Comments, names and helpers may
change; a recipe may not.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fer_exp.campaign import Sample
from fer_exp.campaign.space import Scalar
from fer_exp.recipe import Recipe
from fer_exp.records import TrialSpec
from fer_exp.system.errors import BadCampaign

DRAWS = 8  # points drawn at random, beside the default, and every end or choice alone
CHOICES = 16  # of one hyperparameter that are tried at most
SHOWN = 4  # fields of a difference that are named

Build = Callable[[Mapping[str, Scalar]], Recipe]  # values of hyperparameters to a recipe; raises BadCampaign


def points_of(hyperparameters: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The default, each hyperparameter at each of its ends or choices with the others at their default, and draws.

    Args:
        hyperparameters: Keras Tuner's, as declared.
    """
    declared = list(hyperparameters)
    default = {hp.name: hp.default for hp in declared}
    yield default
    for hp in declared:
        for value in _ends(hp):
            if value != hp.default:
                yield default | {hp.name: value}
    for seed in range(1, DRAWS + 1):
        yield {hp.name: hp.random_sample(seed) for hp in declared}


def _ends(hp: Any) -> list[Any]:
    low, high = getattr(hp, "min_value", None), getattr(hp, "max_value", None)
    return list(hp.values)[:CHOICES] if low is None or high is None else [low, high]


def take_samples(points: Iterable[Mapping[str, Scalar]], build: Build, baseline: Recipe) -> tuple[Sample, ...]:
    """What `build` makes of `points`."""
    return tuple(Sample(values=dict(values), changes=_changes(values, build, baseline)) for values in points)


def samples_of_trials(specs: Iterable[TrialSpec], baseline: Recipe) -> tuple[Sample, ...]:
    """What recorded trials say about the space they came from."""
    return tuple(Sample(values=dict(s.values), changes=_against(baseline, s.recipe)) for s in specs if s.values)


def refuse_other_recipes(name: str, recorded: Iterable[Sample], build: Build, baseline: Recipe) -> None:
    """Passes where the space makes of every recorded point what it made then; what it refused then, it may make now.

    Raises:
        BadCampaign: It makes something else.
    """
    for sample in recorded:
        now = _changes(sample.values, build, baseline)
        if now == sample.changes or (sample.changes is None and now is not None):  # the same, or mended
            continue
        at = ", ".join(f"{name}={value}" for name, value in sample.values.items()) or "its only point"
        raise BadCampaign(
            f"campaign {name!r} was started with another `space`: at {at} it makes "
            f"{_difference(sample, now, baseline)}",
            "Nothing was changed. Put the space back to go on with that campaign, or give this one a new name: its "
            "trials are of other recipes.",
        )


def _difference(sample: Sample, now: dict[str, Scalar] | None, baseline: Recipe) -> str:
    if now is None or sample.changes is None:
        return "no recipe, and made one before"
    flat = baseline.flat()
    fields = [field for field in flat if sample.changes.get(field, flat[field]) != now.get(field, flat[field])]
    told = [f"{f} {sample.changes.get(f, flat[f])} -> {now.get(f, flat[f])}" for f in fields[:SHOWN]]
    more = f" and {len(fields) - SHOWN} more" if len(fields) > SHOWN else ""
    return "; ".join(told) + more


def _changes(values: Mapping[str, Scalar], build: Build, baseline: Recipe) -> dict[str, Scalar] | None:
    try:
        return _against(baseline, build(values))
    except BadCampaign:  # the search refuses such a point when it comes to it
        return None


def _against(baseline: Recipe, recipe: Recipe) -> dict[str, Scalar]:
    """The fields of `recipe` that are not the baseline's, with a field of a later version at its default left out."""
    flat = baseline.flat()
    return {field: value for field, value in recipe.flat().items() if value != flat[field]}
