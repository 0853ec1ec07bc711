"""From a retrained record to a registered model, and whether it becomes the champion.

In: a record whose model MLflow has. Out: its version, and whether the alias moved. The alias moves only to a model
that is not worse on validation than the present champion, on the same data and protocol; numbers on other data say
nothing about it.
"""

from dataclasses import dataclass

from fer_exp.campaign import CampaignSpec, Objective
from fer_exp.home import Home
from fer_exp.records import Record
from fer_exp.tracking import Champion, champion, register, set_champion, sync


@dataclass(frozen=True)
class Handover:
    """What happened in the registry."""

    name: str
    version: int
    run_id: str
    is_champion: bool
    reason: str  # why it is, or is not


def hand_over(home: Home, campaign: CampaignSpec, record: Record, *, replace: bool) -> Handover:
    """Registers the record's model and moves the alias `champion` to it if it deserves that, or if `replace`.

    Raises:
        TrackingFailed: MLflow did not answer; the record is complete without it.
    """
    present = champion(home, campaign.name)
    version = register(home, campaign.name, record)
    value = record.scores()[campaign.settings.objective.metric]
    deserves, reason = _deserves(present, version.version, campaign, value)
    if (deserves or replace) and (present is None or present.version != version.version):
        set_champion(home, campaign.name, version.version)
    if replace and not deserves:
        reason = f"as asked, although {reason}"
    sync(home, campaign.name, "finished")  # registering under the campaign's lock shows its run as running again
    return Handover(campaign.name, version.version, version.run_id, deserves or replace, reason)


def _deserves(present: Champion | None, version: int, campaign: CampaignSpec, value: float) -> tuple[bool, str]:
    objective: Objective = campaign.settings.objective
    if present is None:
        return True, "the first version"
    if present.version == version:
        return True, "it was already"
    before = f"champion version {present.version}"
    if (present.data_digest, present.protocol) != (campaign.data.data_digest, campaign.data.protocol.value):
        return False, f"{before} was chosen on other data or another protocol, which cannot be compared"
    if present.metric != objective.metric:
        return False, f"{before} was chosen by {present.metric}, this one by {objective.metric}"
    shown = f"{objective.metric} {value:.4f} against {present.value:.4f} of {before}"
    if objective.better(present.value, value):
        return False, f"worse: {shown}"
    return True, f"not worse: {shown}"
