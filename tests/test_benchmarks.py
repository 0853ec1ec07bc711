"""The measurements can be run: every subject imports, one comes to its end, and one that fails stops no other.

How fast anything was is nobody's business here.
"""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as program
from benchmarks import table
from benchmarks.setting import CHECKOUT, Setting
from benchmarks.sides import Goal, Row, Side, in_turns, row
from benchmarks.subjects import SUBJECTS, Subject, named


def a_row(figure: float = 3.0, goal: Goal | None = None) -> Row:
    sides = [Side("fer-exp", (1.0, 2.0, 4.0)), Side("instead", (6.0,))]
    return row("a measure", sides, figure, goal or Goal(2, unit="x"), "a note")


@pytest.mark.parametrize("subject", [s for s in SUBJECTS if s.name != "training"], ids=lambda subject: subject.name)
def test_every_subject_is_a_module_that_says_what_it_measures(subject: Subject) -> None:
    module = importlib.import_module(f"benchmarks.{subject.name}")  # `training` would load Keras here
    assert callable(module.rows)
    assert module.__doc__


def test_rows_run_by_name_and_the_long_ones_only_when_asked_for() -> None:
    assert [subject.name for subject in named(["parent", "command"], long=False)] == ["command", "parent"]
    assert "sixty_percent" not in [subject.name for subject in named([], long=False)]
    assert "sixty_percent" in [subject.name for subject in named([], long=True)]
    with pytest.raises(ValueError, match="no row nothing; there: data_loading"):
        named(["nothing"], long=False)


def test_sides_run_in_turns_that_turn_and_a_figure_of_their_own_counts() -> None:
    order: list[str] = []

    def told() -> float:
        order.append("b")
        return 7.0

    a, b = in_turns({"a": lambda: order.append("a"), "b": told}, 2)
    assert order == ["a", "b", "b", "a"]
    assert b.values == (7.0, 7.0)
    assert len(a.values) == 2


@pytest.mark.parametrize(
    ("goal", "figure", "met"),
    [(Goal(2), 2.0, True), (Goal(2), 1.9, False), (Goal(high=2), 1.9, True), (Goal(high=2), 2.0, False)],
)
def test_a_goal_is_met_or_it_is_not(goal: Goal, figure: float, met: bool) -> None:
    assert a_row(figure, goal).met is met


def test_a_row_without_a_goal_is_reported() -> None:
    assert (a_row(1.0, Goal()).met, a_row(1.0, Goal()).goal) == (None, "reported")


def test_a_row_survives_its_way_between_processes() -> None:
    assert table.from_json(table.to_json([a_row()])) == [a_row()]


def test_the_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nbehind\n")
    run = table.Run({"processor": "a"}, "python -m benchmarks", 60.0, (a_row(1.0),), ("gpu: left out",))
    assert table.into_page(page, table.markdown(run))
    text = page.read_text()
    assert "| a measure | 1x | at least 2x | **not met** | fer-exp 2 s (1-4)<br>instead 6 s<br>a note | 3 |" in text
    assert "- gpu: left out" in text
    assert text.startswith("before\n")
    assert text.endswith("behind\n")
    assert "old" not in text
    assert not table.into_page(tmp_path / "other.md", "")


def test_the_documentation_has_a_place_for_the_table() -> None:
    text = (CHECKOUT / "docs" / "performance.md").read_text()
    assert text.index(table.BEGIN) < text.index(table.END)


def test_a_subject_that_fails_or_hangs_is_one_line() -> None:
    broken = program._Process(Subject("nothing", "a subject that is not there", 1), Setting())
    assert list(broken.rows()) == []
    assert (broken.failed, broken.problem.count("\n")) == (True, 0)
    late = program._Process(Subject("parent", "the parent's work", 0.001), Setting())
    assert list(late.rows()) == []
    assert (late.failed, late.problem) == (True, "failed: took more than 0.001 minutes")


def test_a_row_comes_to_its_end_and_what_lacks_data_is_a_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "data_loading", "parent", "--tiny", "--out", str(tmp_path)]
    done = subprocess.run(
        [*command, "--data", str(tmp_path)], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=200
    )
    assert "data_loading: left out: no fer2013.csv.gz" in done.stdout
    stored = json.loads((tmp_path / "table.json").read_text())
    assert [found["measure"] for found in stored][::2] == [
        "parent's work per trial, random",
        "parent's work per trial, hyperband",
    ]
    assert "| measure | figure | goal |" in (tmp_path / "table.md").read_text()
