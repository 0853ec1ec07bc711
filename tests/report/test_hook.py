"""A search ends with a report, and ends as well where none can be made."""

from pathlib import Path

import pytest

from fer_exp.execute.loop import Ending
from fer_exp.execute.progress import Silence, Snapshot
from fer_exp.report import REPORT, refresh_pages, write_pages
from fer_exp.system.home import Home
from fer_exp.tuning.run import Conditions, run_search
from fer_exp.tuning.values import DataChoice, Result
from tests.fake_trials import train_fake
from tests.toy_search import campaign


class Listener(Silence):
    """Keeps what is said, and asks to stop at a number of ended trials, so many times."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def show(self, snapshot: Snapshot) -> None:
        pass


def search(home: Home, listener: Listener, report: object) -> Result:
    toy = campaign(max_trials=2)
    conditions = Conditions(home, listener, tracking=False, entry=train_fake, report=report)  # type: ignore[arg-type]  # fakes
    return run_search(toy, toy.settings, "toy.py", "mark", DataChoice("demo"), conditions)


def test_a_search_leaves_a_report_and_a_card(tmp_path: Path) -> None:
    home = Home(tmp_path)
    search(home, Listener(), write_pages)
    folder = home.campaign("toy")
    assert "could not be made" not in (folder / REPORT).read_text()
    assert (folder / "MODEL_CARD.md").read_text().startswith("---\n")


@pytest.mark.parametrize("error", [ZeroDivisionError("no"), MemoryError(), OSError(28, "No space left on device")])
def test_a_report_that_fails_costs_one_line_and_nothing_else(tmp_path: Path, error: Exception) -> None:
    def fails(_home: Home, _name: str) -> None:
        raise error

    home, listener = Home(tmp_path), Listener()
    result = search(home, listener, fails)
    assert result.ending is Ending.DONE
    assert (home.campaign("toy") / "leaderboard.csv").exists()
    (line,) = [line for line in listener.lines if "No report this time" in line]
    assert type(error).__name__ in line
    assert "`fer-exp report toy` makes it at any time" in line


def test_a_report_is_refreshed_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    search(home, Listener(), None)
    path = home.campaign("toy") / REPORT
    assert refresh_pages(home, "toy") == ""
    assert not path.exists()
    write_pages(home, "toy")
    path.write_text("old")
    assert refresh_pages(home, "toy") == ""
    assert path.read_text() != "old"

    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("no")

    monkeypatch.setattr("fer_exp.report.write.read_campaign", fails)
    assert "`fer-exp report toy` makes it anew" in refresh_pages(home, "toy")
