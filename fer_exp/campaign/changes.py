"""What may change under a campaign's name, and what may not.

In: what is recorded under the name, what the file and the options say now. Out: lines for the user, or an error that
shows the difference. More trials, more hours, another number of kept models and new prose are harmless; so are other
ranges and choices of the same hyperparameters, where every recorded trial lies in them. Data, split, algorithm, epochs,
seed, objective and baseline are not: the trials recorded so far could no longer be compared.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fer_exp.campaign import Algorithm, CampaignSpec, Settings
from fer_exp.campaign.space import Scalar
from fer_exp.recipe import Recipe
from fer_exp.system.errors import BadCampaign

LONGEST = 120  # characters of a value that are shown
ROUNDING = 1e-9  # of a range: Keras Tuner's steps add up to 0.30000000000000004
HARMLESS = (
    "max_trials",
    "max_hours",
    "keep_models",
    "reading",
)  # of Settings; the data's digest says how they were read


def refuse_changes(
    recorded: CampaignSpec, now: CampaignSpec, trained: Sequence[Mapping[str, Scalar]] = ()
) -> list[str]:
    """Lets harmless changes pass, and says which of them are of the space.

    Args:
        recorded: What stands in the campaign's folder.
        now: What the file and the options say.
        trained: Values of the hyperparameters, of each recorded trial.

    Raises:
        BadCampaign: Something differs that trials depend on.
    """
    differences = _differences(_compared(recorded, now))
    moved = _differences(_ranges(recorded, now))
    if moved and not _goes_on(recorded, now, trained):
        differences += moved
    if differences:
        raise _other_choices(recorded.name, differences)
    lie = f"all {len(trained)} recorded trials lie in it" if trained else "no trial was recorded"
    return [f"The space changed ({'; '.join(moved)}); {lie}, so the campaign goes on."] if moved else []


def refuse_other_settings(recorded: CampaignSpec, settings: Settings, baseline: Recipe) -> None:
    """Passes where a campaign was started with these settings and this baseline, as far as trials depend on them.

    Raises:
        BadCampaign: It was started with others.
    """
    differences = _differences(_settings(recorded, settings, baseline))
    if differences:
        raise _other_choices(recorded.name, differences)


def _other_choices(name: str, differences: list[str]) -> BadCampaign:
    return BadCampaign(
        f"campaign {name!r} was started with other choices: {'; '.join(differences)}",
        "Nothing was changed. Undo the change to go on with that campaign, or give this one a new name with --name.",
    )


def lies_in(values: Mapping[str, Scalar], space: Sequence[Mapping[str, Any]]) -> bool:
    """Whether `values` can have been proposed in a space, as Keras Tuner describes it; steps are left out."""
    described = {entry["config"]["name"]: entry for entry in space}
    return values.keys() == described.keys() and all(_holds(described[name], value) for name, value in values.items())


def _holds(entry: Mapping[str, Any], value: Scalar) -> bool:
    config = entry["config"]
    match entry["class_name"]:
        case "Boolean":
            return isinstance(value, bool)
        case "Choice":
            return value in config["values"]
        case "Fixed":
            return bool(value == config["value"])
        case _:
            low, high = config["min_value"], config["max_value"]
            near = ROUNDING * max(abs(low), abs(high))
            return isinstance(value, int | float) and low - near <= value <= high + near


def _goes_on(recorded: CampaignSpec, now: CampaignSpec, trained: Sequence[Mapping[str, Scalar]]) -> bool:
    """Whether trials of the old space are trials of the new one; a grid has an order that is made once."""
    same_names = {e["config"]["name"] for e in recorded.space} == {e["config"]["name"] for e in now.space}
    grid = now.settings.algorithm is Algorithm.GRID
    return same_names and not grid and all(lies_in(values, now.space) for values in trained)


def _differences(pairs: Mapping[str, tuple[Any, Any]]) -> list[str]:
    return [
        f"{_short(name)}: {_short(before)} -> {_short(after)}"
        for name, (before, after) in pairs.items()
        if before != after
    ]


def _compared(recorded: CampaignSpec, now: CampaignSpec) -> dict[str, tuple[Any, Any]]:
    pairs: dict[str, tuple[Any, Any]] = {
        "data": (recorded.data.data_digest, now.data.data_digest),
        "protocol": (recorded.data.protocol.value, now.data.protocol.value),
        "split": (recorded.data.split_digest, now.data.split_digest),
    }
    return pairs | _settings(recorded, now.settings, now.baseline)


def _settings(recorded: CampaignSpec, settings: Settings, baseline: Recipe) -> dict[str, tuple[Any, Any]]:
    pairs: dict[str, tuple[Any, Any]] = {}
    settings_before, settings_now = recorded.settings.model_dump(mode="json"), settings.model_dump(mode="json")
    for name, value in settings_now.items():
        if name not in HARMLESS:
            pairs[name] = (settings_before[name], value)
    pairs["cleaning"] = (str(recorded.settings.cleaning), str(settings.cleaning))
    baseline_before, baseline_now = recorded.baseline.flat(), baseline.flat()
    for name in baseline_now:
        pairs[f"baseline {name}"] = (baseline_before[name], baseline_now[name])
    return pairs


def _ranges(recorded: CampaignSpec, now: CampaignSpec) -> dict[str, tuple[str, str]]:
    before = {entry["config"]["name"]: entry for entry in recorded.space}
    after = {entry["config"]["name"]: entry for entry in now.space}
    names = dict.fromkeys([*before, *after])
    return {f"space {name}": (_range(before.get(name)), _range(after.get(name))) for name in names}


def _range(entry: dict[str, Any] | None) -> str:
    return "absent" if entry is None else describe_hyperparameter(entry).partition(": ")[2]


def describe_hyperparameter(entry: dict[str, Any]) -> str:
    """Keras Tuner's description of a hyperparameter in one line: `dropout: Float from 0.0 to 0.5 step 0.1`."""
    config = entry["config"]
    kind = entry["class_name"]
    if kind in ("Choice", "Fixed", "Boolean"):
        values = config.get("values", [config.get("value")]) if kind != "Boolean" else [False, True]
        told = f"{kind} of {', '.join(map(str, values))}"
    else:
        told = f"{kind} from {config['min_value']} to {config['max_value']}"
        told += f" step {config['step']}" if config.get("step") else ""
        told += f" {config['sampling']}" if config.get("sampling") not in (None, "linear") else ""
    default = f" (default {config['default']})" if config.get("default") is not None else ""
    return f"{config['name']}: {told}{default}"


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= LONGEST and text.isprintable() else repr(text[:LONGEST])
