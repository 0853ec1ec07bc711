"""From a retrained record to a registered model, and whether it becomes the champion.

In: the seeds of a retrain, of which MLflow has the chosen one's model. Out: its version, and whether the alias moved.
The alias moves where the verdict says that the seeds are better than the present champion's, on the same validation
images; decision 0015 says why the best seed of each side is not enough.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fer_exp.campaign import CampaignSpec
from fer_exp.metrics.registry import shown
from fer_exp.records import Record, State, now_ms
from fer_exp.records.folder import state_at_rest
from fer_exp.records.handovers import Handover, note_handover
from fer_exp.system.errors import FerExpError
from fer_exp.system.home import Home
from fer_exp.tracking import Champion, champion, only_writer, register, set_champion, sync
from fer_exp.tracking.mapping import folder_of
from fer_exp.tracking.store import connect
from fer_exp.verdict import Answer, Comparison, Group, compare_groups, group_of

REPLACE = "--replace-champion moves the alias all the same"


@dataclass(frozen=True)
class Promotion:
    """What happened in the registry."""

    name: str
    version: int
    run_id: str
    is_champion: bool
    reason: str  # why it is, or is not


def promote(
    home: Home,
    campaign: CampaignSpec,
    record: Record,
    *,
    seeds: Sequence[Record] = (),
    replace: bool,
    verdict: str = "",
    handed_over: Callable[[], None] = lambda: None,
) -> Promotion:
    """Registers the record's model and moves the alias `champion` to it if it deserves that, or if `replace`.

    Args:
        home: Where the campaign is.
        campaign: The record's.
        record: Whose model is registered.
        seeds: All records of the same retrain, by which it is judged; without them, `record` alone.
        replace: Move the alias whatever the verdict.
        verdict: On its recipe against the baseline's, to be written down with the hand-over.
        handed_over: Called once the hand-over is written down, before MLflow is brought level.

    Raises:
        TrackingFailed: MLflow did not answer; the record is complete without it.
    """
    version = register(home, campaign.name, record)
    group = Group.of([one for one in seeds if one.state() is State.FINISHED] or [record])
    with only_writer(connect(home), campaign.name):  # who is judged against must still be the champion afterwards
        present = champion(home, campaign.name)
        deserves, reason = _deserves(home, present, version.version, campaign, group)
        if (deserves or replace) and (present is None or present.version != version.version):
            set_champion(home, campaign.name, version.version)
    if replace and not deserves:
        reason = f"as asked, although {reason}"
    folder, metric = home.campaign(campaign.name), campaign.settings.objective.metric
    handover = Handover(
        time_ms=now_ms(),
        version=version.version,
        record=folder_of(record),
        metric=metric,
        value=record.scores().get(metric, math.nan),
        champion=deserves or replace,
        reason=reason,
        verdict=verdict,
    )
    note_handover(folder, handover)
    handed_over()
    # Registering under the campaign's lock shows its run as running again.
    sync(home, campaign.name, state_at_rest(home.campaign(campaign.name)))
    return Promotion(campaign.name, version.version, version.run_id, deserves or replace, reason)


def _deserves(
    home: Home, present: Champion | None, version: int, campaign: CampaignSpec, group: Group
) -> tuple[bool, str]:
    if present is None:
        return True, "the first version"
    if present.version == version:
        return True, "it was already"
    before = f"champion version {present.version}"
    if present.identity != campaign.identity:
        return False, f"{before} is of an earlier campaign of this name, which cannot be compared; {REPLACE}"
    if (present.data_digest, present.protocol) != (campaign.data.data_digest, campaign.data.protocol.value):
        return False, f"{before} was chosen on other data or another protocol, which cannot be compared; {REPLACE}"
    record = Record(home.root / present.record)
    if not record.exists():
        return False, f"{before} stays: its record {present.record} is not here to be compared with; {REPLACE}"
    try:
        theirs = group_of(record)
        if {one.path for one in theirs.records} & {one.path for one in group.records}:
            return False, f"{before} is of the same recipe, budget and data; {REPLACE}"
        return _by_verdict(compare_groups(group, theirs), before)
    except FerExpError as error:
        return False, f"{before} stays, because the two cannot be compared: {error.problem}; {REPLACE}"


def _by_verdict(comparison: Comparison, before: str) -> tuple[bool, str]:
    judged = comparison.judgement
    name, by = judged.deciding, judged.of(judged.deciding)
    seeds = [f"mean over {len(side.seeds)} seed{'s' * (len(side.seeds) > 1)}" for side in (comparison.a, comparison.b)]
    told = (
        f"val/{name} {shown(name, by.a.mean)} ({seeds[0]}) against {shown(name, by.b.mean)} ({seeds[1]}) of {before}, "
        f"difference {100 * by.difference:+.2f} points, {100 * judged.level:.4g} % interval {100 * by.low:+.2f} to "
        f"{100 * by.high:+.2f}"
    )
    if judged.answer is Answer.BETTER:
        return True, f"better: {told}"
    word = "worse" if judged.answer is Answer.WORSE else "not shown to be better"
    return False, f"{word}: {told}; {REPLACE}"
