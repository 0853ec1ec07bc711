"""What `status` shows: one campaign with its trials, or all campaigns, as text or JSON.

In: campaigns by name. Out: text; what cannot be read is added to `damaged`, and the rest is shown.
"""

import json

from fer_exp.campaign import CampaignSpec
from fer_exp.cli.names import known_campaign
from fer_exp.leaderboard.rows import leaderboard, whole
from fer_exp.leaderboard.table import leaderboard_table
from fer_exp.records import Record, RecordContents, State, records_in
from fer_exp.system.errors import BadRecord
from fer_exp.system.home import Home


def one_text(home: Home, spec: CampaignSpec, damaged: list[str]) -> str:
    """Its leaderboard, then its retrains."""
    folder, objective = home.campaign(spec.name), spec.settings.objective
    (trials, lost), (retrains, more) = (whole(records_in(folder / part)) for part in ("trials", "retrains"))
    damaged += [*lost, *more]
    lines = [f"{spec.name}: {spec.question}", f"{spec.data.source}, protocol {spec.data.protocol}", ""]
    lines.append(leaderboard_table(leaderboard(trials, objective)))
    for row in leaderboard(retrains, objective):
        shown = "-" if row.objective is None else f"{row.objective:.4f}"
        title = f"retrain {row.number} seed {row.seed}, {row.epochs}/{row.budget} epochs"
        lines.append(f"{title}: {row.state}, {objective.metric} {shown}")
    return "\n".join([*lines, *(f"damaged: {problem}" for problem in damaged)])


def all_text(home: Home, names: list[str], damaged: list[str]) -> str:
    """A line each: how many trials are in which state."""
    if not names:
        return f"No campaign in {home.campaigns} yet. Start one: fer-exp search experiments/demo.py"
    lines = []
    for name in names:
        lost = len(damaged)
        states = [_state(record, damaged) for record in records_in(home.campaign(name) / "trials")]
        counts = [f"{states.count(state)} {state}" for state in State if state in states]
        if len(damaged) > lost:
            counts.append(f"{len(damaged) - lost} damaged")
        try:
            known_campaign(home, name)
        except BadRecord as error:
            damaged.append(error.problem)
            counts.append("campaign.json damaged")
        lines.append(f"{name}: {', '.join(counts) or 'nothing started'}")
    return "\n".join(lines)


def _state(record: Record, damaged: list[str]) -> State | None:
    try:
        return record.state()
    except BadRecord as error:
        damaged.append(error.problem)
        return None


def all_json(home: Home, names: list[str], damaged: list[str]) -> str:
    """What each campaign is."""
    found: list[dict[str, object]] = []
    for name in names:
        try:
            found.append(_campaign_json(home, known_campaign(home, name)))
        except BadRecord as error:
            damaged.append(error.problem)
            found.append({"folder": str(home.campaign(name)), "damaged": [error.problem]})
    return json.dumps(found, indent=1)


def one_json(home: Home, spec: CampaignSpec, damaged: list[str]) -> str:
    """What it is, and all its trials and retrains."""
    folder = home.campaign(spec.name)
    found, lost = whole(record for part in ("trials", "retrains") for record in records_in(folder / part))
    damaged += lost
    told = {"trials": _trials_json(home, found), "damaged": lost}
    return json.dumps(_campaign_json(home, spec) | told, indent=1)


def _campaign_json(home: Home, spec: CampaignSpec) -> dict[str, object]:
    return {"folder": str(home.campaign(spec.name)), **json.loads(spec.to_json())}


def _trials_json(home: Home, records: list[RecordContents]) -> list[dict[str, object]]:
    return [
        {
            "folder": str(read.record.path.relative_to(home.root)),
            "state": read.state,
            "spec": json.loads(read.spec.to_json()),
            "outcome": None if read.outcome is None else json.loads(read.outcome.to_json()),
            "epochs": len(read.history),
            "scores": read.scores,
            "test_scores": read.test_scores,
        }
        for read in records
    ]
