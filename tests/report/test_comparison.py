"""A comparison as a page, and the commands that write pages."""

from pathlib import Path

import pytest

from fer_exp.system.home import Home
from tests import reported
from tests.commands import done, refused
from tests.reported import elements, section


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home(tmp_path / "home")
    monkeypatch.setenv("FER_EXP_HOME", str(home.root))
    reported.campaign(home, 3)
    return home


@pytest.mark.usefixtures("home")
def test_a_comparison_is_told_on_the_terminal_and_on_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    told = done("compare", "made/trials/1", "made:baseline", "--report", page)
    assert "A: made trial 1" in told
    html = page.read_text()
    headings = [one.text for one in elements(html) if one.tag in ("h1", "h2")]
    assert headings[0] == "made trial 1 against made baseline"
    assert "learning_rate" in section(html, "recipes").text
    assert "made/trials/0001" in section(html, "provenance").text
    assert "Not here" not in html
    assert "made trial 1, seed 1, up to 12 epochs" in section(html, "verdict").text


def test_a_report_lies_in_the_campaigns_folder_or_where_it_is_wanted(home: Home, tmp_path: Path) -> None:
    folder = home.campaign("made")
    assert done("report", "made") == f"Report: {folder / 'report.html'}\n"
    assert (folder / "MODEL_CARD.md").exists()
    other = tmp_path / "sub" / "other.html"
    assert done("report", "made", "--out", other, "--no-faces") == f"Report: {other}\n"
    assert not (other.parent / "MODEL_CARD.md").exists()


@pytest.mark.parametrize("name", ["", "x.txt", "x"])
def test_a_page_needs_a_name_of_its_own(home: Home, tmp_path: Path, name: str) -> None:
    for command in (("report", "made", "--out"), ("compare", "made", "made:baseline", "--report")):
        problem, remedy = refused(*command, tmp_path / name)
        assert f"{command[-1]}: expected a file that ends in .html" in problem
        assert remedy == "Nothing was written. Give a name such as report.html."
    assert home.root.exists()
