"""What a search is asked for, and what its campaign then is: `campaign.json`, checked against what stands there.

In: a campaign, its settings, a development part. Out: the CampaignSpec, and lines for the user.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fer_exp.campaign import Campaign, CampaignSpec, Settings
from fer_exp.campaign.changes import lies_in, refuse_changes
from fer_exp.data.split.prepare import Development
from fer_exp.records import now_ms, records_in
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import is_there
from fer_exp.tuning.make import make_proposer
from fer_exp.tuning.proposer import Proposer
from fer_exp.tuning.samples import refuse_other_recipes, samples_of_trials, take_samples
from fer_exp.tuning.teacher import TeacherFile

MakeProposer = Callable[[Campaign, Settings], Proposer]


@dataclass(frozen=True)
class SearchRequest:
    """What to search and on what."""

    campaign: Campaign
    settings: Settings
    file: str  # of the campaign, as given
    fingerprint: str
    development: Development
    propose: MakeProposer = make_proposer
    source: bytes | None = None  # the campaign file's text; None where there is no file
    teacher: TeacherFile | None = None  # of recipes that distil


def described(folder: Path, request: SearchRequest, proposer: Proposer) -> tuple[CampaignSpec, list[str]]:
    """What the campaign is, to be written into its folder, checked against what stands there; and lines for the user.

    Raises:
        BadCampaign: The name is taken by a campaign that differs in something trials depend on.
    """
    path = folder / "campaign.json"
    spec = CampaignSpec(
        name=request.campaign.name,
        question=request.campaign.question,
        settings=request.settings,
        baseline=request.campaign.baseline,
        data=request.development.info,
        fingerprint=request.fingerprint,
        space=proposer.space(),
        samples=take_samples(proposer.fixed_points(), proposer.recipe_at, request.campaign.baseline),
        file=request.file,
        teacher=None if request.teacher is None else request.teacher.teacher,
        created_ms=now_ms(),
        identity=secrets.token_hex(8),
    )
    if is_there(path):
        recorded = CampaignSpec.read(path)
        trained = samples_of_trials((record.spec() for record in records_in(folder / "trials")), spec.baseline)
        notes = refuse_changes(recorded, spec, [sample.values for sample in trained])
        samples = recorded.samples if not notes else tuple(s for s in recorded.samples if lies_in(s.values, spec.space))
        refuse_other_recipes(spec.name, (*samples, *trained), proposer.recipe_at, spec.baseline)
        kept = {"created_ms": recorded.created_ms, "identity": recorded.identity}
        spec = spec.model_copy(update=kept | ({"samples": recorded.samples} if recorded.samples and not notes else {}))
        return spec, notes
    elif is_there(folder / "state.json") or any(records_in(folder / "trials")):
        raise BadRecord(
            f"{path} is missing, but the campaign has a state or trials",
            f"Nothing was changed. Restore the file, or move {folder} away to start anew.",
        )
    return spec, []
