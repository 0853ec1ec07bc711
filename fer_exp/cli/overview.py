"""What `status` shows: one campaign with its trials, or all campaigns, as text or JSON.

In: campaigns by name. Out: text; what cannot be read is added to `damaged`, and the rest is shown.
"""

import json
from pathlib import Path

from fer_exp.api.names import known_campaign, terminal_width
from fer_exp.campaign import CampaignSpec
from fer_exp.leaderboard.rows import Row, leaderboard, whole
from fer_exp.leaderboard.table import duration, leaderboard_table, state_in_words
from fer_exp.metrics.registry import shown
from fer_exp.records import Record, RecordContents, State, records_in, title_of
from fer_exp.records.folder import state_of
from fer_exp.records.handovers import readable_handovers
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import read_file, whole_lines
from fer_exp.system.home import Home


def one_text(home: Home, spec: CampaignSpec, damaged: list[str]) -> str:
    """Its state, its leaderboard, its retrains, what was handed over, and how to go on."""
    folder, objective = home.campaign(spec.name), spec.settings.objective
    (trials, lost), (retrains, more) = (whole(records_in(folder / part)) for part in ("trials", "retrains"))
    damaged += [*lost, *more]
    lines = [f"{spec.name}: {spec.question}"]
    lines.append(f"{spec.data.source}, protocol {spec.data.split_title}; {state_of(folder)}")
    at_rest = state_of(folder) != "running"
    table = leaderboard_table(leaderboard(trials, objective), objective, at_rest=at_rest, width=terminal_width())
    lines += ["", table.rstrip()]
    again = leaderboard(retrains, objective)
    lines += ["", *(_retrain_line(row, objective.metric, at_rest=at_rest) for row in again)] if again else []
    told = [*_handed_over(folder), *_opened(folder)]
    lines += ["", *told] if told else []
    return "\n".join([*lines, *(f"damaged: {problem}" for problem in damaged)])


def _retrain_line(row: Row, metric: str, *, at_rest: bool) -> str:
    title = title_of(row.kind, row.number, row.seed)
    spent = f"{row.epochs}/{row.budget} epochs, {duration(row.seconds)}"
    return f"{title}: {state_in_words(row.state, at_rest=at_rest)}, {metric} {shown(metric, row.objective)} ({spent})"


def all_text(home: Home, names: list[str], damaged: list[str]) -> str:
    """A line each: its state, how many trainings ended how, the best of them, and what was handed over."""
    if not names:
        return f"No campaign in {home.campaigns} yet. Start one: fer-exp search experiments/demo.py"
    lines = []
    for name in names:
        folder = home.campaign(name)
        lost = len(damaged)
        states = [_state(record, damaged) for record in records_in(folder / "trials")]
        at_rest = state_of(folder) != "running"
        counts = [
            f"{states.count(state)} {state_in_words(state, at_rest=at_rest)}" for state in State if state in states
        ]
        if len(damaged) > lost:
            counts.append(f"{len(damaged) - lost} damaged")
        told = [", ".join(counts) or "nothing started"]
        try:
            told += _outcome(home, known_campaign(home, name))
        except BadRecord as error:
            damaged.append(error.problem)
            told.append("campaign.json damaged")
        lines.append(f"{name}: {state_of(folder)}; {'; '.join(told)}")
    return "\n".join(lines)


def _outcome(home: Home, spec: CampaignSpec) -> list[str]:
    folder = home.campaign(spec.name)
    rows, _ = whole(records_in(folder / "trials"))
    first = next(iter(leaderboard(rows, spec.settings.objective)), None)
    told = []
    if first is not None and first.objective is not None:
        title, metric = title_of(first.kind, first.number, first.seed), spec.settings.objective.metric
        told.append(f"best {title}, {metric} {shown(metric, first.objective)}")
    again = sum(1 for _ in records_in(folder / "retrains"))
    told += [f"{again} retrain{'s' * (again > 1)}"] if again else []
    champion = next((one for one in reversed(readable_handovers(folder)) if one.champion), None)
    told += [f"champion version {champion.version}"] if champion is not None else []
    return told + _opened(folder)


def _handed_over(folder: Path) -> list[str]:
    return [
        f"version {one.version}{', champion' if one.champion else ''}: {one.record}, "
        f"{one.metric} {shown(one.metric, one.value)}; {one.reason}"
        for one in readable_handovers(folder)
    ]


def _opened(folder: Path) -> list[str]:
    """How often its models have met the test part; a campaign's own ledger says it."""
    lines = whole_lines(folder / "ledger.jsonl")
    others = sum('"protocol":"external"' in line for line in lines)
    looks = len(lines) - others
    told = [f"test part opened {looks} time{'s' * (looks > 1)}"] if looks else []
    return told + ([f"evaluated on other sets {others} time{'s' * (others > 1)}"] if others else [])


def _run_id(record: Record) -> str | None:
    """MLflow's id of the record's run, as the last sync noted it."""
    try:
        found = json.loads(read_file(record.path / "tracking.json"))
    except (OSError, ValueError):
        return None
    return str(found["run_id"]) if isinstance(found, dict) and found.get("run_id") else None


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
    folder = home.campaign(spec.name)
    told = {
        "state": state_of(folder),
        "handovers": [json.loads(one.to_json()) for one in readable_handovers(folder)],
        "test_openings": len(whole_lines(folder / "ledger.jsonl")),
    }
    return {"folder": str(folder), **json.loads(spec.to_json()), **told}


def _trials_json(home: Home, records: list[RecordContents]) -> list[dict[str, object]]:
    return [
        {
            "folder": str(read.record.path.relative_to(home.root)),
            "state": read.state,
            "run_id": _run_id(read.record),
            "spec": json.loads(read.spec.to_json()),
            "outcome": None if read.outcome is None else json.loads(read.outcome.to_json()),
            "epochs": len(read.history),
            "scores": read.scores,
            "test_scores": read.test_scores,
        }
        for read in records
    ]
