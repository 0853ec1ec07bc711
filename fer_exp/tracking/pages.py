"""What MLflow's pages open with: the question, the columns that matter, the best trial first.

In: a campaign. Out: tags of its experiment, and the link that opens it so. MLflow opens an experiment on pages for
language models, with one folded row and no column, unless a link says otherwise; a view that such a link names is a tag
of the experiment, in a format of MLflow 3.17's own. A test in a real browser watches both.
"""

import base64
import json
import zlib
from collections.abc import Sequence

from fer_exp.campaign import CampaignSpec
from fer_exp.campaign.objective import Direction
from fer_exp.tracking.mapping import parameter_name

VIEW = "fer_exp"  # the view's key
NOTE = "mlflow.note.content"  # the text above the table
_VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
_TAG_LENGTH = 5_000  # MLflow's limit for an experiment's tag; a view has a few hundred


def experiment_tags(campaign: CampaignSpec, parent_id: str) -> dict[str, str]:
    """The tags of a campaign's experiment.

    Args:
        campaign: Whose pages they are.
        parent_id: The campaign's own run, under which the others are shown.
    """
    return {NOTE: _about(campaign), _VIEW_TAG: _packed(campaign, _view(campaign, parent_id))}


def link(base: str, experiment_id: str) -> str:
    """The address that opens the experiment as a table of trials, best first.

    A link that also says how to sort would make MLflow leave the view aside.

    Args:
        base: Of the server, as `http://127.0.0.1:5000`.
        experiment_id: MLflow's number.
    """
    page = f"{base.rstrip('/')}/#/experiments/{experiment_id}/runs"
    return f"{page}?workflowType=machine_learning&viewStateShareKey={VIEW}"


def columns(campaign: CampaignSpec) -> list[str]:
    """The columns that the table shows, in order."""
    objective = campaign.settings.objective.metric
    metrics = list(dict.fromkeys([objective, "val/accuracy", "val/macro_f1", "test/accuracy"]))
    searched = [parameter_name(entry["config"]["name"], campaign.baseline) for entry in campaign.space]
    return [
        *(f"metrics.`{name}`" for name in metrics),
        *(f"params.`{name}`" for name in (*searched, "epochs")),
        "tags.`fer_exp.kind`",
    ]


def _about(campaign: CampaignSpec) -> str:
    lines = [
        campaign.question,
        "",
        f"Objective: `{campaign.settings.objective.metric}`. Data: {campaign.data.source}, protocol "
        f"{campaign.data.split_title}. A run's description says what was changed and what came out; `epoch/val/...` "
        "are its curves. Written by fer-exp from the campaign's records.",
    ]
    return "\n".join(lines)[:_TAG_LENGTH]


def _view(campaign: CampaignSpec, parent_id: str) -> dict[str, object]:
    return {
        "selectedColumns": columns(campaign),
        "orderByKey": _order_key(campaign),
        "orderByAsc": _ascending(campaign),
        "runsExpanded": {parent_id: True},
        "runsHiddenMode": "FIRST_20_RUNS",
        "searchFilter": "",
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
    }


def _order_key(campaign: CampaignSpec) -> str:
    return f"metrics.`{campaign.settings.objective.metric}`"


def _ascending(campaign: CampaignSpec) -> bool:
    return campaign.settings.objective.direction is Direction.MIN


def _packed(campaign: CampaignSpec, view: dict[str, object]) -> str:
    packed = zlib.compress(json.dumps(view, sort_keys=True).encode(), 9)
    shared = {
        "name": "Best first",
        "createdAt": campaign.created_ms,
        "updatedAt": campaign.created_ms,
        "state": "deflate;" + base64.b64encode(packed).decode(),
    }
    return json.dumps(shared)


def missing(tags: dict[str, str], wanted: dict[str, str]) -> Sequence[tuple[str, str]]:
    """Those of `wanted` that `tags` does not say yet."""
    return [(name, value) for name, value in wanted.items() if tags.get(name) != value]
