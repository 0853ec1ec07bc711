"""The notebooks of the documentation run from their first cell to their last, as they are committed."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from fer_exp import load_campaign
from fer_exp.system.home import Home
from tests.notebooks import executed, outputs_of

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "notebooks"
BOOKS = sorted(FOLDER.glob("*.ipynb"))
PATIENCE = 1500  # seconds a notebook
MODES = ("Full training", "Quick evaluation of a saved model", "Performance recovery")


def read(name: str) -> Any:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)  # type: ignore[no-untyped-call]  # published without types


@pytest.fixture
def run_in(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of its own; the kernel finds the package of this checkout."""
    assert home.root.parent == tmp_path
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parent.parent))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return tmp_path


def run(name: str, folder: Path) -> dict[str, Any]:
    """The code cells by their text, with outputs; nothing may be written to standard error or warned of."""
    done = {cell.source: cell for cell in executed(read(name), folder).cells if cell.cell_type == "code"}
    for text, cell in done.items():
        said = "".join(output.text for output in outputs_of(cell, "stream") if output.name == "stderr")
        assert re.sub(r"(?m)^(Loading|Reading|Measuring) .*\n", "", said) == "", text
    return done


def result_of(cells: dict[str, Any], begins: str) -> dict[str, str]:
    """What the cell that begins like that shows last, by kind of content."""
    (cell,) = [cell for text, cell in cells.items() if text.startswith(begins)]
    (shown,) = outputs_of(cell, "execute_result")
    return dict(shown.data)


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE)
def test_the_first_campaign_runs_to_its_end(run_in: Path, home: Home) -> None:
    cells = run("first_campaign", run_in)
    assert "in all     at most 3 trainings and 6 epochs" in result_of(cells, "fer_exp.dry_run")["text/html"]
    assert "Next:    fer_exp.retrain_best" in result_of(cells, "found =")["text/plain"]
    assert "hp/learning_rate" in result_of(cells, "first = ")["text/html"]
    for begins in ("first.plot_search", "first.plot_curves", "tested.confusion"):
        assert "image/png" in result_of(cells, begins)
    assert "Registered: first version 1" in result_of(cells, "again =")["text/plain"]
    assert "A: first retrain" in result_of(cells, "fer_exp.compare")["text/plain"]
    assert "This test part was" in result_of(cells, "tested = ")["text/plain"]
    assert len(home.ledger.read_text().splitlines()) == 1
    assert set(load_campaign("first", home=home).retrains()["seed"]) == {2, 3}


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE)
def test_the_three_modes_of_the_reference_notebook_run(run_in: Path, home: Home) -> None:
    cells = run("from_the_reference_notebook", run_in)
    trained = result_of(cells, "trained =")["text/plain"]
    assert "leaky" in trained
    assert "of them in training" in trained
    assert "This test part was" in result_of(cells, "tested = ")["text/plain"]
    verdict = result_of(cells, "stable =")["text/plain"]
    assert "One side started from a champion's weights" in verdict
    assert "image/png" in result_of(cells, "reference = ")
    assert "precision" in result_of(cells, "tested.report")["text/html"]
    assert len(load_campaign("reference", home=home).retrains()) == 2


def test_each_mode_is_one_cell() -> None:
    cells = read("from_the_reference_notebook").cells
    for mode in MODES:
        (place,) = [n for n, cell in enumerate(cells) if cell.source.startswith(f"## {mode}\n")]
        assert [cell.cell_type for cell in cells[place + 1 : place + 3]] == ["code", "markdown"]


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_committed_notebook_holds_no_output_and_nothing_of_a_machine(path: Path) -> None:
    """What was executed is the file itself, so its outputs would say nothing more, and each run would change them."""
    text = path.read_text(encoding="utf-8")
    for cell in nbformat.reads(text, as_version=4).cells:  # type: ignore[no-untyped-call]  # published without types
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
    assert not re.search(r"/(home|root|tmp|work|Users)/", text)


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_notebook_names_the_ways_to_the_data_and_what_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for way in ("fer2013.csv", "/content/drive/MyDrive/my faces/fer2013.csv", "/kaggle/input/fer2013", "demo"):
        assert way in text
    for link in re.findall(r"\]\((\.\./[^)]+)\)", text):
        assert (path.parent / link).exists(), link


def test_both_notebooks_are_there() -> None:
    assert [path.stem for path in BOOKS] == ["first_campaign", "from_the_reference_notebook"]
