"""Summary: what a campaign has found so far, on validation, as files for people and for programs.

In: a campaign's folder. Out: a Summary, and in the folder:

    leaderboard.csv, leaderboard.json   every trial, best first
    importance.json                     share of each hyperparameter, or why there is none
    figures/history.png, figures/parallel.png, figures/importance.png

It may be made at any time, while a search runs too: it reads records and writes nothing into them.
"""

from collections.abc import Sequence
from pathlib import Path

from fer_exp import figures
from fer_exp.campaign import CampaignSpec, Objective
from fer_exp.campaign.space import Dimension, dimensions
from fer_exp.leaderboard.importance import Importance, importance
from fer_exp.leaderboard.rows import Row, leaderboard, whole
from fer_exp.leaderboard.table import leaderboard_csv
from fer_exp.records import Kind, records_in
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import write_atomically
from fer_exp.system.values import Value


class Leaderboard(Value):
    """Every trial of a campaign, best first."""

    campaign: str
    objective: Objective
    rows: tuple[Row, ...]
    damaged: tuple[str, ...] = ()  # what is wrong with the trials that cannot be read, a line each


class Summary(Value):
    """What a campaign has found so far."""

    leaderboard: Leaderboard
    importance: Importance


def summarise(folder: Path) -> Summary:
    """Reads the campaign in `folder` and writes its leaderboard, importance and figures there.

    Raises:
        BadRecord: `campaign.json` is damaged, or a record belongs to another campaign; nothing is written.
    """
    spec = CampaignSpec.read(folder / "campaign.json")
    records, damaged = whole(records_in(folder / "trials"))
    for contents in records:
        of = contents.spec.campaign
        if of != spec.name:
            raise BadRecord(
                f"{contents.record.path}: expected a trial of campaign {spec.name!r}, received one of {of!r}",
                "Nothing was written. Move that folder away: trials of two campaigns are not comparable.",
            )
    objective = spec.settings.objective
    rows = tuple(leaderboard(records, objective))
    board = Leaderboard(campaign=spec.name, objective=objective, rows=rows, damaged=damaged)
    space = dimensions(spec.space)
    found = importance(board.rows, space, objective)
    write_atomically(folder / "leaderboard.json", board.to_json(indent=1))
    write_atomically(folder / "leaderboard.csv", leaderboard_csv(board.rows))
    write_atomically(folder / "importance.json", found.to_json(indent=1))
    _write_figures(folder / "figures", board, space, found)
    return Summary(leaderboard=board, importance=found)


def _write_figures(folder: Path, board: Leaderboard, space: Sequence[Dimension], found: Importance) -> None:
    figures.save(figures.history_figure(board.rows, board.objective, board.campaign), folder / "history.png")
    if any(row.kind is Kind.TRIAL and row.objective is not None for row in board.rows):
        parallel = figures.parallel_figure(board.rows, space, board.objective, board.campaign)
        figures.save(parallel, folder / "parallel.png")
    if found.shares:
        figures.save(figures.importance_figure(found, board.campaign), folder / "importance.png")
    else:
        (folder / "importance.png").unlink(missing_ok=True)  # an older one would contradict importance.json
