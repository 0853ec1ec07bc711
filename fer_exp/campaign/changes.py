"""What may change under a campaign's name, and what may not.

In: what is recorded under the name, what the file and the options say now. Out: nothing, or an error that shows the
difference. More trials, more hours, another number of kept models and new prose are harmless; data, split, space,
algorithm, epochs, seed, objective and baseline are not: the trials recorded so far could no longer be compared.
"""

from typing import Any

from fer_exp.campaign import CampaignSpec
from fer_exp.system.errors import BadCampaign

LONGEST = 120  # characters of a value that are shown
HARMLESS = ("max_trials", "max_hours", "keep_models")  # of Settings


def refuse_changes(recorded: CampaignSpec, now: CampaignSpec) -> None:
    """Lets harmless changes pass.

    Raises:
        BadCampaign: Something differs that trials depend on.
    """
    differences = [
        f"{_short(name)}: {_short(before)} -> {_short(after)}"
        for name, (before, after) in _compared(recorded, now).items()
        if before != after
    ]
    if differences:
        raise BadCampaign(
            f"campaign {recorded.name!r} was started with other choices: {'; '.join(differences)}",
            "Nothing was changed. Undo the change to go on with that campaign, or give this one a new name.",
        )


def _compared(recorded: CampaignSpec, now: CampaignSpec) -> dict[str, tuple[Any, Any]]:
    pairs: dict[str, tuple[Any, Any]] = {
        "data": (recorded.data.data_digest, now.data.data_digest),
        "protocol": (recorded.data.protocol.value, now.data.protocol.value),
        "split": (recorded.data.split_digest, now.data.split_digest),
    }
    settings_before, settings_now = recorded.settings.model_dump(mode="json"), now.settings.model_dump(mode="json")
    for name, value in settings_now.items():
        if name not in HARMLESS:
            pairs[name] = (settings_before[name], value)
    pairs["cleaning"] = (str(recorded.settings.cleaning), str(now.settings.cleaning))
    baseline_before, baseline_now = recorded.baseline.flat(), now.baseline.flat()
    for name in baseline_now:
        pairs[f"baseline {name}"] = (baseline_before[name], baseline_now[name])
    space_before = {entry["config"]["name"]: entry for entry in recorded.space}
    space_now = {entry["config"]["name"]: entry for entry in now.space}
    for name in dict.fromkeys([*space_before, *space_now]):
        pairs[f"space {name}"] = (_range(space_before.get(name)), _range(space_now.get(name)))
    return pairs


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
