"""Writing a campaign's report: one HTML file, and a model card beside it.

In: a home and a campaign. Out: `report.html` in the campaign's folder, or where the caller wants it. It reads records
and writes nothing into them.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from fer_exp import __version__
from fer_exp.campaign import CampaignSpec
from fer_exp.leaderboard.table import duration
from fer_exp.metrics.registry import shown
from fer_exp.model_card import CARD, card_record, model_card
from fer_exp.records import Kind
from fer_exp.report.blocks import Block, Missing, Page, Section
from fer_exp.report.comparison import comparison_page
from fer_exp.report.contents import Contents, read_campaign
from fer_exp.report.cost import cost_of
from fer_exp.report.page import render
from fer_exp.report.sections import account, course, outcome, recognition, trust
from fer_exp.report.sections.outcome import TONES, verdict_line
from fer_exp.system.files import write_atomically
from fer_exp.system.home import Home
from fer_exp.system.values import named
from fer_exp.verdict import Comparison, Group

REPORT = "report.html"

Make = Callable[[Contents], tuple[Block, ...]]
SECTIONS: tuple[tuple[str, str, Make], ...] = (
    ("question", "Question", outcome.question),
    ("verdict", "Verdict", outcome.verdict),
    ("leaderboard", "Leaderboard", outcome.board),
    ("recipes", "What the recipes differ in", outcome.recipes),
    ("history", "Search history", course.history),
    ("curves", "Learning curves", course.curves),
    ("confusion", "Confusion", recognition.confusion),
    ("classes", "By class", recognition.classes),
    ("importance", "Importance", course.mattered),
    ("parallel", "Parallel coordinates", course.coordinates),
    ("slices", "Slices", recognition.slices),
    ("calibration", "Calibration", recognition.calibration),
    ("mistakes", "Worst mistakes", recognition.mistakes),
    ("overtuning", "Overtuning", trust.overtuning),
    ("data", "Data", trust.data),
    ("ledger", "Ledger of test openings", trust.ledger),
    ("cost", "Cost", account.cost),
    ("provenance", "Provenance", account.origin),
    ("reproduce", "Make it again", account.again),
)


def write_report(home: Home, name: str, target: Path | None = None, *, pictures: bool = True) -> Path:
    """Writes the report of the campaign `name`; where it lies.

    Args:
        home: Where the campaign is.
        name: Of the campaign.
        target: The file; None for `report.html` in the campaign's folder.
        pictures: Whether faces may be shown.

    Raises:
        NotFound: There is no such campaign.
        BadRecord: Its own file is damaged.
    """
    contents = read_campaign(home, name, pictures=pictures)
    path = target or contents.folder / REPORT
    write_atomically(path, render(page_of(contents)))
    return path


def write_comparison(a: Group, b: Group, comparison: Comparison, target: Path) -> None:
    """Writes the page of a comparison."""
    write_atomically(target, render(comparison_page(a, b, comparison)))


def write_pages(home: Home, name: str) -> None:
    """Writes report and model card into the campaign's folder, for whoever looks there and for MLflow.

    Raises:
        NotFound: There is no such campaign.
        BadRecord: Its own file, or the record that the card is about, is damaged.
    """
    folder = write_report(home, name).parent
    spec = CampaignSpec.read(folder / "campaign.json")
    record = card_record(folder, spec)
    if record is not None:
        write_atomically(folder / CARD, model_card(spec, record))


def refresh_pages(home: Home, name: str) -> str:
    """Writes both again where the campaign has a report; why they could not be written, for a person, or nothing."""
    if not (home.campaign(name) / REPORT).exists():
        return ""
    try:
        write_pages(home, name)
    except Exception as error:  # the page follows from the records, and can be made at any time
        return f"The report is older than the records ({named(error)}); `fer-exp report {name}` makes it anew."
    return ""


def page_of(contents: Contents) -> Page:
    """The campaign's page."""
    sections = tuple(Section(name, title, _blocks(make, contents)) for name, title, make in SECTIONS)
    comparison, winner, baseline = contents.comparison, contents.winner, contents.baseline
    if comparison is not None and winner is not None and baseline is not None:
        lead = verdict_line(comparison, winner.title, baseline.title)
        tone = TONES[comparison.judgement.answer]
    else:
        lead, tone = f"No verdict: {contents.uncompared}", ""
    protocol = contents.spec.data.protocol
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Page(
        title=contents.spec.name,
        kicker=f"Campaign report, protocol {protocol.value}{', leaky' if protocol.leaky else ''}",
        lead=lead,
        sections=sections,
        figures=_figures(contents),
        tone=tone,
        made=f"Made by fer-exp {__version__} on {now} from the campaign's records. It is about apparent expressions in "
        "pictures, not what a person feels, and is no ground for decisions about people.",
    )


def _blocks(make: Make, contents: Contents) -> tuple[Block, ...]:
    """The blocks of a section; where one cannot be made the others are, and it says why."""
    try:
        return make(contents)
    except Exception as error:  # a page without one of its parts is worth more than none
        return (Missing(f"this part could not be made ({named(error)})."),)


def _figures(contents: Contents) -> tuple[tuple[str, str], ...]:
    rows = [row for row in contents.rows if row.objective is not None]
    found = []
    best = next((row for row in rows if row.kind is Kind.TRIAL), None)
    baseline = next((row for row in rows if row.kind is Kind.BASELINE), None)
    if best is not None:
        found.append((shown(contents.metric, best.objective), f"best trial, {contents.metric}"))
    if baseline is not None:
        found.append((shown(contents.metric, baseline.objective), f"baseline, {contents.metric}"))
    failed = sum(row.objective is None for row in contents.rows)
    found.append((f"{len(rows)}", f"trainings finished{f', {failed} not' if failed else ''}"))
    if contents.retrains:
        found.append((f"{len(contents.retrains)}", "retrains with fresh seeds"))
    cost = cost_of(contents.spec, contents.records)
    found.append((duration(cost.seconds), "trained"))
    return tuple(found)
