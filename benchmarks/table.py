"""Rows as people and programs read them: lines while a run goes on, one Markdown table, JSON.

In: rows by subject, and why subjects have none. Out: text. `into_page` puts the table where `docs/performance.md`
keeps the last one.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.sides import Row, Side, short

BEGIN, END = "<!-- the last table: begin -->", "<!-- the last table: end -->"
MET = {True: "met", False: "**not met**", None: "-"}


@dataclass(frozen=True)
class Run:
    """One run of measurements."""

    machine: dict[str, str]
    command: str
    seconds: float
    rows: tuple[Row, ...]
    without: tuple[str, ...] = ()  # subjects without figures, and why, a line each


def line(row: Row) -> str:
    """A row for a terminal."""
    told = f"{row.measure}: {figure(row)}, goal {row.goal}: {MET[row.met].strip('*')}"
    return "\n    ".join([told, *(side.text() for side in row.sides), *([row.note] if row.note else [])])


def figure(row: Row) -> str:
    """The figure with its unit."""
    return f"{short(row.figure)}{row.unit}"


def markdown(run: Run) -> str:
    """Machine, command, table, what is missing."""
    lines = [*(f"- {name}: {value}" for name, value in run.machine.items())]
    lines += [f"- command: `{run.command}`, {run.seconds / 60:.0f} minutes", ""]
    lines += ["| measure | figure | goal | | median (least-most) | n |", "|---|---|---|---|---|---|"]
    for row in run.rows:
        sides = "<br>".join(side.text() for side in row.sides) + (f"<br>{row.note}" if row.note else "")
        lines.append(f"| {row.measure} | {figure(row)} | {row.goal} | {MET[row.met]} | {sides} | {row.times} |")
    if run.without:
        lines += ["", "Without figures:", "", *(f"- {line}" for line in run.without)]
    return "\n".join(lines) + "\n"


def into_page(page: Path, table: str) -> bool:
    """Puts the table between the page's marks; False where it has none."""
    text = page.read_text() if page.exists() else ""
    if BEGIN not in text or END not in text:
        return False
    before, after = text.split(BEGIN)[0], text.split(END, 1)[1]
    page.write_text(f"{before}{BEGIN}\n\n{table}\n{END}{after}")
    return True


def to_json(rows: Sequence[Row]) -> str:
    """Rows on one line, every value kept."""
    return json.dumps([asdict(row) for row in rows])


def from_json(text: str) -> list[Row]:
    """What `to_json` wrote."""
    found = []
    for stored in json.loads(text):
        sides = tuple(Side(side["name"], tuple(side["values"]), side["unit"]) for side in stored.pop("sides"))
        found.append(Row(sides=sides, **stored))
    return found
